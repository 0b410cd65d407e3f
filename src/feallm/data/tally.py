"""What describing did and cost: counted while it runs, reported at any time."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from feallm.data.replies import Reply


class DescribeError(RuntimeError):
    """Describing cannot go on; the message says what failed, what is kept, and what to do."""


class RequestFailed(Exception):  # noqa: N818 (no error of the run: the composed answer stays)
    """One request came to nothing, for the `reason` that is counted; `told` says more where more is known."""

    def __init__(self, reason: str, told: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.told = told or reason


OVER_BUDGET = "over budget"


@dataclass(frozen=True)
class Report:
    """What became of the free answers of `records` records.

    `kept` at the first try and `kept_later`, after a refusal; `fell_back[reason]`: the composed answer stays.
    `refused[reason]` counts every reply that could not be used. `left` records have answers that the budget did not
    reach. `requests` were sent, failed ones and repeats included; `cached` replies came from the cache. Tokens are
    those of this run's requests; of `estimated` replies they are a guess. `cost` is in the currency of the prices.
    """

    records: int = 0
    answers: int = 0
    kept: int = 0
    kept_later: int = 0
    fell_back: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    requests: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: int = 0
    cost: float | None = None
    seconds: float = 0.0

    def rate(self, count: int) -> float:
        """A share of the free answers in 0..1."""
        return count / self.answers if self.answers else 0.0

    def __str__(self) -> str:
        fell = sum(self.fell_back.values())
        lines = [
            f"{self.answers} free answers of {self.records} records: {self._of(self.kept)} rewritten at the first try, "
            f"{self._of(self.kept_later)} after a refusal, {self._of(fell)} as composed",
            *([f"as composed because: {_counts(self.fell_back)}"] if fell else []),
            *([f"replies refused: {_counts(self.refused)}"] if self.refused else []),
            *([f"budget reached: {self.left} records keep composed answers"] if self.left else []),
            f"{self.requests} requests, {self.cached} replies from the cache, {self.tokens_in} + {self.tokens_out} "
            + "tokens"
            + (f" (estimated for {self.estimated} replies)" if self.estimated else "")
            + (f", cost {self.cost:.2f}" if self.cost is not None else "")
            + f", {self.seconds:.1f} s",
        ]
        return "\n".join(lines)

    def _of(self, count: int) -> str:
        return f"{count} ({100 * self.rate(count):.1f}%)"


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {count}" for reason, count in ordered)


class Tally:
    """The counts of a run, and its budget."""

    def __init__(self, requests: int | None = None, tokens: int | None = None) -> None:
        self.budget_requests = requests
        self.budget_tokens = tokens
        self.records = self.answers = self.kept = self.kept_later = self.left = 0
        self.requests = self.cached = self.tokens_in = self.tokens_out = self.estimated = 0
        self.fell_back: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.seconds = 0.0
        self._since: float | None = None

    def request(self) -> None:
        """Count a request about to be sent. Raises RequestFailed where the budget has none left."""
        if self.budget_requests is not None and self.requests >= self.budget_requests:
            raise RequestFailed(OVER_BUDGET)
        if self.budget_tokens is not None and self.tokens_in + self.tokens_out >= self.budget_tokens:
            raise RequestFailed(OVER_BUDGET)
        self.requests += 1

    def reply(self, reply: Reply) -> None:
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        self.estimated += reply.estimated

    def start(self) -> None:
        self._since = time.monotonic()

    def stop(self) -> None:
        self.seconds = self._elapsed()
        self._since = None

    def report(self, price_in: float | None, price_out: float | None) -> Report:
        """The counts so far; prices are of a million tokens."""
        cost = None
        if price_in is not None or price_out is not None:
            cost = (self.tokens_in * (price_in or 0) + self.tokens_out * (price_out or 0)) / 1e6
        return Report(
            records=self.records,
            answers=self.answers,
            kept=self.kept,
            kept_later=self.kept_later,
            fell_back=dict(self.fell_back),
            refused=dict(self.refused),
            left=self.left,
            requests=self.requests,
            cached=self.cached,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            estimated=self.estimated,
            cost=cost,
            seconds=self._elapsed(),
        )

    def _elapsed(self) -> float:
        return self.seconds + (time.monotonic() - self._since if self._since is not None else 0.0)
