"""Counts over a store: families, emotions, action units, lengths, distinct texts; as numbers and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from feallm.data.rows import Row
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.emotions import EMOTIONS

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Tally:
    """What was counted. Faces are counted once each, as their records stand side by side in a store.

    `emotions[label set]`, `units` (shown) and `coded` (looked for) count faces; `pairs[emotion, unit]` faces that show
    both, of the `coded_with` that were looked at, in each label set. `told`, `asserted` and `denied` count records that
    claim an emotion or a unit in their answers; `words[family][n]` counts records whose last answer has n words.
    """

    records: int = 0
    turns: int = 0
    faces: int = 0
    families: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    emotions: dict[str, Counter[str]] = field(default_factory=dict)
    units: Counter[str] = field(default_factory=Counter)
    coded: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    coded_with: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    asserted: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    words: dict[str, Counter[int]] = field(default_factory=dict)
    provenance: dict[str, set[str]] = field(default_factory=dict)
    answers: set[int] = field(default_factory=set)
    questions: set[int] = field(default_factory=set)
    _last: tuple[str, str, str] | None = None

    def add(self, row: Row) -> None:
        self.records += 1
        self.families[row["family"]] += 1
        self.sources[f"{row['source']} {row['split']}"] += 1
        claims = [turn["claims"] for turn in row["turns"]]
        self.told.update({claim["emotion"] for claim in claims if claim["emotion"]})
        self.asserted.update({unit for claim in claims for unit in claim["asserted"]})
        self.denied.update({unit for claim in claims for unit in claim["denied"]})
        for turn in row["turns"]:
            self.turns += 1
            self.answers.add(hash(turn["answer"]))
            self.questions.add(hash(turn["question"]))
        self.words.setdefault(row["family"], Counter())[len(row["turns"][-1]["answer"].split())] += 1
        face = (row["source"], row["split"], row["face"])
        if face != self._last:
            self._last = face
            self._add_face(row)

    def _add_face(self, row: Row) -> None:
        self.faces += 1
        labels = row["labels"]
        self.coded.update(list(labels["action_units"]))
        self.units.update(labels["present"])
        for label_set, emotion in labels["emotions"].items():
            self.emotions.setdefault(label_set, Counter())[emotion] += 1
            self.pairs.update((emotion, unit) for unit in labels["present"])
            self.coded_with.update((emotion, unit) for unit in labels["action_units"])
        for what, who in row["provenance"].items():
            self.provenance.setdefault(f"{row['source']} {row['split']}", set()).add(f"{what}: {who}")

    def to_json(self) -> dict[str, Any]:
        """The counts as a manifest holds them."""
        return {
            "records": self.records,
            "turns": self.turns,
            "faces": self.faces,
            "families": _ordered(self.families),
            "emotions": {name: _in_order(counts) for name, counts in sorted(self.emotions.items())},
            "action_units": {unit: {"shown": self.units[unit], "coded": self.coded[unit]} for unit in _coded(self)},
            "told_emotions": _in_order(self.told),
            "asserted_action_units": _ordered(self.asserted),
            "denied_action_units": _ordered(self.denied),
            "distinct_answers": len(self.answers),
            "distinct_questions": len(self.questions),
        }


def tally(rows: Iterable[Row]) -> Tally:
    found = Tally()
    for row in rows:
        found.add(row)
    return found


def tables(found: Tally) -> list[Table]:
    """Families with lengths, emotions of each label set, action units; to be printed with rich."""
    return [_totals(found), _families(found), *_emotions(found), _units(found)]


def _totals(found: Tally) -> Table:
    table = _table("", "records", "faces", "answers", "distinct answers", "distinct questions")
    numbers = (found.records, found.faces, found.turns, len(found.answers), len(found.questions))
    table.add_row("all", *(f"{number:,}" for number in numbers))
    return table


def _families(found: Tally) -> Table:
    table = _table("family", "records", "share", "words of its last answer: least", "median", "most")
    for family, count in found.families.most_common():
        lengths = sorted(found.words[family].elements())
        middle = lengths[len(lengths) // 2]
        table.add_row(
            family, f"{count:,}", _share(count, found.records), str(lengths[0]), str(middle), str(lengths[-1])
        )
    return table


def _emotions(found: Tally) -> list[Table]:
    made = []
    for label_set, counts in sorted(found.emotions.items()):
        table = _table(f"emotion ({label_set})", "faces", "share", "records that tell it")
        for emotion, count in _in_order(counts).items():
            table.add_row(emotion, f"{count:,}", _share(count, counts.total()), f"{found.told[emotion]:,}")
        made.append(table)
    return made


def _units(found: Tally) -> Table:
    table = _table("action unit", "faces", "of those coded", "records that assert it", "that deny it")
    for unit in _coded(found):
        shown = found.units[unit]
        table.add_row(
            f"{unit} {ACTION_UNITS[unit].name}",
            f"{shown:,}",
            _share(shown, found.coded[unit]),
            f"{found.asserted[unit]:,}",
            f"{found.denied[unit]:,}",
        )
    return table


def _table(first: str, *others: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _coded(found: Tally) -> list[str]:
    return sorted({*found.coded, *found.asserted})


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _in_order(counts: Counter[str]) -> dict[str, int]:
    return {emotion: counts[emotion] for emotion in EMOTIONS if counts[emotion]}
