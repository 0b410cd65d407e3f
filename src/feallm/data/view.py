"""One self-contained HTML page about a store: faces, labels, conversations, and where each claim stands in the text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from feallm.data.pictures import Pixels
from feallm.data.rows import Row
from feallm.data.shards import writing
from feallm.data.store import Store
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.answers import Mention, mentions
from feallm.facs.emotions import EMOTIONS
from feallm.settings import SettingsError

Claimed = Mapping[str, Any]
"""The claims of a turn, as a row holds them."""
SIDE = 256
"""Pixels of the longer side of an embedded picture, at most."""
MARGIN = 0.25
"""Of a face's box, shown around it."""


def write_view(store: Store, path: str | Path, count: int = 50) -> int:
    """Write a page with `count` records spread evenly over the store; how many of them have a picture.

    Raises SettingsError for a count below 1, OutputError where the page cannot be written.
    """
    if count < 1:
        raise SettingsError(f"the number of records must be 1 or more, got {count}")
    rows = spread(store, count)
    pictures = {
        row["id"]: data_uri(pixels, row["box"]) for row, pixels in store.pictures.read(rows) if pixels is not None
    }
    text = page(store, rows, pictures)
    path = Path(path).expanduser()
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return len(pictures)


def spread(store: Store, count: int) -> list[Row]:
    """`count` rows, the same distance apart."""
    total = len(store)
    wanted = {place * total // count for place in range(count)} if count < total else set(range(total))
    return [row for place, row in enumerate(store.rows()) if place in wanted]


def data_uri(pixels: Pixels, box: Sequence[float] | None) -> str:
    """A small JPEG of the face as a data URI; `box` (x, y, width, height) is cut out with a margin."""
    image = Image.fromarray(pixels)
    if box is not None:
        x, y, width, height = box
        across, down = width * MARGIN, height * MARGIN
        edges = (x - across, y - down, x + width + across, y + height + down)
        left, top = (max(0, round(edge)) for edge in edges[:2])
        right, bottom = min(image.width, round(edges[2])), min(image.height, round(edges[3]))
        if left < right and top < bottom:
            image = image.crop((left, top, right, bottom))
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def page(store: Store, rows: Sequence[Row], pictures: dict[str, str]) -> str:
    """The page's HTML. Everything that comes from the store is escaped; nothing is loaded from elsewhere."""
    template = Template(resources.files(__package__).joinpath("view.html").read_text(encoding="utf-8"))
    found = {emotion for row in rows for emotion in _emotions(row)}
    sources = ", ".join(f"{one['title']} ({one['split']})" for one in store.manifest["sources"])
    return template.substitute(
        title=escape(store.manifest["name"]),
        summary=escape(f"{len(rows):,} of {len(store):,} records, spread evenly over the store. Faces from {sources}."),
        families=_options(sorted({row["family"] for row in rows})),
        emotions=_options([emotion for emotion in EMOTIONS if emotion in found]),
        count=len(rows),
        articles="\n".join(_article(row, pictures.get(row["id"])) for row in rows),
    )


def _options(names: Sequence[str]) -> str:
    return "".join(f"<option>{escape(name)}</option>" for name in names)


def _emotions(row: Row) -> list[str]:
    """The emotions a row is found by: its labels and what its answers tell."""
    told = [turn["claims"]["emotion"] for turn in row["turns"]]
    return sorted({name for name in (*row["labels"]["emotions"].values(), *told) if name})


def _article(row: Row, picture: str | None) -> str:
    alt = escape(f"The face of {row['face']}")
    shown = (
        f'<img src="{picture}" alt="{alt}">'
        if picture
        else f'<div class="none">No picture found for {escape(row["image"])}</div>'
    )
    turns = "".join(_turn(turn["question"], turn["answer"], turn["claims"]) for turn in row["turns"])
    return (
        f'<article data-family="{escape(row["family"])}" data-emotions="{escape(" ".join(_emotions(row)))}">'
        f'<div class="picture">{shown}<dl>{_labels(row)}</dl></div>'
        f'<div><h2>{escape(row["id"])} <span class="tag">{escape(row["family"])}</span></h2>{turns}</div></article>'
    )


def _turn(question: str, answer: str, claims: Claimed) -> str:
    said = f'<p class="question">{escape(question)}</p><p class="answer">{highlight(answer, claims)}</p>'
    return said + _unsaid(answer, claims)


def _labels(row: Row) -> str:
    labels = row["labels"]
    pairs = list(labels["emotions"].items())
    strong = {unit: f" {labels['action_units'][unit]:g}" if labels["graded"] else "" for unit in labels["present"]}
    if labels["action_units"]:
        named = [f"{ACTION_UNITS[unit].short}{strength}" for unit, strength in strong.items()]
        pairs.append(("action units", ", ".join(named) or "none"))
    pairs += [(name, f"{labels[name]:g}") for name in ("valence", "arousal") if labels[name] is not None]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)


def kind_of(mention: Mention, claims: Claimed) -> str:
    """Which claim a mention stands for: "emotion", "cause", "asserted", "denied", or "open" where it is none."""
    if mention.kind == "emotion":
        return "emotion" if mention.value == claims["emotion"] and mention.polarity == "asserted" else "open"
    for name, kind in (("causes", "cause"), ("asserted", "asserted"), ("denied", "denied")):
        wanted = "denied" if kind == "denied" else "asserted"
        if mention.value in claims[name] and mention.polarity == wanted:
            return kind
    return "open"


def highlight(answer: str, claims: Claimed) -> str:
    """The answer as HTML, with a mark around the words of each claim."""
    spans: dict[tuple[int, int], list[Mention]] = {}
    for mention in mentions(answer):
        spans.setdefault((mention.start, mention.end), []).append(mention)
    parts, at = [], 0
    for (start, end), named in sorted(spans.items()):
        if start < at:  # inside words that are marked already
            continue
        kind = kind_of(named[0], claims)
        meaning = escape(", ".join(_meaning(mention) for mention in named))
        parts += [
            escape(answer[at:start]),
            f'<mark class="{kind}" title="{meaning}">{escape(answer[start:end])}</mark>',
        ]
        at = end
    return "".join([*parts, escape(answer[at:])])


def _meaning(mention: Mention) -> str:
    unit = ACTION_UNITS.get(mention.value)
    return f"{f'{unit.short} {unit.name}' if unit else mention.value}: {mention.polarity}"


def _unsaid(answer: str, claims: Claimed) -> str:
    """A line that names the claims whose words are not found in the answer: there should be none."""
    found = {(mention.value, mention.polarity) for mention in mentions(answer)}
    claimed = [(claims["emotion"], "asserted")] if claims["emotion"] else []
    claimed += [(unit, name) for name in ("asserted", "denied") for unit in claims[name]]
    missing = ", ".join(f"{value} {polarity}" for value, polarity in claimed if (value, polarity) not in found)
    return f'<p class="unsaid soft">Claimed, not found in the words: {escape(missing)}</p>' if missing else ""
