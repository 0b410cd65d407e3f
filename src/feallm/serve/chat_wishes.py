"""What OpenAI's form lets a client ask for and no answer here can be: refused, not passed over in silence.

What only tunes how an answer is made (temperature, seed, reasoning_effort ...) or notes something about it (user,
metadata ...) is let be. Names and harmless values: OpenAI's API reference; the constraints of other servers: those of
vLLM and llama.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from feallm.serve.errors import ApiError

_JSON = "answers are sentences: leave it out, or send the picture to /v1/analyze, which answers in JSON"
_SHARES = "answers have no token probabilities: leave it out; /v1/analyze gives the calibrated share of each emotion"
_TOOLS = "no tools are called here: leave it out"
_FORMS = ("grammar", "json_schema", "guided_json", "guided_choice", "guided_regex", "guided_grammar")


@dataclass(frozen=True)
class _Unmet:
    """A field that cannot be kept to, except where it is empty or one of `harmless`; `instead` says what to do."""

    instead: str
    harmless: tuple[Any, ...] = ()


UNMET = {
    "n": _Unmet("one answer is given: leave it out", (1,)),
    "response_format": _Unmet(_JSON, ({"type": "text"},)),
    "structured_outputs": _Unmet(_JSON),
    **{name: _Unmet(_JSON) for name in _FORMS},
    "logprobs": _Unmet(_SHARES),
    "top_logprobs": _Unmet(_SHARES),
    "prompt_logprobs": _Unmet(_SHARES),
    "tools": _Unmet(_TOOLS),
    "functions": _Unmet(_TOOLS),
    "tool_choice": _Unmet(_TOOLS, ("none", "auto")),
    "function_call": _Unmet(_TOOLS, ("none", "auto")),
    "web_search_options": _Unmet("nothing is looked up elsewhere: leave it out"),
    "logit_bias": _Unmet("many sentences are composed, not sampled: leave it out"),
    "audio": _Unmet("answers are text: leave it out"),
    "modalities": _Unmet('answers are text: leave it out, or ask for ["text"]', (["text"],)),
    "moderation": _Unmet("nothing is sent to be moderated: leave it out"),
    "store": _Unmet("nothing is stored here: leave it out"),
}
_NOT_CALLED = {"tools": "tool_choice", "functions": "function_call"}
"""Tools that are offered and, by another field, are not to be called: an answer in words is what was asked for."""


def refuse_unmet(given: Mapping[str, Any]) -> None:
    """Raises ApiError 400 for the first field of `UNMET` that asks for what cannot be had."""
    for name, unmet in UNMET.items():
        value = given.get(name)
        if name in _NOT_CALLED and given.get(_NOT_CALLED[name]) == "none":
            continue
        asked = value is not None if name == "web_search_options" else bool(value)  # an empty one asks for a search
        if asked and value not in unmet.harmless:
            raise ApiError(400, "unsupported_parameter", f"{name}: {unmet.instead}")
