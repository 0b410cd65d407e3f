"""Which action units a what-if question takes out and which it puts in."""

import re
from collections.abc import Sequence
from itertools import pairwise

from feallm.analyze.effects import Change
from feallm.analyze.wordings import wordings
from feallm.facs.answers import Mention

WHAT_IF = wordings(
    "what if, suppos*, imagine, without, (take/taking) away, remov*, adding, add, minus, put in, (take/taking) out",
    "replac*, would ... if",
    "swap*, substitut*, exchang*",
    "if ... (were/weren't/was/wasn't/had/hadn't/did/didn't/would/stopped/gone)",
)
MATTERS = wordings("contribut*, matter*, weigh*, effect, influence, importan*, role, impact")
EVERY = wordings(
    "(all/every/any/no) ... (units/unit/aus/au), everything, nothing moved, all of them",
    "(face/features) (were/was/is) (still/relaxed), (face/features) (were/was/is) at rest",
)
"""The whole evidence at once."""
GRADED = wordings(
    "only slight*, only a little, only just, slighter, weaker, stronger, fainter, half, more intense, less intense",
    "(as/twice/half) (as/strong/intense)",
    "(more/less) (strong*/clear*/pronounced), a little (more/less), (was/were/is/are) (slight/faint/strong/weak)",
)
"""Another strength, which no intervention gives."""
_TAKEN = wordings(
    "without, gone, missing, absent, remov*, no, not, neither, n't, never, (take/takes/took/taken/taking) ... away",
    "disappear*, (take/taking) out, vanish*, stop*, minus, relax*, at rest, less, lack*, delet*, ignor*, inactiv*",
    "off, zero, nil, suppress*, disabl*",
    "(taken/left) out, invisible, ceas*, exclud*, subtract*",
)
_KEPT = wordings(
    "(not/n't) ?be ?been ?being (absent/missing/gone/inactive/removed/lacking/invisible/off/relaxed)",
)
"""Denied twice: it is there."""
_ADDED = wordings("with, add*, put in, plus, appear*, (were/was) there")
_JOINED = re.compile(r"\b(?:and|but)\b|[,;]", re.IGNORECASE)
_VERB = wordings("were, was, is, are, did, had, would")
_NEGATION = re.compile(r"\b(?:not|never|no|hardly)\b|n't\b", re.IGNORECASE)
_RATHER = re.compile(r"\b(?:instead of|rather than|in place of|in lieu of)\b", re.IGNORECASE)
_REPLACES = re.compile(r"\b(?:replac(?:ed|es|ing))\b", re.IGNORECASE)
_EXCHANGE = re.compile(
    r"\b(?P<verb>replac|swap|exchang|switch|chang|turn|trad|substitut)\w*\b.*?\b(?P<by>with|by|for|to|into)\b",
    re.IGNORECASE,
)


def blanked(text: str, found: Sequence[Mention], *, keep: re.Pattern[str] | None = None) -> str:
    """The text without the units it names, so that "the lip corners are depressed" is no question of health.

    What `keep` finds inside of a unit's words stays: "the brows were not lowered" keeps "not".
    """
    for each in found:
        if each.kind == "au":
            inside = text[each.start : each.end]
            kept = list(" " * len(inside))
            for match in keep.finditer(inside) if keep is not None else ():
                kept[match.start() : match.end()] = match.group()
            text = text[: each.start] + "".join(kept) + text[each.end :]
    return text


def read_change(text: str, found: Sequence[Mention]) -> Change:
    """The units taken out and those put in; `found` are the mentions of the text."""
    units = [each for each in found if each.kind == "au"]
    rest = blanked(text, found, keep=_NEGATION)
    return _exchanged(rest, units) or _by_parts(text, rest, units)


def _exchanged(rest: str, units: Sequence[Mention]) -> Change | None:
    """ "AU12 instead of AU4", "replace AU4 with AU12", "substitute AU12 for AU4"; None where nothing is exchanged."""
    rather, exchange = _RATHER.search(rest), _EXCHANGE.search(rest)
    if rather is not None:
        kept, dropped = _split(units, rather.start())
        if not kept:  # "instead of AU4 there were AU12"
            first, kept = dropped[:1], dropped[1:]
            dropped = first
        return _apart(dropped, kept)
    if exchange is None:
        replaces = _REPLACES.search(rest)
        after, before = _split(units, replaces.start()) if replaces is not None else ([], [])
        return _apart(before, after) if before and after else None
    before, after = _split(units, exchange.start("by"))
    if not before or not after:
        return None
    turned = exchange["verb"].lower() == "substitut" and exchange["by"].lower() == "for"
    return _apart(after, before) if turned else _apart(before, after)


def _split(units: Sequence[Mention], at: int) -> tuple[list[str], list[str]]:
    return [each.value for each in units if each.start < at], [each.value for each in units if each.start >= at]


def _apart(taken: Sequence[str], added: Sequence[str]) -> Change:
    out = tuple(dict.fromkeys(taken))
    return out, tuple(unit for unit in dict.fromkeys(added) if unit not in out)


def _by_parts(text: str, rest: str, units: Sequence[Mention]) -> Change:
    """Part by part: one without a word for either is said of the one before it ("without AU6 and AU12") or, where it
    has no verb, of the one after it ("AU6 and AU12 were gone"); a sentence without any puts in ("were lowered")."""
    bounds = [0, *(match.start() for match in _JOINED.finditer(rest)), len(text)]
    changed: dict[bool, list[str]] = {True: [], False: []}  # taken out, put in
    waiting: list[str] = []
    before: bool | None = None
    for start, end in pairwise(bounds):
        part, inside = rest[start:end], [each for each in units if start <= each.start < end]
        kept = _KEPT.search(part)
        cue = kept or _TAKEN.search(part) or _ADDED.search(part)
        named = [*waiting, *(each.value for each in inside)]
        waiting = []
        if cue is not None:
            taken = kept is None and _TAKEN.search(part) is not None
            before = taken if not inside or start + cue.start() < inside[0].start else None
        elif before is not None:
            taken = before
        elif inside and not _VERB.search(text[start:end]) and end < len(text):
            waiting = named
            continue
        else:
            taken = False
        changed[taken] += named
    return _apart(changed[True], changed[False])
