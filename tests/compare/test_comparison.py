"""Two tables compared: by hand, with themselves, and where next to nothing can be compared."""

import json
import math
import random

import pytest

from feallm.compare.comparison import compare, compare_tables
from feallm.compare.rows import COLUMNS, rows
from feallm.facs.emotions import EMOTIONS
from tests.compare.faces import boxless, face, table


def compared(a, b, **options):
    return compare_tables(("a.csv", a), ("b.csv", b), **options)


def values(thing):
    """Every number in plain values, however deep."""
    if isinstance(thing, dict):
        return [found for one in thing.values() for found in values(one)]
    if isinstance(thing, list):
        return [found for one in thing for found in values(one)]
    return [thing] if isinstance(thing, float) else []


def scored(name, *shares):
    """Shares of happiness, sadness and anger."""
    held = dict(zip(("happiness", "sadness", "anger"), shares, strict=False))
    return boxless(name, emotion=max(held, key=held.get), scores=held)


def units(name, present, strength, scale="intensity"):
    return boxless(name, present={"AU12": present}, **{scale: {"AU12": strength}})


def test_units_by_hand():
    a = [units(str(n), *said) for n, said in enumerate([(True, 3), (True, 2), (False, 0), (False, 1)])]
    b = [units(str(n), *said) for n, said in enumerate([(True, 4), (False, 1), (False, 0), (True, 3)])]
    found = compared(table(*a), table(*b))
    (unit,) = found.units.units
    presence, (strength,) = unit.presence, unit.strengths
    assert (presence.n, presence.rate_a, presence.rate_b) == (4, 0.5, 0.5)
    assert presence.f1.value == pytest.approx(2 / (2 + 1 + 1))
    assert presence.kappa.value == pytest.approx(0)
    assert presence.agreement.value == pytest.approx(0.5)
    assert (strength.mean_a, strength.mean_b, strength.bias.value) == (1.5, 2.0, -0.5)
    spread = math.sqrt(sum((d + 0.5) ** 2 for d in (-1, 1, 0, -2)) / 3)
    assert (strength.low, strength.high) == pytest.approx((-0.5 - 1.96 * spread, -0.5 + 1.96 * spread))


def test_emotions_by_hand():
    a = table(scored("0", 0.8, 0.2), scored("1", 0.6, 0.4), scored("2", 0.1, 0.9), scored("3", 0.2, 0.8))
    b = table(scored("0", 0.8, 0.2), scored("1", 0.4, 0.6), scored("2", 0.1, 0.9), scored("3", 0.2, 0.8))
    found = compared(a, b).emotions
    assert (found.n, found.agreement.value, found.scored) == (4, 0.75, ("happiness", "sadness"))
    assert found.kappa.value == pytest.approx((0.75 - (0.5 * 0.25 + 0.5 * 0.75)) / 0.5)
    assert found.confusion == (
        {"a": "happiness", "happiness": 1, "sadness": 1},
        {"a": "sadness", "happiness": 0, "sadness": 2},
    )
    happy = found.emotions[0]
    assert (happy.emotion, happy.n_a, happy.n_b, happy.f1.value) == ("happiness", 2, 1, pytest.approx(2 / 3))
    assert 0 < found.jensen_shannon.value < 0.02


def test_shares_are_compared_over_the_emotions_that_both_know():
    """One tool knows contempt: without it, its shares of the others are the very same."""
    a = table(*[scored(str(n), 0.6, 0.3, 0.1) for n in range(3)])
    more = {"happiness": 0.3, "sadness": 0.15, "anger": 0.05, "contempt": 0.5}
    b = table(*[boxless(str(n), emotion="contempt", scores=more) for n in range(3)])
    found = compared(a, b)
    assert found.emotions.jensen_shannon.value == pytest.approx(0, abs=1e-12)
    assert found.emotions.agreement.value == 0
    assert "without contempt" in " ".join(found.notes)


@pytest.mark.filterwarnings("error")
def test_a_table_agrees_with_itself():
    rng = random.Random(3)
    some = []
    for n in range(30):
        shares = [rng.random() for _ in EMOTIONS]
        scores = {name: share / sum(shares) for name, share in zip(EMOTIONS, shares, strict=True)}
        strength = {unit: 5 * rng.random() for unit in ("AU01", "AU04", "AU12")}
        some.append(
            face(
                f"{n // 2}.png",
                200.0 * (n % 2),
                emotion=max(scores, key=scores.get),
                scores=scores,
                present={unit: value > 2 for unit, value in strength.items()},
                intensity=strength,
                probability={unit: value / 5 for unit, value in strength.items()},
            )
        )
    found = compared(table(*some), table(*some))
    assert len(found.matching.pairs) == 30
    for unit in found.units.units:
        assert [one.scale for one in unit.strengths] == ["intensity", "probability"]
        for one in (unit.presence.f1, unit.presence.kappa, *(each.icc_2_1 for each in unit.strengths)):
            assert (one.value, one.low, one.high) == pytest.approx((1, 1, 1))
    assert found.emotions.kappa.value == pytest.approx(1)
    assert found.emotions.jensen_shannon.value == pytest.approx(0, abs=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (table(), table(), "nothing can be compared"),
        (table(boxless("1")), table(boxless("2")), "nothing can be compared"),
        (table(boxless("1")), table(boxless("1")), "no action unit in common"),
        (table(scored("1", 0.7, 0.3)), table(scored("1", 0.7, 0.3)), "no intervals"),
        (table(units("1", True, 2)), table(units("1", True, 2)), "no intervals"),
        (table(units("1", False, 0), units("2", False, 0)), table(units("1", False, 0), units("2", False, 0)), "2"),
        (table(units("1", True, 2)), table(boxless("1", present={"AU01": True})), "only A reads AU12"),
    ],
    ids=["empty", "other pictures", "empty rows", "one face", "one unit", "never", "other units"],
)
def test_where_nothing_is_defined_there_is_a_reason_and_no_nan(a, b, expected):
    found = compared(a, b)
    told = found.to_dict()
    assert expected in " ".join(found.notes)
    assert all(math.isfinite(value) for value in values(told))
    json.dumps(told, allow_nan=False)
    for row in rows(found):
        assert tuple(row) == COLUMNS
        if row["about"] in ("unit", "units", "emotion", "emotions") and row["measure"] in ("f1", "kappa", "icc_3_1"):
            assert (row["value"] is None) == (row["reason"] is not None)


def test_each_reason_says_what_is_wrong():
    never = compared(
        table(units("1", False, 1), units("2", False, 2)), table(units("1", False, 3), units("2", False, 3))
    ).units.units[0]
    assert never.presence.f1.reason == "neither ever finds it"
    assert never.presence.kappa.reason.startswith("both say the same of every face")
    assert never.strengths[0].pearson.reason == "B gives the same to every face"
    alone = compared(table(units("1", True, 1)), table(units("1", True, 1))).units.units[0]
    assert alone.strengths[0].icc_3_1.reason == "fewer than two faces"


def test_intensity_against_probability_bears_pearsons_r_alone():
    a = table(*[units(str(n), n > 2, n) for n in range(5)])
    b = table(*[units(str(n), n > 2, n / 5, "probability") for n in range(5)])
    (strength,) = compared(a, b).units.units[0].strengths
    assert strength.scale == "intensity and probability"
    assert strength.pearson.value == pytest.approx(1)
    assert strength.icc_3_1.value is None
    assert "only Pearson's r bears two scales" in strength.icc_3_1.reason


def test_intervals_draw_pictures_else_blocks_of_time():
    def some(count, **more):
        return [boxless(more.get("name", str(n)), present={"AU12": n % 3 > 0}) for n in range(count)]

    def noisy(rows_):
        return [
            boxless(row.picture, row.frame, present={"AU12": (n % 5 > 1)}, timestamp=row.timestamp)
            for n, row in enumerate(rows_)
        ]

    pictures = some(40)
    found = compared(table(*pictures), table(*noisy(pictures)))
    value = found.units.units[0].presence.f1
    assert value.low < value.value < value.high
    assert "whole pictures or videos (40)" in found.notes[-1]
    clip = [boxless("v", n, present={"AU12": n % 3 > 0}, timestamp=n / 2) for n in range(120)]
    blocks = compared(table(*clip), table(*noisy(clip)))
    assert "blocks of 10 s (6)" in blocks.notes[-1]
    assert blocks.units.units[0].presence.f1.low is not None
    untimed = [boxless("v", n, present={"AU12": n % 3 > 0}) for n in range(120)]
    without = compared(table(*untimed), table(*noisy(untimed)))
    assert "no intervals" in without.notes[-1]
    assert without.units.units[0].presence.f1.low is None


def test_the_same_tables_give_the_same_numbers():
    one = table(*[units(str(n), n % 2 > 0, n % 5) for n in range(20)])
    other = table(*[units(str(n), n % 3 > 0, n % 4) for n in range(20)])
    assert compared(one, other).to_dict() == compared(one, other).to_dict()


def test_files_that_are_none_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="no table of predictions"):
        compare(tmp_path / "a.csv", tmp_path / "b.csv")
    with pytest.raises(ValueError, match="share above 0"):
        compare(tmp_path / "a.csv", tmp_path / "b.csv", least_overlap=0)
