"""The facial action units: number, name, muscles, region, and the plain words for what is seen.

After FACS (Ekman, Friesen & Hager, 2002). `signs` are noun phrases and `clauses` whole clauses: texts are
composed from them, and answers.py reads each of them as its own unit and no other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ActionUnit:
    """One row of the FACS table. `coded` units are labelled in our data; the others are known by number."""

    number: int
    name: str
    muscles: tuple[str, ...]
    region: str
    appearance: str
    signs: tuple[str, ...]
    clauses: tuple[str, ...]
    coded: bool = True

    @property
    def id(self) -> str:
        """The zero-padded id of tables and columns: "AU06"."""
        return f"AU{self.number:02d}"

    @property
    def short(self) -> str:
        """The id as written in text: "AU6"."""
        return f"AU{self.number}"


REGIONS: tuple[str, ...] = (
    "brow",
    "eyes",
    "cheeks",
    "nose",
    "upper lip",
    "lip corners",
    "lower lip",
    "lips",
    "mouth",
    "chin",
    "jaw",
)
"""Facial regions from top to bottom; every unit belongs to one."""

_UNITS: tuple[ActionUnit, ...] = (
    ActionUnit(
        1, "inner brow raiser", ("frontalis, pars medialis",), "brow",
        "inner brow ends up, brows oblique, lines in the middle of the forehead",
        ("raised inner brows", "lifted inner eyebrows", "inner brow corners drawn upward",
         "oblique eyebrows"),
        ("the inner brows are raised", "the inner ends of the eyebrows are lifted",
         "the inner corners of the brows are drawn upward", "the eyebrows slant up toward the middle"),
    ),
    ActionUnit(
        2, "outer brow raiser", ("frontalis, pars lateralis",), "brow",
        "outer brow up; together with the inner brow the whole brow arches",
        ("raised outer brows", "lifted outer eyebrows", "outer brow ends pulled upward"),
        ("the outer brows are raised", "the outer ends of the eyebrows are lifted",
         "the outer corners of the brows are pulled upward"),
    ),
    ActionUnit(
        4, "brow lowerer", ("corrugator supercilii", "depressor supercilii", "procerus"), "brow",
        "brows down and together, a vertical furrow between them",
        ("lowered brows", "eyebrows drawn together", "furrowed brows", "a vertical furrow between the brows",
         "knitted eyebrows"),
        ("the brows are lowered", "the eyebrows are pulled together", "the brow is furrowed",
         "the eyebrows are drawn down and together", "the brows are knitted"),
    ),
    ActionUnit(
        5, "upper lid raiser", ("levator palpebrae superioris",), "eyes",
        "upper lids up, white above the iris",
        ("raised upper eyelids", "widened eyes", "white showing above the iris", "eyes opened wide"),
        ("the upper eyelids are raised", "the eyes are wide open", "the eyes are widened",
         "the white of the eye shows above the iris"),
    ),
    ActionUnit(
        6, "cheek raiser", ("orbicularis oculi, pars orbitalis",), "cheeks",
        "cheeks lifted, crow's feet, lower lids pushed up from below",
        ("raised cheeks", "lifted cheeks", "crow's feet at the eyes",
         "crinkles at the outer corners of the eyes"),
        ("the cheeks are raised", "the cheeks are lifted", "the cheeks are pushed up toward the eyes",
         "crow's feet form beside the eyes"),
    ),
    ActionUnit(
        7, "lid tightener", ("orbicularis oculi, pars palpebralis",), "eyes",
        "lids narrowed and tense, lower lid straight",
        ("tightened eyelids", "narrowed eyes", "tense lower eyelids", "squinting eyes"),
        ("the eyelids are tightened", "the eyes are narrowed", "the lower eyelids are tensed",
         "the lower lids are straightened"),
    ),
    ActionUnit(
        9, "nose wrinkler", ("levator labii superioris alaeque nasi",), "nose",
        "wrinkles at the root and the sides of the nose",
        ("a wrinkled nose", "wrinkles at the root of the nose", "wrinkles along the sides of the nose",
         "a scrunched nose"),
        ("the nose is wrinkled", "the nose is scrunched up", "wrinkles form at the root of the nose",
         "the bridge of the nose is wrinkled"),
    ),
    ActionUnit(
        10, "upper lip raiser", ("levator labii superioris",), "upper lip",
        "upper lip lifted squarely, nasolabial furrow bent like a pouch",
        ("a raised upper lip", "a lifted upper lip", "a curled upper lip"),
        ("the upper lip is raised", "the upper lip is pulled upward", "the upper lip is curled"),
    ),
    ActionUnit(
        11, "nasolabial deepener", ("zygomaticus minor",), "cheeks",
        "middle of the nasolabial furrow deepened",
        ("a deepened nasolabial furrow",),
        ("the nasolabial furrow is deepened",), coded=False,
    ),
    ActionUnit(
        12, "lip corner puller", ("zygomaticus major",), "lip corners",
        "lip corners up and back",
        ("raised lip corners", "lip corners pulled upward", "upturned mouth corners", "a smile"),
        ("the lip corners are raised", "the corners of the lips are pulled up",
         "the corners of the mouth are turned upward", "the mouth curves upward"),
    ),
    ActionUnit(
        13, "sharp lip puller", ("levator anguli oris",), "lip corners",
        "lip corners pulled up sharply, cheeks puffed",
        ("a sharp lip pull",),
        ("the lip corners show a sharp pull",), coded=False,
    ),
    ActionUnit(
        14, "dimpler", ("buccinator",), "lip corners",
        "lip corners tightened inward, a dimple beside them",
        ("tightened lip corners", "lip corners pulled inward", "dimples beside the mouth", "dimpled cheeks"),
        ("the lip corners are tightened", "the corners of the mouth are drawn inward",
         "the cheeks are dimpled"),
    ),
    ActionUnit(
        15, "lip corner depressor", ("depressor anguli oris",), "lip corners",
        "lip corners down",
        ("lowered lip corners", "lip corners pulled down", "downturned mouth corners", "a downturned mouth"),
        ("the lip corners are pulled down", "the corners of the mouth are turned downward",
         "the mouth is turned down", "the corners of the lips droop"),
    ),
    ActionUnit(
        16, "lower lip depressor", ("depressor labii inferioris",), "lower lip",
        "lower lip down, lower teeth seen",
        ("a lowered lower lip", "a lower lip pulled down", "exposed lower teeth"),
        ("the lower lip is pulled down", "the lower lip is drawn downward", "the lower teeth are exposed"),
    ),
    ActionUnit(
        17, "chin raiser", ("mentalis",), "chin",
        "chin boss up and wrinkled, lower lip pushed up",
        ("a raised chin boss", "a wrinkled chin", "a lower lip pushed up", "a bunched chin"),
        ("the chin is pushed up", "the chin is wrinkled", "the lower lip is pushed upward",
         "the chin boss is raised"),
    ),
    ActionUnit(
        18, "lip pucker", ("incisivii labii",), "lips",
        "lips pushed forward and rounded",
        ("puckered lips",), ("the lips are puckered",), coded=False,
    ),
    ActionUnit(
        19, "tongue show", (), "mouth",
        "tongue seen",
        ("a protruding tongue",), ("the tongue is showing",), coded=False,
    ),
    ActionUnit(
        20, "lip stretcher", ("risorius", "platysma"), "mouth",
        "lips stretched sideways, flat",
        ("stretched lips", "lips pulled sideways", "horizontally stretched lips",
         "lips drawn back toward the ears"),
        ("the lips are stretched", "the lips are pulled sideways", "the mouth is stretched sideways",
         "the lips are drawn back toward the ears"),
    ),
    ActionUnit(
        22, "lip funneler", ("orbicularis oris",), "lips",
        "lips flared outward like a funnel",
        ("funneled lips",), ("the lips are funneled",), coded=False,
    ),
    ActionUnit(
        23, "lip tightener", ("orbicularis oris",), "lips",
        "lips narrow and tense",
        ("tightened lips", "narrowed lips", "tense lips", "lips rolled thin"),
        ("the lips are tightened", "the lips are narrowed", "the lips are tense"),
    ),
    ActionUnit(
        24, "lip pressor", ("orbicularis oris",), "lips",
        "lips pressed together",
        ("pressed lips", "lips pressed together", "lips squeezed together"),
        ("the lips are pressed together", "the lips are squeezed together",
         "the lips press against each other"),
    ),
    ActionUnit(
        25, "lips part",
        ("depressor labii inferioris", "relaxed mentalis", "relaxed orbicularis oris"), "lips",
        "a gap between the lips",
        ("parted lips", "slightly open lips", "a gap between the lips", "an open mouth"),
        ("the lips are parted", "the lips are apart", "the mouth is open", "the lips are separated"),
    ),
    ActionUnit(
        26, "jaw drop", ("relaxed masseter", "relaxed temporalis", "relaxed medial pterygoid"), "jaw",
        "jaw lowered by relaxation, teeth apart",
        ("a dropped jaw", "a lowered jaw", "a slack jaw", "teeth held apart"),
        ("the jaw is dropped", "the jaw is lowered", "the jaw hangs open", "the teeth are apart"),
    ),
    ActionUnit(
        27, "mouth stretch", ("pterygoids", "digastric"), "jaw",
        "mouth stretched wide open",
        ("a wide-open mouth", "a gaping mouth", "a mouth stretched wide open"),
        ("the mouth is stretched wide open", "the mouth is wide open", "the mouth gapes"),
    ),
    ActionUnit(
        28, "lip suck", ("orbicularis oris",), "lips",
        "lips sucked in over the teeth",
        ("sucked-in lips",), ("the lips are sucked in",), coded=False,
    ),
    ActionUnit(
        34, "cheek puff", (), "cheeks",
        "cheeks puffed out with air",
        ("puffed-out cheeks",), ("the cheeks are puffed out",), coded=False,
    ),
    ActionUnit(
        43, "eyes closed", ("relaxed levator palpebrae superioris",), "eyes",
        "both eyes closed",
        ("closed eyes", "closed eyelids", "eyes shut"),
        ("the eyes are closed", "the eyelids are closed", "the eyes are shut"),
    ),
    ActionUnit(
        45, "blink", ("relaxed levator palpebrae superioris", "orbicularis oculi, pars palpebralis"), "eyes",
        "eyes closed and opened again within half a second",
        ("a blink",), ("the eyes are blinking",), coded=False,
    ),
)  # fmt: skip

ACTION_UNITS: dict[str, ActionUnit] = {unit.id: unit for unit in _UNITS}
"""Every known unit by its zero-padded id, in the order of the numbers."""

CODED_AUS: tuple[str, ...] = tuple(unit.id for unit in _UNITS if unit.coded)
"""The twenty units labelled in our data."""

SCORED_AUS: tuple[str, ...] = tuple(
    f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 25, 26, 27, 43)
)
"""The fifteen coded units frequent enough in our data to be scored one by one."""

_NUMBER = re.compile(
    r"(?:(?:facial\s+)?action\s+units?|au)?[\s_:#-]*[lrtb]?0*(\d{1,2})(?:_[rc])?[lrtb]?[a-e]?\s*",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\bpars\s+|\bthe\s+|[,()]", re.IGNORECASE)


def _plain(text: str) -> str:
    return " ".join(_PARTS.sub(" ", text.lower().replace("_", " ").replace("-", " ")).split())


def _muscle_owners() -> dict[str, str | None]:
    """Map each muscle name to its only unit, or to None where several share it.

    A name without its part ("orbicularis oculi", "frontalis") is shared by the units of its parts; AU43,
    AU25 and AU26 relax a muscle, and are named only by "relaxed ...". AU45 is left to its name.
    """
    owners: dict[str, set[str]] = {}
    for unit in _UNITS:
        if unit.number == 45:
            continue
        for muscle in unit.muscles:
            for name in {_plain(muscle), _plain(muscle.split(",")[0])}:
                owners.setdefault(name, set()).add(unit.id)
    return {name: next(iter(units)) if len(units) == 1 else None for name, units in owners.items()}


MUSCLES: dict[str, str | None] = _muscle_owners()
"""Lower-case muscle name, without "pars" and commas -> the one unit it moves, or None where it is shared."""

_NAMES: dict[str, str] = {_plain(unit.name): unit.id for unit in _UNITS}


def parse_au(text: str | int) -> str | None:
    """Return the id ("AU06") that a label names in any usual form, or None.

    Takes numbers (6, "AU6", "AU06_r", "au_6", "AU6L", "R12"), names and muscles. None for a number outside
    the table and for a muscle that several units share. Sentences are for answers.read_answer.
    """
    if isinstance(text, int):
        found = f"AU{text:02d}"
        return found if found in ACTION_UNITS else None
    match = _NUMBER.fullmatch(text.strip())
    if match:
        return parse_au(int(match[1]))
    plain = _plain(text)
    return _NAMES.get(plain) or MUSCLES.get(plain)


_LETTERS = ("", "A", "B", "C", "D", "E")


def intensity_letter(value: float) -> str:
    """Return the FACS letter of an intensity 0-5: "" for none, "A" trace ... "E" maximum.

    Rounded to the nearest step, halves up. Raises ValueError outside 0 to 5.
    """
    if not 0 <= value <= 5:
        raise ValueError(f"AU intensity must lie between 0 and 5, got {value}")
    return _LETTERS[int(value + 0.5)]


def intensity_value(letter: str) -> int:
    """Return the intensity 0-5 of a FACS letter; "" is 0. Raises ValueError for any other text."""
    if letter.upper() not in _LETTERS:
        raise ValueError(f"AU intensity letter must be A to E or empty, got {letter!r}")
    return _LETTERS.index(letter.upper())
