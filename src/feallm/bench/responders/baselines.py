"""What no picture is needed for: the most frequent answer of the training split, and answers drawn from it.

Both answer in words as well, composed from the FACS tables for the labels that they give, so that texts have a floor.
"""

from collections.abc import Callable, Sequence
from random import Random

from feallm.bench.items import Kind, Request, Response
from feallm.bench.responders.composed import compose
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.bench.responders.training import AU_CODES, PRESENT, SPLIT, Training, read_training

DEFAULT = "fer2013"
Guess = tuple[str | None, tuple[str, ...], dict[str, float]]
"""An emotion, the action units that are there, and the strength 0..5 of each that is known in training."""


class Baseline:
    """Answers from `training` by `guess`, whatever the picture."""

    def __init__(
        self,
        name: str,
        training: Training,
        guess: Callable[[Training, Request, Random], Guess],
        options: Options,
        note: str,
    ) -> None:
        self.training, self.guess, self.seed = training, guess, options.seed
        units = (
            f"none known ({AU_CODES} would lie beside the data)"
            if not training.strengths
            else f"{len(training.strengths)} units"
        )
        self.info = ResponderInfo(
            name=name,
            model=f"{name} of {training.source}",
            revision=f"{training.faces} training faces",
            kinds=_kinds(training),
            decoding={"method": note, "seed": options.seed},
            trained_on=options.trained_on if options.trained_on is not None else (f"{training.source}:{SPLIT}",),
            independent=True,
            note=f"{note}; action units: {units}, present from strength {PRESENT}; texts are composed from the labels",
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        return [self._respond(request) for request in requests]

    def _respond(self, request: Request) -> Response:
        rng = Random(f"{self.seed} {request.sample}")
        emotion, present, strengths = self.guess(self.training, request, rng)
        if request.kind not in ("emotion", "aus"):
            known = {unit: strengths[unit] for unit in present} if strengths else None
            return Response(how="baseline", text=compose(request.kind, emotion, known, rng))
        classes = bool(request.classes and self.training.labels)
        units = self.training.strengths
        return Response(
            how="baseline",
            emotion=emotion,
            present=present if units else None,
            scores=self.training.shares(request.label_set, request.classes) if classes else None,
            presence={unit: self.training.rate(unit) for unit in units} or None,
            intensity=strengths or None,
        )


def open_majority(what: str, options: Options) -> Baseline:
    """The most frequent class, the units that more than half of the training faces show, and their mean strengths.

    `what`: the source ("": fer2013), whose folder is `Options.data`. Raises ResponderError as `read_training`.
    """
    note = "the most frequent class; units that more than half of the training faces show"
    return Baseline("majority", read_training(what or DEFAULT, options.data), _most_frequent, options, note)


def open_prior(what: str, options: Options) -> Baseline:
    """Class and strengths drawn from how often they occur in training, each unit by itself; the sample is the seed.

    `what`: the source ("": fer2013), whose folder is `Options.data`. Raises ResponderError as `read_training`.
    """
    note = "class and units drawn from their training frequencies"
    return Baseline("prior", read_training(what or DEFAULT, options.data), _drawn, options, note)


def _most_frequent(training: Training, request: Request, rng: Random) -> Guess:
    shares = _shares(training, request)
    present = tuple(unit for unit in training.strengths if training.rate(unit) > 0.5)
    strengths = {unit: training.strength(unit) for unit in training.strengths}
    return max(shares, key=lambda name: shares[name], default=None), present, strengths


def _drawn(training: Training, request: Request, rng: Random) -> Guess:
    shares = _shares(training, request)
    emotion = rng.choices(list(shares), list(shares.values()))[0] if shares else None
    strengths = {
        unit: rng.choices(list(counts), list(counts.values()))[0] for unit, counts in training.strengths.items()
    }
    return emotion, tuple(unit for unit, strength in strengths.items() if strength >= PRESENT), strengths


def _shares(training: Training, request: Request) -> dict[str, float]:
    """The shares of the request's classes, or without them of all that the source names."""
    if not training.labels:
        return {}
    known = training.labels.get(request.label_set) or next(iter(training.labels.values()))
    return training.shares(request.label_set, request.classes or tuple(sorted(known)))


def _kinds(training: Training) -> frozenset[Kind]:
    emotion: tuple[Kind, ...] = ("emotion", "describe_emotion", "reason") if training.labels else ()
    units: tuple[Kind, ...] = ("aus", "describe_aus") if training.strengths else ()
    return frozenset((*emotion, *units))
