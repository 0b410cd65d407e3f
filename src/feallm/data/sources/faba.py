"""FABA-Instruct (Li et al., ECCV 2024): answers about emotions and action units of AffectNet faces, by GPT-4V.

    FABAInstruct/train/train_emotion_anno.json   FABAInstruct/eval/eval_emotion_anno.json
    FABAInstruct/train/train_au_anno.json        FABAInstruct/eval/eval_au_anno.json
    FABAInstruct/train/images/AffectNet/…        FABAInstruct/eval/images/AffectNet/…

Entries: `source`, `image`, `id`, `conversations` [{"from": "human" | "gpt", "value"}], `landmark` (not used). Entries
of both files about one picture are one face: its `references` are "expression" (the answer about the emotion) and
"movements" (that about the AUs). Pictures lie in `images` beside the lists, whatever the paths of the lists begin with.

The lists name no classes: labels and AUs are read from the answers by `facs.answers`. An AU that an answer does not
speak of is unknown. Where an entry has a `label`, as the published scorer expects, it is taken instead.
Splits: train, test (the folder `eval`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources.json_rows import read_rows
from feallm.data.sources.source import Source
from feallm.facs.action_units import parse_au
from feallm.facs.answers import read_answer
from feallm.facs.emotions import LABEL_SETS, parse_emotion

FOLDERS = {"train": "train", "test": "eval"}
TASKS = {"emotion": "expression", "au": "movements"}
"""What a list is about -> the family its answers are references of."""
CODES = ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")
"""Emotion numbers of the published scorer."""
NUMBERS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
READ = "read from the text"
GIVEN = "FABA-Instruct labels"
WRITTEN = "GPT-4V"
AGAIN = "take the file from the release again"


@dataclass
class _Known:
    """What the lists say of one picture."""

    image: Path
    references: dict[str, str] = field(default_factory=dict)
    label: str | None = None
    units: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """The faces of one split, from the folder FABAInstruct or the one that holds it.

    Raises:
        FileNotFoundError: neither list of the split is there.
        ValueError: an unknown split.
    """
    if split not in FOLDERS:
        raise ValueError(f"FABA-Instruct has the splits {', '.join(FOLDERS)}, not {split!r}")
    lists = _lists(path, split)
    if not lists:
        name = FOLDERS[split]
        raise FileNotFoundError(
            f"no FABA-Instruct {split} data in {path}: expected {name}/{name}_emotion_anno.json or "
            f"{name}/{name}_au_anno.json, with the pictures in {name}/images"
        )
    return _faces(lists, split)


def _lists(path: Path, split: str) -> dict[str, Path]:
    """Task -> list, for those that are there."""
    name = FOLDERS[split]
    for root in (path, path / "FABAInstruct", path / "FABA-Instruct"):
        found = {task: root / name / f"{name}_{task}_anno.json" for task in TASKS}
        found = {task: file for task, file in found.items() if file.is_file()}
        if found:
            return found
    return {}


def _faces(lists: Mapping[str, Path], split: str) -> Iterator[LabelledFace | Problem]:
    faces: dict[str, _Known] = {}
    for task, file in lists.items():
        seen: dict[str, int] = {}
        for item in read_rows(file):
            if isinstance(item, Problem):
                yield item
                continue
            where, row = item
            identity = str(row.get("id") or Path(str(row.get("image", ""))).with_suffix(""))
            seen[identity] = seen.get(identity, 0) + 1
            known = faces.setdefault(
                identity if seen[identity] == 1 else f"{identity}#{seen[identity]}", _Known(Path())
            )
            wrong = _add(known, task, row, file.parent)
            if wrong is not None:
                yield Problem(where, wrong, AGAIN)
    for identity, known in faces.items():
        if known.references:
            yield _face(identity, known, split)


def _add(known: _Known, task: str, row: Mapping[str, Any], folder: Path) -> str | None:
    """Put one entry to what is known of its picture; return what is wrong with the entry."""
    answer, image = _answer(row), str(row.get("image") or "")
    if answer is None or not image:
        return f"expected an image and an answer from 'gpt', got the fields {', '.join(sorted(row))}"
    label = str(row["label"]).strip() if row.get("label") is not None else None
    if task == "emotion":
        emotion = read_answer(answer, LABEL_SETS["faba"]).emotion if label is None else _emotion(label)
        if label is not None and emotion is None:
            return f"label {label!r}, expected an emotion or a number from 0 to {len(CODES) - 1}"
        known.label = emotion
        known.provenance["faba"] = READ if label is None else GIVEN
    else:
        units = _read_units(answer) if label is None else _units(label)
        if units is None:
            return f"label {label!r}, expected AU numbers such as '4, 9, 15'"
        known.units = units
        known.provenance["action_units"] = READ if label is None else GIVEN
    image = image.replace("\\", "/").lstrip("/")
    known.image = folder / "images" / (image.partition("images/")[2] or image)
    known.references[TASKS[task]] = answer
    known.provenance["references"] = WRITTEN
    return None


def _answer(row: Mapping[str, Any]) -> str | None:
    """What GPT-4V answered: the last turn that is not the human's, or the scorer's field `gpt4`."""
    turns = row.get("conversations") or row.get("conversation") or ()
    said = [turn.get("value") for turn in turns if isinstance(turn, dict) and turn.get("from") != "human"]
    answer = said[-1] if said else row.get("gpt4")
    return answer.strip() if isinstance(answer, str) and answer.strip() else None


def _emotion(label: str) -> str | None:
    number = label.removesuffix(".0")
    if number.isdigit():
        return CODES[int(number)] if int(number) < len(CODES) else None
    emotion = parse_emotion(label)
    return emotion if emotion in CODES else None


def _units(label: str) -> dict[str, float] | None:
    """ "4, 9, 15" -> those AUs present; those outside the FACS table of the project are passed over."""
    cells = [cell.strip().upper().removeprefix("AU").removesuffix(".0") for cell in label.split(",") if cell.strip()]
    if not all(cell.isdigit() for cell in cells):
        return None
    return dict.fromkeys(sorted(unit for cell in cells if (unit := parse_au(int(cell))) is not None), 1.0)


def _read_units(answer: str) -> dict[str, float]:
    """The AUs that an answer asserts (1) or denies (0)."""
    said = read_answer(answer)
    return dict.fromkeys(said.denied_aus, 0.0) | dict.fromkeys(said.aus, 1.0)


def _face(identity: str, known: _Known, split: str) -> LabelledFace:
    return LabelledFace(
        identity,
        known.image,
        "faba",
        split,
        {"faba": one_hot(known.label, LABEL_SETS["faba"])} if known.label else {},
        {"faba": known.label} if known.label else {},
        action_units=known.units,
        graded=False,
        references=known.references,
        provenance=known.provenance,
    )


def layout(path: Path) -> str | None:
    """ "emotions and AUs", "emotions" or "AUs": the lists of a FABA-Instruct folder; None for another."""
    tasks = {task for split in FOLDERS for task in _lists(path, split)}
    if not tasks:
        return None
    return "emotions and AUs" if len(tasks) == len(TASKS) else {"emotion": "emotions", "au": "AUs"}[tasks.pop()]


SOURCE = Source(
    title="FABA-Instruct",
    scan=scan,
    layout=layout,
    splits=tuple(FOLDERS),
    ask="the authors of EmoLA (github.com/JackYFL/EmoLA), and AffectNet's owners for the right to its pictures",
    licence="The pictures are AffectNet's and stay under its agreement: training on FABA-Instruct breaks a zero-shot "
    "claim on AffectNet. The answers were written by GPT-4V, no person labelled them.",
    label_sets=("faba",),
    action_units=tuple(f"AU{number:02d}" for number in NUMBERS),
    counts={
        "emotions and AUs/train": 19474,
        "emotions and AUs/test": 403,
        "emotions/train": 19474,
        "emotions/test": 403,
        "AUs/train": 15838,
        "AUs/test": 325,
    },
    unconfirmed="that every picture with an AU answer has one about the emotion too, as the published totals imply; "
    "the fields `label` and `gpt4`, which the published scorer reads and the published example lacks",
)
