"""A small notation for ways to word a question, so that the rules over questions stay lists of words."""

import re

_PERSON = r"(?:he|she|they|him|her|them|(?:this|that|the) (?:person|man|woman|face|child|boy|girl|one))"
_THING = rf"(?:{_PERSON}|it|this|that)"
_END = r"\s*(?:[?.,!]|\bor\b|$)"


def wordings(*lines: str) -> re.Pattern[str]:
    """Wordings, separated by commas, as one pattern that finds any of them, in any case.

    "why, how (do/can) you know, reason*, where ... taken": `(a/b)` is one of several words, `*` the rest of a word,
    `...` anything between, `?word` a word that may be left out, PERSON "she", "this man" and so on, THING these,
    "it" or "this", `$` the end of a sentence or of its part.
    """
    phrases = [phrase.split() for line in lines for phrase in line.split(",") if phrase.strip()]
    return re.compile("|".join(map(_pattern, phrases)), re.IGNORECASE)


def _pattern(tokens: list[str]) -> str:
    pattern, gap = "", ""
    for token in tokens:
        if token == "...":
            gap = r"\b.*"
        elif token == "$":
            pattern, gap = pattern + _END, ""
        elif token.startswith("?"):
            pattern, gap = f"{pattern}{gap}(?:{_word(token[1:])}\\s+)?", ""
        else:
            pattern, gap = f"{pattern}{gap}{_word(token)}", r"\s+"
    return f"(?:{pattern})"


def _word(token: str) -> str:
    if token in ("PERSON", "THING"):
        return rf"\b{_PERSON if token == 'PERSON' else _THING}\b"
    choices = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in token.strip("()").split("/"))
    start = "" if token.startswith("n't") else r"\b"
    return rf"{start}(?:{choices})\b"
