"""The data doctor: does a copy of a data set hold what its owners publish, and may its splits be trusted?"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Never

import numpy as np
from tqdm import tqdm

from feallm.data.census import Census, are_apart, published, take_census
from feallm.data.checkup import Checkup, Finding
from feallm.data.glance import Glances, Image, count_chosen, glance
from feallm.data.near import find_pairs, join_groups
from feallm.data.recognise import find_layout, looks_like_a_table, missing_advice, text_findings
from feallm.data.records import Problem, VideoFrame
from feallm.data.sources import SOURCES
from feallm.data.sources.source import Source

NOT_WHOLE = (
    "it holds part of a layout only: unpack the release again into an empty folder, and compare with docs/data.md"
)


def examine(name: str, path: Path, splits: Sequence[str] | None = None, *, progress: bool = False) -> Checkup:
    """Look at all of a data set: counts, lists, every picture, repeats, subjects, base rates.

    `splits` are all of the source's without a choice; `progress` shows bars on stderr where that is a terminal.

    Raises:
        ValueError: an unknown source or split, or a package is missing that reads the layout.
        FileNotFoundError: nothing of the source is there; the message says what else the folder looks like.
    """
    if name not in SOURCES:
        raise ValueError(f"unknown source {name!r}: the sources are {', '.join(SOURCES)}")
    source, start = SOURCES[name], time.perf_counter()
    unknown = [split for split in splits or () if split not in source.splits]
    if unknown:
        raise ValueError(f"{source.title} has the splits {', '.join(source.splits)}, not {unknown[0]!r}")
    layout = find_layout(name, path)
    with _bar("lists", None, "row", progress) as bar:
        census = take_census(source, path, tuple(splits or source.splits), bar.update)
    if len(census.absent) == len(census.tallies):
        own = f"; a table of your own: `feallm data check table {path}`" if looks_like_a_table(path) else ""
        raise FileNotFoundError(next(iter(census.absent.values())) + own)
    if layout is None and not census.images:
        first = next(problem for problems in census.problems.values() for problem in problems)
        raise FileNotFoundError(f"{path} does not hold {source.title}: {first.what}")
    with _bar("pictures", count_chosen(census.images), "picture", progress) as bar:
        glances = glance(census.images, census.boxes, bar.update)
    groups = _repeats(census, glances, progress)
    findings: list[Finding] = []
    if layout is None:
        findings.append(Finding("layout", f"{path} holds no whole {source.title}", NOT_WHOLE, count=1))
    findings += _counts(source, layout, census, chosen=bool(splits))
    findings += _labels(census)
    findings += _pictures(path, census, glances)
    findings += _subjects(source, census)
    findings += _across(census, glances, groups)
    findings += text_findings(path)
    checks = {split: tally.freeze(published(source, layout, split)) for split, tally in census.tallies.items()}
    return Checkup(
        name,
        source.title,
        path,
        layout,
        source.unconfirmed,
        {split: check for split, check in checks.items() if split not in census.absent},
        tuple(sorted(findings, key=lambda finding: not finding.wrong)),
        tuple(tuple(census.name(number) for number in group) for group in groups),
        len(census.images),
        int(glances.looked.sum()),
        time.perf_counter() - start,
    )


def _many(items: Sequence[object], noun: str) -> str:
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"


def _bar(what: str, total: int | None, unit: str, progress: bool) -> "tqdm[Never]":
    return tqdm(desc=what, total=total, unit=f" {unit}", disable=None if progress else True, leave=False)


def _counts(source: Source, layout: str | None, census: Census, *, chosen: bool) -> Iterator[Finding]:
    for split, tally in census.tallies.items():
        due = published(source, layout, split)
        if split in census.absent:
            if due is not None or chosen:
                what = f"{split}: not here" + ("" if due is None else f", published with {due:,} faces")
                yield Finding("count", what, census.absent[split], count=due or 0)
        elif due is not None and tally.faces != due:
            less = tally.faces < due
            what = f"{split}: {tally.faces:,} faces, published are {due:,}: {abs(due - tally.faces):,} "
            rows = len(census.problems[split])
            fix = (
                f"rows of the list that are no faces: {rows:,} (see below); mend those first"
                if less and rows
                else "the list is cut short or not all of it was unpacked: get it again from the owners"
                if less
                else "two releases are mixed, or pictures were added: unpack the release into an empty folder"
            )
            yield Finding("count", what + ("too few" if less else "too many"), fix, count=abs(due - tally.faces))


def _labels(census: Census) -> Iterator[Finding]:
    """The rows that the source's reader could not use, those of one kind together; and ids listed twice."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in dict.fromkeys(problem for problems in census.problems.values() for problem in problems):
        kinds.setdefault((re.sub(r"'[^']*'|\d+", "…", problem.what), problem.fix), []).append(problem)
    for (_, fix), problems in kinds.items():
        more = "" if len(problems) == 1 else f" (and {len(problems) - 1:,} more like it)"
        cases = tuple(f"{problem.where}: {problem.what}" for problem in problems)
        yield Finding("label", problems[0].what + more, fix, cases, len(problems))
    for split, names in census.twice.items():
        what = f"{split}: {_many(names, 'face')} listed more than once"
        yield Finding("twice", what, "take the list from the release again: rows were added", tuple(names), len(names))


def _pictures(path: Path, census: Census, glances: Glances) -> Iterator[Finding]:
    if glances.missing:
        places = tuple(census.where(number) for number in glances.missing)
        what = f"{len(places):,} of {int(glances.looked.sum()):,} pictures are missing"
        homes = {image.parent for image in census.images if isinstance(image, Path)}
        files = [file for number in glances.missing if (file := _file(census.images[number])) is not None]
        yield Finding("missing", what, missing_advice(path, files, homes), places, len(places))
    if glances.unreadable:
        cases = tuple(f"{census.where(number)}: {reason}" for number, reason in glances.unreadable.items())
        what = f"{_many(cases, 'picture')} of {int(glances.looked.sum()):,} cannot be read"
        fix = "unpack or copy these files again; where they stay broken, report and leave out these faces by name"
        yield Finding("unreadable", what, fix, cases, len(cases))


def _file(image: Image) -> Path | None:
    image = image.path if isinstance(image, VideoFrame) else image
    return image if isinstance(image, Path) else None


def _subjects(source: Source, census: Census) -> Iterator[Finding]:
    if source.splits_by != "subject":
        return
    for one, other in _apart(census):
        shared = sorted(census.tallies[one].subjects & census.tallies[other].subjects)
        if shared:
            what = f"{_many(shared, 'subject')} both in {one} and in {other}, which the set keeps apart by subject"
            fix = "use the splits that the loader gives; move folders that were put under another subject back"
            yield Finding("subject", what, fix, tuple(shared), len(shared))


def _apart(census: Census) -> Iterator[tuple[str, str]]:
    return ((one, other) for one, other in combinations(census.tallies, 2) if are_apart(one, other))


def _repeats(census: Census, glances: Glances, progress: bool) -> list[list[int]]:
    """Groups of pictures that repeat each other. Frames of one film do by nature: faces with a subject are compared for
    being identical to one of another subject only."""
    pairs: list[tuple[int, int]] = []
    firsts: dict[bytes, int] = {}
    for number, digest in enumerate(glances.digests):
        first = firsts.setdefault(digest, number) if digest is not None else number
        if first != number and (census.subjects[first] is None or census.subjects[first] != census.subjects[number]):
            pairs.append((first, number))
    alone = np.array([number for number in firsts.values() if census.subjects[number] is None], dtype=np.intp)
    thumbnails = glances.thumbnails[alone]
    with _bar("repeats", 100, "%", progress) as bar:
        for one, other, _ in find_pairs(thumbnails, lambda share: bar.update(100 * share)):
            pairs.append((int(alone[one]), int(alone[other])))
    return join_groups(pairs)


def _across(census: Census, glances: Glances, groups: Iterable[Sequence[int]]) -> Iterator[Finding]:
    """What of one split stands in another one too, and what repeats within one."""
    homes = census.homes
    for one, other in _apart(census):
        shared = [number for number, places in enumerate(homes) if one in places and other in places]
        if shared:
            what = f"{_many(shared, 'face')} listed in {one} and in {other}"
            fix = "take both lists from one release"
            yield Finding("repeat", what, fix, tuple(census.name(number) for number in shared), len(shared))
        yield from _pair(census, glances, groups, one, other)
    for split in census.tallies:
        again = [number for group in groups for number in [n for n in group if split in homes[n]][1:]]
        if again and split != "all":
            what = f"{split}: {len(again):,} of {census.tallies[split].faces:,} pictures repeat another one of it"
            fix = "nothing to mend; a part held back from it for choosing or calibrating should leave them out"
            names = tuple(census.name(number) for number in again)
            yield Finding("repeat", what, fix, names, len(names), wrong=False)


def _pair(census: Census, glances: Glances, groups: Iterable[Sequence[int]], one: str, other: str) -> Iterator[Finding]:
    """The pictures of `other` that repeat one of `one`: those that no flag warns of make a number wrong."""
    silent: list[str] = []
    known: list[str] = []
    exact = 0
    for group in groups:
        theirs = [number for number in group if one in census.homes[number]]
        for number in group if theirs else ():
            if other not in census.homes[number] or number in theirs:
                continue
            exact += any(glances.digests[twin] == glances.digests[number] for twin in theirs)
            warned = census.flags[number] or all(census.flags[twin] for twin in theirs)
            (known if warned else silent).append(f"{census.name(number)} repeats {census.name(theirs[0])}")
    total = len(silent) + len(known)
    if not total:
        return
    what = f"{total:,} of {census.tallies[other].faces:,} pictures of {other} repeat one of {one}, {exact:,} exactly"
    if known:
        what += f"; {len(known):,} of them are flagged as known repeats, {len(silent):,} are not"
    fix = (
        f"leave these {len(silent):,} out of the score, or their twins out of training; --json lists all of them"
        if silent
        else "leave out flagged faces: `exclude_flags` of a recipe, or the faces' `flags`"
    )
    yield Finding("repeat", what, fix, (*silent, *known), total, wrong=bool(silent))
