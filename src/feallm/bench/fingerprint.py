"""Whether two lists of items are the same, and in words what sets them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from feallm.bench.items import Item
from feallm.bench.predictions import item_line

EXAMPLES = 3


class Fingerprint:
    """Grows with the items, in their order: `add` each one's line, then `str()` it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, line: bytes) -> None:
        self._hash.update(line)
        self.count += 1

    def __str__(self) -> str:
        return self._hash.hexdigest()[:16]


def fingerprint(items: Iterable[Item]) -> str:
    """Sixteen hexadecimal digits over everything the items say, and their order, on which batches depend."""
    grown = Fingerprint()
    for item in items:
        grown.add(item_line(item))
    return str(grown)


def differences(old_items: Iterable[Item], new_items: Iterable[Item]) -> str:
    """What sets the new items apart from the old ones, in words with up to three examples each; "" for nothing."""
    old = {item.sample: item for item in old_items}
    found: dict[str, list[str]] = {}
    order, known = list(old), []
    for item in new_items:
        before = old.pop(item.sample, None)
        if before is None:
            found.setdefault("new", []).append(item.sample)
            continue
        known.append(item.sample)
        for what in _changes(before, item):
            found.setdefault(what, []).append(item.sample)
    if old:
        found = {"missing": list(old), **found}
    told = [f"{len(names):,} {what} ({_examples(names)})" for what, names in found.items()]
    kept = set(known)
    if known != [sample for sample in order if sample in kept]:
        told.append("the others in another order" if found else "the same items in another order")
    return "; ".join(told)


def _changes(old: Item, new: Item) -> list[str]:
    changes = {
        "with other labels": (old.truth, new.truth),
        "with other pictures": ((old.picture, old.view), (new.picture, new.view)),
        "with other questions": ((old.kind, old.question), (new.kind, new.question)),
    }
    told = [what for what, (before, now) in changes.items() if before != now]
    return told or ([] if old == new else ["otherwise described"])


def _examples(names: list[str]) -> str:
    more = ", …" if len(names) > EXAMPLES else ""
    return ", ".join(names[:EXAMPLES]) + more
