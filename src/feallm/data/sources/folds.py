"""The subject-exclusive three folds of BP4D and DISFA that the field reports, frozen.

Both are cut into three parts. Fold 1 tests on part 3, fold 2 on part 2, fold 3 on part 1, and each trains on the other
two: so do the lists of ME-GraphAU, for both sets. Elsewhere fold k may mean part k; the mean over the folds stays.
"""

SPLITS: tuple[str, ...] = ("all", *(f"fold{fold}_{side}" for fold in (1, 2, 3) for side in ("train", "test")))

BP4D: tuple[tuple[str, ...], ...] = (
    ("F001", "M007", "F018", "F008", "F002", "M004", "F010", "F009", "M012", "M001", "F016", "M014", "F023", "M008"),
    ("M011", "F003", "M010", "M002", "F005", "F022", "M018", "M017", "F013", "M016", "F020", "F011", "M013", "M005"),
    ("F007", "F015", "F006", "F019", "M006", "M009", "F012", "M003", "F004", "F021", "F017", "M015", "F014"),
)

DISFA: tuple[tuple[str, ...], ...] = (
    ("SN002", "SN010", "SN001", "SN026", "SN027", "SN032", "SN030", "SN009", "SN016"),
    ("SN013", "SN018", "SN011", "SN028", "SN012", "SN006", "SN031", "SN021", "SN024"),
    ("SN003", "SN029", "SN023", "SN025", "SN008", "SN005", "SN007", "SN017", "SN004"),
)


def subjects(parts: tuple[tuple[str, ...], ...], split: str) -> frozenset[str]:
    """The subjects of a split of `BP4D` or `DISFA`. Raises ValueError for a split that is not in `SPLITS`."""
    if split not in SPLITS:
        raise ValueError(f"the splits are {', '.join(SPLITS)}, not {split!r}")
    if split == "all":
        return frozenset(subject for part in parts for subject in part)
    tested = 3 - int(split[4])
    test = split.endswith("test")
    return frozenset(subject for place, part in enumerate(parts) if (place == tested) == test for subject in part)
