"""Pieces of a page. Every text that comes from a run is escaped here: names and answers are anybody's."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from feallm.bench.emotion_scores import NONE
from feallm.bench.report.table import Table
from feallm.bench.report.worst import Case

Row = Mapping[str, Any]


def style() -> str:
    """The style sheet of every page of numbers, with the colours that `feallm.report.svg` draws by."""
    return resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def text(value: object) -> str:
    """Escaped, without control characters other than white space."""
    return escape("".join(letter for letter in str(value) if letter.isprintable() or letter.isspace()))


def paragraph(value: object, kind: str = "") -> str:
    return f'<p class="{kind}">{text(value)}</p>' if kind else f"<p>{text(value)}</p>"


def table(one: Table, kind: str = "") -> str:
    """A table with a caption, in a frame that scrolls sideways where the page is narrow."""
    kinds = " ".join(part for part in (kind, "apart" if one.apart else "") if part)
    heads = "".join(_cell("th", head, place in one.words, ' scope="col"') for place, head in enumerate(one.heads))
    body = "".join(f"<tr>{_cells(one, cells)}</tr>\n" for cells in one.rows)
    notes = "".join(paragraph(note, "note") for note in one.notes)
    label = text(one.caption)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{label}"><table class="{kinds}">'
        f"<caption><span>{label}</span></caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>{notes}\n"
    )


def _cells(one: Table, cells: Sequence[str]) -> str:
    first, *others = cells
    named = _cell("th", first, True, ' scope="row"', one.apart)
    return named + "".join(
        _cell("td", value, place in one.words, "", one.apart) for place, value in enumerate(others, start=1)
    )


def _cell(tag: str, value: str, words: bool, attributes: str, apart: bool = False) -> str:
    inner = f"<em>{text(value)}</em>" if apart and value.strip() else text(value)
    kind = "" if words else ' class="n"'
    return f"<{tag}{attributes}{kind}>{inner}</{tag}>"


def confusion(rows: Sequence[Row], label: str) -> str:
    """Counts of answers to each true class, shaded by their share of the row."""
    caption = f"Confusion matrix, {text(label)}: a row for each true class, a column for each answer"
    return counts(rows, "truth", caption)


def counts(rows: Sequence[Row], key: str, caption: str) -> str:
    """A table of counts, shaded by their share of the row; `key` names the rows. `caption` is escaped already."""
    columns = [name for name in rows[0] if name != key]
    heads = "".join(f'<th scope="col" class="n">{text("no class" if name == NONE else name)}</th>' for name in columns)
    body = []
    for row in rows:
        total = sum(row[name] for name in columns) or 1
        shades = "".join(_shaded(row[name], row[name] / total, name == row[key]) for name in columns)
        body.append(f'<tr><th scope="row">{text(row[key])}</th>{shades}</tr>\n')
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{caption}"><table class="confusion">'
        f"<caption><span>{caption}</span></caption><thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>\n"
    )


def _shaded(count: int, share: float, right: bool) -> str:
    colour = "--s3" if right else "--s2"
    style = f"background:color-mix(in srgb,var({colour}) {round(70 * share)}%,transparent)" if count else ""
    return f'<td class="n" style="{style}">{count:,}</td>' if style else f'<td class="n soft">{count:,}</td>'


def numbers(rows: Sequence[Row], caption: str) -> str:
    """A table of a score as it is, folded away."""
    from feallm.bench.report.table import cell

    heads = tuple(dict.fromkeys(key for row in rows for key in row))
    cells = tuple(tuple(cell(row.get(head)) for head in heads) for row in rows)
    words = frozenset(place for place, head in enumerate(heads) if any(isinstance(row.get(head), str) for row in rows))
    shown = Table(caption, tuple(head.replace("_", " ") for head in heads), cells, words | {0})
    return f"<details><summary>{text(caption)}: the numbers</summary>{table(shown)}</details>\n"


def figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}<figcaption>{text(caption)}</figcaption></figure>\n"


def cases(found: Sequence[Case], pictures: Mapping[str, str], why_none: str, label: str) -> str:
    """The worst cases of a run; `pictures` by sample, or the reason why there are none."""
    shown = "".join(_case(case, pictures.get(case.item.sample)) for case in found)
    reason = paragraph(why_none, "note") if why_none else ""
    sure = "surest first" if any(case.sure is not None for case in found) else "the model gave no probabilities"
    return f'<h4>Wrong answers of {text(label)}, {sure}</h4>{reason}<ul class="cases">{shown}</ul>\n'


def _case(case: Case, picture: str | None) -> str:
    alt = text(f"The face {case.item.face}")
    image = f'<img src="{picture}" alt="{alt}">' if picture else ""
    sure = f" ({100 * case.sure:.0f} % sure)" if case.sure is not None else ""
    said = f'<q class="soft">{text(case.text)}</q>' if case.text else ""
    return (
        f"<li>{image}<code>{text(case.item.sample)}</code><br>labelled <b>{text(case.truth)}</b><br>"
        f"answered <b>{text(case.answer)}</b>{sure}{said}</li>\n"
    )
