"""DISFA (Mavadati et al. 2013): 27 people filmed by two cameras, twelve action units graded frame by frame.

- Codes: `ActionUnit_Labels/SN001/SN001_au1.txt`, rows `frame,intensity`, frames from 1, intensity 0 to 5.
- Videos: `Videos_LeftCamera/LeftVideoSN001_comp.avi` and `Video_RightCamera/RightVideoSN001_Comp.avi`; capitals, the
  plural and the underscore vary between copies. Row `frame` is frame number `frame - 1` of the file.
- Or a folder of extracted frames in the place of a video, with the camera somewhere in its path:
  `Videos_LeftCamera_frames/LeftVideoSN001_comp/…_00001.png`, `left/SN001/0.png`.

Source "disfa" is the left camera, "disfa_right" the right one: the same frames of the same people with the same codes.
Splits: `folds.py`. The field calls a unit present from intensity 2 on; that is left to the benchmark.
"""

import csv
import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from feallm.data.frames import frame_pictures
from feallm.data.records import LabelledFace, Problem, VideoFrame
from feallm.data.sources import folds
from feallm.data.sources.source import Source

NUMBERS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
UNITS = tuple(f"AU{number:02d}" for number in NUMBERS)
VIDEOS = frozenset({".avi", ".mp4", ".mov", ".mkv", ".wmv"})
PROVENANCE = {"action_units": "a FACS coder of DISFA"}
AGAIN = "take the file from the release again"
_SUBJECT = re.compile(r"sn\d{3}")


def scan(path: Path, split: str, camera: str = "left") -> Iterator[LabelledFace | Problem]:
    """The frames of one split as one camera saw them, by subject and frame.

    Raises:
        FileNotFoundError: the codes or the videos of the camera are not there.
        ValueError: an unknown split.
    """
    wanted = folds.subjects(folds.DISFA, split)
    codes, videos = path / "ActionUnit_Labels", _videos(path, camera)
    if not codes.is_dir() or not videos:
        plural = "Videos" if camera == "left" else "Video"  # so they are named
        video = f"{plural}_{camera.capitalize()}Camera/{camera.capitalize()}VideoSN001_comp.avi"
        missing = video if codes.is_dir() else "ActionUnit_Labels/SN001/SN001_au1.txt"
        raise FileNotFoundError(
            f"no DISFA in {path}: expected files such as {missing}; give the folder that holds both"
        )
    return _faces(codes, videos, camera, split, wanted)


def layout(path: Path, camera: str = "left") -> str | None:
    """ "videos" or "frames" of a DISFA folder with this camera, None for another."""
    videos = _videos(path, camera) if (path / "ActionUnit_Labels").is_dir() else {}
    if not videos:
        return None
    return "frames" if next(iter(videos.values())).is_dir() else "videos"


def _videos(path: Path, camera: str) -> dict[str, Path]:
    """Subject -> video, or folder of frames: what stands at most two folders deep and names subject and camera."""
    found: dict[str, Path] = {}
    places = [*path.iterdir()] if path.is_dir() else []
    places += [inner for place in places if place.is_dir() for inner in place.iterdir()]
    for place in sorted(places):
        named = _SUBJECT.search(place.name.lower())
        if not named or camera not in str(place.relative_to(path)).lower():
            continue
        if place.suffix.lower() in VIDEOS or place.is_dir():
            subject = named[0].upper()
            if subject not in found or found[subject].is_dir():  # the video itself, where there is one
                found[subject] = place
    return found


def _faces(
    codes: Path, videos: Mapping[str, Path], camera: str, split: str, wanted: frozenset[str]
) -> Iterator[LabelledFace | Problem]:
    everyone = folds.subjects(folds.DISFA, "all")
    for folder in sorted(place for place in codes.iterdir() if place.is_dir()):
        subject = folder.name.upper()
        if subject not in everyone:
            yield Problem(str(folder), "not one of DISFA's 27 subjects", "move the folder away")
        elif subject in wanted and subject not in videos:
            fix = f"unpack the video {camera.capitalize()}Video{subject}_comp.avi"
            yield Problem(str(folder), f"codes without a video of the {camera} camera", fix)
        elif subject in wanted:
            yield from _subject(folder, subject, videos[subject], camera, split)


def _subject(folder: Path, subject: str, video: Path, camera: str, split: str) -> Iterator[LabelledFace | Problem]:
    strengths: dict[int, dict[str, float]] = {}
    files = {name.lower(): name for name in os.listdir(folder)}
    for number, unit in zip(NUMBERS, UNITS, strict=True):
        name = f"{subject}_au{number}.txt"
        if name.lower() not in files:
            yield Problem(str(folder), f"no {name}", "unpack the codes of this subject again")
            continue
        for item in _codes(folder / files[name.lower()]):
            if isinstance(item, Problem):
                yield item
            else:
                strengths.setdefault(item[0], {})[unit] = item[1]
    pictures = frame_pictures(video) if video.is_dir() else None
    missing = [frame for frame in sorted(strengths) if pictures is not None and frame not in pictures]
    if missing:
        wrong = f"{len(missing)} coded frames have no picture, the first is {missing[0]}"
        yield Problem(str(video), wrong, "extract the frames again, from the first to the last")
    for frame in sorted(set(strengths) - set(missing)):
        yield LabelledFace(
            f"{subject}/{camera}/{frame:04d}",
            VideoFrame(video, frame - 1) if pictures is None else pictures[frame],
            "disfa" if camera == "left" else "disfa_right",
            split,
            action_units=strengths[frame],
            subject=subject,
            provenance=PROVENANCE,
        )


def _codes(file: Path) -> Iterator[tuple[int, float] | Problem]:
    """(frame, intensity) of each row, and what is wrong with the others."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        rows = [[cell.strip().removesuffix(".0") for cell in row] for row in csv.reader(stream)]
    seen: set[int] = set()
    for place, row in enumerate(rows, start=1):
        if not any(row):
            continue
        where = f"{file}, row {place}"
        if len(row) != 2 or not row[0].isdigit() or not int(row[0]):
            yield Problem(where, f"expected `frame,intensity` with frames from 1, got {','.join(row)!r}", AGAIN)
        elif row[1] not in {"0", "1", "2", "3", "4", "5"}:
            yield Problem(where, f"intensity {row[1]!r}, expected 0 to 5", AGAIN)
        elif int(row[0]) in seen:
            yield Problem(where, f"frame {row[0]} a second time", AGAIN)
        else:
            seen.add(int(row[0]))
            yield int(row[0]), float(row[1])


def _source(camera: str) -> Source:
    return Source(
        title=f"DISFA, {camera} camera",
        scan=partial(scan, camera=camera),
        layout=partial(layout, camera=camera),
        splits=folds.SPLITS,
        ask="Mohammad Mahoor, University of Denver (mohammadmahoor.com/disfa); a signed agreement",
        licence="Non-commercial research by the signer only, no redistribution. Both cameras show the same moments: "
        "training on one breaks a zero-shot claim on the other.",
        action_units=UNITS,
        counts={"all": 130815, **{f"fold{fold}_test": 43605 for fold in (1, 2, 3)}}
        | {f"fold{fold}_train": 87210 for fold in (1, 2, 3)},
        splits_by="subject",
    )


SOURCE = _source("left")
SOURCE_RIGHT = _source("right")
