"""Drawn data and models of a few lines, for the tests of running and scoring."""

import csv
import json

import numpy as np

from feallm.bench.items import KINDS, Response, digest
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo
from feallm.bench.run import run
from feallm.bench.tasks import TASKS
from feallm.data.sources.fer2013 import VOTES
from feallm.facs.emotions import LABEL_SETS, ORDERS

TASK = TASKS["mini_ferplus"]
OPTIONS = Options(batch_size=4)


def draw(folder, count=22, seed=0):
    """A FER2013 folder with `count` validation pictures and their FER+ votes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names = [LABEL_SETS["ferplus"][number % 5] for number in range(count)]
    with (folder / "fer2013.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["emotion", "pixels", "Usage"])
        for name in names:
            pixels = " ".join(map(str, rng.integers(0, 255, 48 * 48)))
            writer.writerow([ORDERS["fer2013"].index(name), pixels, "PublicTest"])
    with (folder / "fer2013new.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Usage", "Image name", *VOTES])
        writer.writerows(["PublicTest", "", *(10 * (vote == name) for vote in VOTES)] for name in names)
    return folder


class Looks:
    """Answers from the pixels and, as padding does to a real model, from what else is in the batch."""

    def __init__(self, fails=(), dies_at=None, model="looks", trained_on=(), independent=False, kinds=KINDS):
        self.fails, self.dies_at = set(fails), dies_at
        self.seen = []
        self.info = ResponderInfo("looks", model, "1", frozenset(kinds), trained_on=trained_on, independent=independent)

    def respond(self, requests):
        if self.dies_at is not None and len(self.seen) == self.dies_at:
            raise ResponderError("the model is gone: start it again")
        self.seen.append([request.sample for request in requests])
        beside = digest("".join(request.sample for request in requests))
        return [self._one(request, int(beside, 16) % 997 / 1e7) for request in requests]

    def _one(self, request, shift):
        if request.sample in self.fails:
            return Response("failed", error="no reply in 120 s")
        shares = np.asarray(request.picture[0, : len(request.classes), 0], np.float32) + shift + 1
        shares = shares / shares.sum()
        best = request.classes[int(shares.argmax())]
        return Response(how="head", emotion=best, scores=dict(zip(request.classes, shares, strict=True)))


def ran(responder, data, output, task=TASK, options=OPTIONS, **changes):
    return run(task, responder, data, output, options=options, **changes)


def contents(folder):
    """The bytes of a run folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
