"""ROUGE-L F in 0..1, two ways: as everybody computes it, and as the published REGE scorer does.

Both want the extra `bench`, and raise SettingsError without it. The published scorer uses the package `rouge` (1.0.1)
with its defaults: words are split at white space, case and commas kept, "sentences" at full stops, the common
subsequences of all pairs of sentences are united as sets of words, and lengths are numbers of distinct words.
`rouge-score` compares two sequences of words in lower case, without marks and not stemmed.
"""

from functools import cache
from importlib import import_module
from typing import Any

from feallm.settings import SettingsError


def rouge_l(reference: str, text: str) -> float:
    """ROUGE-L F of `rouge-score`, 0 for a text without words."""
    return float(_scorer().score(reference, text)["rougeL"].fmeasure)


def published_rouge_l(reference: str, text: str) -> float | None:
    """ROUGE-L F of `rouge`; None where it fails, as the published scorer skips a text then.

    It fails on a text or reference of nothing but full stops, and on sentences so long (about a thousand words in
    the two together) that Python's recursion limit is reached.
    """
    try:
        return float(_published().get_scores(text, reference, avg=True)["rouge-l"]["f"])
    except (ValueError, RecursionError):
        return None


@cache
def _scorer() -> Any:
    tokenizer = _package("rouge_score.tokenizers").DefaultTokenizer(use_stemmer=False)
    return _package("rouge_score.rouge_scorer").RougeScorer(["rougeL"], tokenizer=tokenizer)


@cache
def _published() -> Any:
    return _package("rouge").Rouge(metrics=["rouge-l"])  # its other metrics do not change this one


def _package(name: str) -> Any:
    """Imported where it is needed: `rouge-score` imports nltk, which takes a second."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise SettingsError(f"scoring texts needs ROUGE: pip install 'feallm[bench]' ({error})") from error
