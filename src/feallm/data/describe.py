"""Free-text answers rewritten by a language or vision-language model, and kept only where they claim the same.

The model gets the labels, what must not be claimed, the earlier turns, the question and the composed answer. Its reply
takes the composed answer's place only if `verify.check` reads from it the labelled emotion and no action unit beyond
those that are told; else it is asked again with the reason, and after `tries` replies the composed answer stays. Every
reply is kept in a file as it comes, so that a run that was stopped, killed or cut off goes on where it was.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from feallm.data.briefs import Message, again, brief, family_of
from feallm.data.describe_recipe import DescribeRecipe
from feallm.data.endpoint import Endpoint, is_local, read_key, sampling
from feallm.data.local_model import LocalModel
from feallm.data.loop import Loop
from feallm.data.records import LabelledFace, Record, Turn
from feallm.data.replies import Reply, ReplyCache, key_of
from feallm.data.shown import data_url
from feallm.data.tally import OVER_BUDGET, DescribeError, Report, RequestFailed, Tally
from feallm.data.verify import Refusal, check, clean, limits

__all__ = ["DescribeError", "DescribeRecipe", "Describer", "Report"]

Pair = tuple[Record, LabelledFace]


class Model(Protocol):
    """What is asked: an endpoint, or a model run here."""

    async def ask(self, messages: Sequence[Message], picture: str | None) -> Reply:
        """The reply to a conversation, with a picture as a data URL. Raises RequestFailed, DescribeError."""

    async def close(self) -> None:
        """Let go of connections."""


class Describer:
    """Rewrites the free answers of records as a recipe says.

    With `with_picture` every face's picture goes to the model. The licences of many data sets forbid to give their
    pictures to third parties: do so only with a model of your own, or where you have the right. An endpoint on another
    machine is warned of once.

    Raises:
        DescribeError: the environment variable of the key holds none, or the cache cannot be opened.
    """

    def __init__(self, recipe: DescribeRecipe) -> None:
        self.recipe = recipe
        read_key(recipe.api_key_env)
        self._tally = Tally(recipe.budget_requests, recipe.budget_tokens)
        try:
            self._cache = ReplyCache(Path(recipe.cache).expanduser())
        except OSError as error:
            raise DescribeError(f"the cache {recipe.cache} cannot be used: {error}") from error
        self._warned = False

    @property
    def report(self) -> Report:
        """The counts of all that was described so far."""
        return self._tally.report(self.recipe.price_in, self.recipe.price_out)

    def describe(self, pairs: Iterable[Pair]) -> Iterator[Record]:
        """The records in order, rewritten; a bounded number is in work at any time.

        Raises:
            DescribeError: the endpoint is dead, refuses the key or fails every time. All replies are kept.
            KeyboardInterrupt: Ctrl-C while waiting, with a message that says how to go on.
        """
        self._warn()
        seen: Counter[Any] = Counter()
        waiting: deque[Future[Record]] = deque()
        self._tally.start()
        try:
            model = self._model()
            with Loop(model.close) as loop:
                for record, face in pairs:
                    copy = seen[hash(record)]
                    seen[hash(record)] += 1
                    waiting.append(loop.submit(self._rewrite(model, record, face, copy)))
                    while waiting and (len(waiting) > 2 * self.recipe.concurrency or waiting[0].done()):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(f"stopped; {self._kept()}") from stop
        except DescribeError as error:
            raise DescribeError(f"{error}; {self._kept()}") from error
        finally:
            self._tally.stop()

    def __call__(self, record: Record, face: LabelledFace) -> Record:
        """One record, rewritten: for callers that have one at a time. `describe` keeps more requests in flight."""
        return next(self.describe([(record, face)]))

    def __reduce__(self) -> tuple[Any, ...]:
        return Describer, (self.recipe,)

    def _model(self) -> Model:
        return (LocalModel if self.recipe.local else Endpoint)(self.recipe, self._tally)

    def _warn(self) -> None:
        url = self.recipe.base_url
        if self.recipe.with_picture and url and not is_local(url) and not self._warned:
            self._warned = True
            warnings.warn(
                f"pictures of faces are sent to {url}, which is another machine: many data sets forbid to give their "
                "pictures to third parties; leave with_picture out if yours do",
                stacklevel=3,
            )

    def _kept(self) -> str:
        return (
            f"{len(self._cache)} replies are kept in {self._cache.path}: describe the same records again with the same "
            "recipe to go on, and no kept reply is asked for again"
        )

    async def _rewrite(self, model: Model, record: Record, face: LabelledFace, copy: int) -> Record:
        """`copy`: how many equal records came before, so that equal records are asked about anew."""
        turns: list[Turn] = []
        left = False
        for place, turn in enumerate(record.turns):
            family = family_of(record, place)
            if place >= record.given and family in self.recipe.families:
                turn, reached = await self._answer(model, turn, turns, face, family, copy)
                left = left or not reached
            turns.append(turn)
        self._tally.records += 1
        self._tally.left += left
        return replace(record, turns=tuple(turns))

    async def _answer(
        self, model: Model, turn: Turn, before: Sequence[Turn], face: LabelledFace, family: str, copy: int
    ) -> tuple[Turn, bool]:
        """The turn with a new answer, or as it was; and whether the budget reached it."""
        self._tally.answers += 1
        bounds = limits(turn, before, face, family)
        most = self.recipe.max_characters
        messages = brief(turn, before, face, bounds, most)
        reason = ""
        for attempt in range(self.recipe.tries):
            try:
                reply = await self._ask(model, messages, face, copy)
            except RequestFailed as failed:
                reason = failed.reason
                break
            text = clean(reply.text)
            found = check(text, bounds, reply.finish, most)
            if not isinstance(found, Refusal):
                self._tally.kept += attempt == 0
                self._tally.kept_later += attempt > 0
                return Turn(turn.question, text, found), True
            self._tally.refused[found.reason] += 1
            reason = found.reason
            messages = again(messages, text, found.told)
        self._tally.fell_back[reason] += 1
        return turn, reason != OVER_BUDGET

    async def _ask(self, model: Model, messages: Sequence[Message], face: LabelledFace, copy: int) -> Reply:
        picture = await self._picture(face)
        key = key_of(self.recipe.model, sampling(self.recipe), messages, picture, face.source, face.id, copy)
        if key in self._cache:
            self._tally.cached += 1
            return self._cache[key]
        reply = await model.ask(messages, picture)
        try:
            self._cache.add(key, reply)
        except OSError as error:
            raise DescribeError(f"the cache {self._cache.path} cannot be written: {error}") from error
        return reply

    async def _picture(self, face: LabelledFace) -> str | None:
        if not self.recipe.with_picture:
            return None
        try:
            return await asyncio.to_thread(data_url, face, self.recipe.picture_side)
        except OSError as error:
            raise RequestFailed("unreadable picture") from error
