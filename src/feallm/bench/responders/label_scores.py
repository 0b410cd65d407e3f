"""How likely a vision-language model finds each class of a closed set as its answer, by the rule that `RULE` says.

The sum over the tokens of a word is the probability of the word as a whole, so that no correction for its length is
due: a mean over tokens would favour words of many tokens, whose later tokens follow from the first.

Shapes: B pictures, S tokens of the prompt, L of an answer, N classes, V vocabulary. torch is imported when it is used.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

RULE = (
    "log-likelihood: p(class) is the probability that the answer begins with the class's word, in lower case or with a "
    "capital (the sum of both), renormalised over the classes"
)
Answers = Sequence[Sequence[Sequence[int]]]
"""For each class the ways to write it, each as token ids."""


def forms(word: str) -> tuple[str, str]:
    """The ways to write a class's word that count."""
    return word, word.capitalize()


def answer_ids(tokenizer: Any, prompt: str, closed: str, word: str, written: str) -> list[int]:
    """The tokens of a word at the beginning of the answer to a prompt.

    `closed` is the conversation with `written` as the answer, by the same chat template: what the template puts
    before an answer (a space, say) is taken over. Tokens are those of prompt and answer read together.
    """
    before = ""
    if closed.startswith(prompt) and written in closed[len(prompt) :]:
        before = closed[len(prompt) :].partition(written)[0]
    start = list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    whole = list(tokenizer(prompt + before + word, add_special_tokens=False)["input_ids"])
    if whole[: len(start)] == start and len(whole) > len(start):
        return whole[len(start) :]
    return list(tokenizer(before + word, add_special_tokens=False)["input_ids"])


class LabelScorer:
    """Scores answers by a model.

    With `shared` the prompt and its picture are computed once for all answers and kept in the model's cache, else anew
    for every answer. Whether a model's cache bears that is found out by `probe`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.shared = False
        wanted = inspect.signature(model.forward).parameters
        self._short = "logits_to_keep" in wanted

    def probe(self, inputs: Mapping[str, Any], answers: Answers, tolerance: float) -> None:
        """Use the cache if it gives the same log-likelihoods as doing without, up to `tolerance`."""
        without = self._anew(inputs, answers)
        try:
            self.shared = bool(((self._continued(inputs, answers) - without).abs() <= tolerance).all())
        except (ValueError, TypeError, RuntimeError, IndexError, KeyError, AttributeError):
            self.shared = False  # a cache of another kind: slower, and no less right

    def __call__(self, inputs: Mapping[str, Any], answers: Answers) -> Tensor:
        """Log-likelihoods [B, N] of the classes, each the sum over the ways to write it.

        `inputs` are the processor's for B prompts of equal length, none of them padded.
        """
        import torch

        flat = (self._continued if self.shared else self._anew)(inputs, answers)
        ways = [len(written) for written in answers]
        return torch.stack([part.logsumexp(dim=1) for part in flat.split(ways, dim=1)], dim=1)

    def _anew(self, inputs: Mapping[str, Any], answers: Answers) -> Tensor:
        """Log-likelihoods [B, all ways to write all classes], each by a pass of its own."""
        import torch

        columns = []
        for ids in _flat(answers):
            logits = self._logits(_longer(inputs, ids), len(ids) + 1, use_cache=False).logits[:, -len(ids) - 1 : -1]
            columns.append(_picked(logits, ids))
        return torch.stack(columns, dim=1)

    def _continued(self, inputs: Mapping[str, Any], answers: Answers) -> Tensor:
        """The same, from one pass over the prompt."""
        import torch

        prefix = self._logits(inputs, 1, use_cache=True)
        first, columns = prefix.logits[:, -1:], []
        for ids in _flat(answers):
            logits = first
            if len(ids) > 1:  # no mask: nothing is padded, and models count positions on from the cache
                given = first.new_tensor(ids[:-1]).long().expand(first.shape[0], -1)
                cache = copy.deepcopy(prefix.past_key_values)
                later = self.model(input_ids=given, past_key_values=cache, use_cache=True).logits
                logits = torch.cat([first, later], dim=1)
            columns.append(_picked(logits, ids))
        return torch.stack(columns, dim=1)

    def _logits(self, inputs: Mapping[str, Any], last: int, use_cache: bool) -> Any:
        short = {"logits_to_keep": last} if self._short else {}
        return self.model(**inputs, use_cache=use_cache, **short)


def _flat(answers: Answers) -> list[Sequence[int]]:
    return [ids for written in answers for ids in written]


def _picked(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """Sum of the log-probabilities [B] of tokens `ids`, whose logits are [B, L, V]."""
    shares = logits.double().log_softmax(dim=-1)
    columns = shares.new_tensor(ids).long().expand(shares.shape[0], -1).unsqueeze(-1)
    return shares.gather(2, columns).sum(dim=(1, 2))


def _longer(inputs: Mapping[str, Any], ids: Sequence[int]) -> dict[str, Any]:
    """The inputs with an answer behind every prompt; whatever else there is for each token marks it as text (0)."""
    import torch

    prompt = inputs["input_ids"]
    answer = prompt.new_tensor(ids).expand(prompt.shape[0], -1)
    longer = dict(inputs)
    for name, value in inputs.items():
        if isinstance(value, torch.Tensor) and value.shape == prompt.shape:
            fill = {"input_ids": answer, "attention_mask": torch.ones_like(answer)}.get(name, torch.zeros_like(answer))
            longer[name] = torch.cat([value, fill.to(value.dtype)], dim=1)
    return longer
