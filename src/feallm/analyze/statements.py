"""Sentences that carry a reading's numbers. `facs.answers` reads each of them as no more than the reading shows."""

from collections.abc import Sequence

from feallm.analyze.effects import Turning
from feallm.analyze.reading import WEAK, ActionUnitReading, FaceReading, WhatIf
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.wording import NO_AUS, capital, join, strength_word
from feallm.facs.wording import tell_few as tell_few_of

HONEST = "A face shows an expression, not what a person feels."
NO_DOUBTS = "Nothing about the picture of this face calls for doubt: its size, its sharpness and its light will do."
FEW_EXAMPLES = "That unit had few training examples, so rely less on this."
FINEST = 7
"""Decimals tried before two shares are called all but equal."""
MOST_TOLD = 3
"""Interventions told at most in one answer."""


def percent(share: float) -> str:
    """A share of 0..1 in whole per cent, never rounded to none or to all of it."""
    whole = f"{100 * share:.0f}%"
    if whole == "0%" and share > 0:
        return "<1%"
    return ">99%" if whole == "100%" and share < 1 else whole


def percents(before: float, after: float) -> tuple[str, str]:
    """Two shares in per cent, with a decimal where whole per cent do not tell them apart."""
    whole, fine = (percent(before), percent(after)), (f"{100 * before:.1f}%", f"{100 * after:.1f}%")
    return fine if whole[0] == whole[1] and fine[0] != fine[1] and "100.0%" not in fine else whole


def percents_under(share: float, bound: float) -> tuple[str, str]:
    """A share and the bound it stays under in per cent, with as many decimals as it takes to see that it does."""
    limit = f"{100 * bound:.10g}"
    for decimals in range(FINEST):
        reached = f"{100 * share:.{decimals}f}"
        if float(reached) < float(limit):
            return percent(share) if decimals == 0 else f"{reached}%", f"{limit}%"
    return f"a little under {limit}%", f"{limit}%"


def tell_emotion(reading: FaceReading) -> list[str]:
    """The emotion with its confidence, and where that is weak the next one; then what makes the picture doubtful."""
    verdict, confidence = reading.verdict, percent(reading.confidence or 0.0)
    if verdict.weak:
        told = [f"Most likely the face shows {_noun(verdict.emotion)}, but with a confidence of only {confidence}."]
        told += [_next(reading)] if verdict.second else []
    else:
        told = [f"The face shows {_noun(verdict.emotion)} with a confidence of {confidence}."]
    return [*told, *tell_doubts(reading)]


def tell_doubts(reading: FaceReading) -> list[str]:
    """What the picture leaves to be desired: nothing, or one sentence."""
    flags = reading.quality.flags if reading.quality is not None else ()
    if not flags:
        return []
    return [f"The face in this picture is {join([flag.replace('_', ' ') for flag in flags])}, so rely less on this."]


def tell_sure(reading: FaceReading) -> list[str]:
    """How sure the verdict is, what comes next, and which units carry it."""
    verdict, confidence = reading.verdict, percent(reading.confidence or 0.0)
    named = f"It is {verdict.emotion} with a confidence of {confidence}"
    told = [f"{named}, which is weak." if verdict.weak else f"{named}."]
    shorts = [ACTION_UNITS[unit].short for unit in verdict.carrying]
    rests = f"The verdict rests on {join(shorts)}." if shorts else "No single unit carries the verdict."
    return [*told, _next(reading), rests, *tell_doubts(reading)]


def tell_weak(reading: FaceReading) -> list[str]:
    """The confidence where it is weak, or the share of the emotion that comes near; else nothing."""
    if not reading.verdict.weak:
        return []
    if (reading.confidence or 0.0) >= WEAK:
        second, share = _second(reading)
        return [f"The lead over {second} is small: {percent(reading.confidence or 0.0)} against {percent(share)}."]
    reached, clear = percents_under(reading.confidence or 0.0, WEAK)
    return [f"The confidence is only {reached}, under the {clear} of a clear verdict."]


def tell_abstention(reading: FaceReading, asked: float) -> str:
    """That no emotion is named, because the confidence is below the one asked for."""
    reached, wanted = percents_under(reading.confidence or 0.0, asked)
    return f"No verdict is given, because the confidence reaches {reached} and {wanted} was asked for."


def tell_leading(reading: FaceReading) -> list[str]:
    """The two largest shares of a reading that names no emotion."""
    return [f"Possibly it is {reading.leading}, with {percent(reading.confidence or 0.0)}.", _next(reading)]


def _next(reading: FaceReading) -> str:
    second, share = _second(reading)
    return f"Next it might be {second}, with {percent(share)}."


def _second(reading: FaceReading) -> tuple[str, float]:
    return sorted(reading.emotion_scores.items(), key=lambda item: -item[1])[1]


def tell_units(reading: FaceReading) -> list[str]:
    """The present units with names and strengths, and which of them had few training examples."""
    units = reading.present_units
    if not units:
        return [NO_AUS]
    named = [f"{_short(unit)} ({ACTION_UNITS[unit].name}, {strength_word(units[unit])})" for unit in units]
    return [f"{join(named)} {'is' if len(named) == 1 else 'are'} present.", *tell_few(reading, list(units))]


def tell_absent(reading: FaceReading) -> list[str]:
    """The units that this model reads and that are not there."""
    absent = [_short(unit) for unit, au in reading.action_units.items() if not au.present]
    if not absent:
        return ["Every unit that this model reads is present."]
    return [f"{join(absent)} {'is' if len(absent) == 1 else 'are'} not present."]


def tell_strongest(reading: FaceReading) -> list[str]:
    """The present units, the strongest first, with their intensities."""
    units = sorted(reading.present_units.items(), key=lambda unit: -unit[1])
    if not units:
        return [NO_AUS]
    named = [f"{_short(unit)} with {intensity:.1f} of 5" for unit, intensity in units]
    told = f"From the strongest to the weakest, the face shows {join(named)}."
    return [told, *tell_few(reading, list(reading.present_units))]


def tell_meaning(unit: str) -> str:
    """What a unit is in FACS, whether it is there or not: its name, what is seen, and the muscles that make it."""
    entry = ACTION_UNITS[unit]
    muscles = f", and would come from {join(entry.muscles)}" if entry.muscles else ""
    return f"{entry.short} ({entry.name}) would be seen at the {entry.region}, with {entry.appearance}{muscles}."


def tell_few(reading: FaceReading, units: Sequence[str]) -> list[str]:
    """Which of some present units had few training examples: one sentence, or none."""
    return tell_few_of([unit for unit in units if reading.action_units[unit].low_support])


def tell_strength(unit: str, au: ActionUnitReading) -> list[str]:
    """How strong and how probable one unit is."""
    few = [FEW_EXAMPLES] if au.low_support else []
    if not au.present:
        return [f"{_short(unit)} is not present: its probability is {percent(au.probability)}.", *few]
    strength = f"{au.intensity:.1f} of 5 ({strength_word(au.intensity)})"
    return [
        f"{_short(unit)} is present with an intensity of {strength} and a probability of {percent(au.probability)}.",
        *few,
    ]


def tell_ground(unit: str, au: ActionUnitReading) -> list[str]:
    """Where one present unit is seen, and what hiding that place does to its probability, where that was measured."""
    place = f"It is seen at the {ACTION_UNITS[unit].region}"
    if au.evidence is None:
        return [f"{place}."]
    hidden, control = (percent(au.probability - drop) for drop in (au.evidence.drop, au.evidence.control_drop))
    return [
        f"{place}: with that place hidden its probability goes from {percent(au.probability)} to {hidden}, and with as "
        f"much hidden elsewhere to {control}."
    ]


def tell_place(unit: str) -> str:
    """Where a unit that is not there would be."""
    return f"If {_short(unit)} were there, it would be seen at the {ACTION_UNITS[unit].region}."


def tell_faces(count: int) -> str:
    """How many faces were found in the picture."""
    found = "1 face was" if count == 1 else f"{count} faces were"
    return f"{found} found in the picture, and the answers here are about one."


def tell_pixels(au: ActionUnitReading) -> list[str]:
    """Where one unit's place is in the picture, where that was measured: nothing, or one sentence."""
    if au.evidence is None:
        return []
    spans = [(zip(*region, strict=True)) for region in au.evidence.regions]
    boxes = [f"x {min(xs):.0f} to {max(xs):.0f}, y {min(ys):.0f} to {max(ys):.0f}" for xs, ys in spans]
    return [f"In pixels of the picture, that place is {' and '.join(boxes)}."]


def tell_unread(unit: str) -> str:
    """That the model has not learned a unit which FACS has."""
    return f"Whether {_short(unit)} ({ACTION_UNITS[unit].name}) is there, this model cannot say: it has not learned it."


def tell_what_if(found: WhatIf) -> str:
    """What an intervention does to the verdict, measured: "Without AU12, happiness would fall from 93% to 41%, ..."."""
    leading = str(found.reading.leading)
    before, after = percents(found.reading.emotion_scores[leading], found.emotion_scores[leading])
    goes = "fall" if found.difference[leading] < 0 else "rise"
    moves = f"stay at {before}" if before == after else f"{goes} from {before} to {after}"
    if found.emotion == leading:
        leads = "and still lead"
    else:
        leads = f"and {found.emotion} would lead with {percent(found.emotion_scores[found.emotion])}"
    return f"{capital(tell_change(found.without, found.adding))}, {leading} would {moves}, {leads}."


def tell_change(without: Sequence[str], adding: Sequence[str]) -> str:
    """ "without AU4 and AU5 and with AU12 added"."""
    parts = [f"without {join([_short(unit) for unit in without])}"] if without else []
    parts += [f"with {join([_short(unit) for unit in adding])} added"] if adding else []
    return " and ".join(parts)


def tell_turning(turning: Turning) -> list[str]:
    """The smallest changes of the evidence that turn the verdict, with what they do; or that none was found."""
    largest = [tell_what_if(turning.largest)] if turning.largest is not None else []
    if turning.alone:
        return [tell_what_if(found) for found in turning.alone[:MOST_TOLD]]
    if turning.pairs:
        return ["No single unit turns the verdict.", *largest, *map(tell_what_if, turning.pairs[:MOST_TOLD])]
    tried = "Taking away one unit or two does not turn the verdict." if largest else NO_AUS
    if turning.added:
        return [tried, *largest, *map(tell_what_if, turning.added[:MOST_TOLD])]
    return [tried, *largest, "Nor does adding one: the verdict comes from the face as a whole."]


def _noun(emotion: str) -> str:
    return "a neutral expression" if emotion == "neutral" else emotion


def _short(unit: str) -> str:
    return ACTION_UNITS[unit].short
