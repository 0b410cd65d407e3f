"""Composed instruction records: whether they agree with their labels, read back as they claim, and vary.

    python benchmarks/dataset.py --data DIR [--records N] [--json FILE]

DIR holds ferplus_train.parquet and fea_au_train.csv. Every family has the same share: faces are drawn until it can be
composed from one; `reading` takes the coded faces without their emotion labels.
- contradictions: turns whose claims go against the labels: another emotion, an AU asserted that is not coded as
  present, denied that is not coded as absent, or called a cause and not asserted.
- misread: turns that `facs.answers` reads as another verdict, other AUs asserted or other AUs denied than they claim.
- free_text: N records of the families in free text alone, in equal parts: distinct last answers, distinct-3 (trigrams
  that differ, of all trigrams), and self-BLEU: each of 500 answers (100 of a single family) against all the others,
  mean of sentence BLEU (sacrebleu, in the development extra); the lower, the more varied.
- lengths: mean words of the last answers, beside the published means of FABA-Instruct (Li et al. 2024, EmoLA).
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from random import Random

from common import Row, show, write

from feallm.data.compose import FAMILIES, compose
from feallm.data.records import LabelledFace, Record
from feallm.data.sources import load
from feallm.data.sources.au_codes import read_codes, with_codes
from feallm.facs.answers import read_answer

FREE_TEXT = ("expression", "movements", "reason", "discriminate", "counterfactual")
PUBLISHED = {"FABA-Instruct, emotion descriptions": 50.0, "FABA-Instruct, AU descriptions": 207.0}
SAMPLE, SMALL = 500, 100
SEED = 0
TRIES = 2000


def faces_of(data: Path) -> list[LabelledFace]:
    """The training faces at hand, joined with their AU codes."""
    return list(with_codes(load("fer2013", data, "train"), read_codes(data / "fea_au_train.csv")))


def records_of(
    faces: Sequence[LabelledFace], families: Sequence[str], count: int, rng: Random
) -> Iterator[tuple[LabelledFace, Record]]:
    """`count` records with the faces they are about, of each family in turn."""
    for _, family in zip(range(count), cycle(families), strict=False):
        yield _record(faces, family, rng)


def _record(faces: Sequence[LabelledFace], family: str, rng: Random) -> tuple[LabelledFace, Record]:
    for _ in range(TRIES):
        face = rng.choice(faces)
        if family == "reading":
            face = replace(face, emotions={}, labels={})
        record = compose(face, family, rng)
        if record is not None:
            return face, record
    raise SystemExit(
        f"no face in {TRIES} gives a record of the family {family}: is fea_au_train.csv the one of the data?"
    )


def faults(face: LabelledFace, record: Record) -> Counter[str]:
    """Turns that go against the labels, and turns that do not read back as they claim."""
    found: Counter[str] = Counter(turns=len(record.turns))
    present = {unit for unit, strength in face.action_units.items() if strength > 0}
    absent = face.action_units.keys() - present
    for turn in record.turns:
        claims, answer = turn.claims, read_answer(turn.answer)
        found["contradictions"] += (
            (claims.emotion is not None and claims.emotion not in face.labels.values())
            or not present.issuperset(claims.asserted)
            or not absent.issuperset(claims.denied)
            or not set(claims.causes) <= set(claims.asserted)
        )
        read = (answer.emotion, answer.aus, answer.denied_aus)
        found["misread"] += read != (claims.emotion, claims.asserted, claims.denied)
    return found


def distinct_trigrams(texts: Sequence[str]) -> float:
    """Distinct-3: trigrams that differ as a share of all trigrams."""
    words = [text.lower().split() for text in texts]
    trigrams = [each for line in words for each in zip(line, line[1:], line[2:], strict=False)]
    return len(set(trigrams)) / len(trigrams)


def self_bleu(texts: Sequence[str], size: int, rng: Random) -> float | str:
    """Mean BLEU (0..100) of each text of a sample of `size` against all others of it."""
    try:
        from sacrebleu.metrics import BLEU
    except ImportError:
        return "not measured: install sacrebleu (pip install -e '.[dev]')"
    sample = rng.sample(texts, min(size, len(texts)))
    bleu = BLEU(effective_order=True)
    scores = [bleu.sentence_score(text, sample[:i] + sample[i + 1 :]).score for i, text in enumerate(sample)]
    return sum(scores) / len(scores)


def lengths(records: Sequence[Record]) -> list[Row]:
    """Share of the records and mean words of the last answer of each family, and what is published beside them."""
    words: dict[str, list[int]] = {}
    for record in records:
        words.setdefault(record.family, []).append(len(record.turns[-1].answer.split()))
    rows: list[Row] = [
        {"family": family, "share": len(each) / len(records), "mean words": round(sum(each) / len(each), 1)}
        for family, each in sorted(words.items())
    ]
    return rows + [{"family": name, "share": "-", "mean words": value} for name, value in PUBLISHED.items()]


def free_text(faces: Sequence[LabelledFace], count: int, rng: Random) -> tuple[Row, Counter[str]]:
    """How much the free-text answers vary, by family and over all, and their faults."""
    found: Counter[str] = Counter()
    answers: dict[str, list[str]] = {}
    for face, record in records_of(faces, FREE_TEXT, count, rng):
        answers.setdefault(record.family, []).append(record.turns[-1].answer)
        found += faults(face, record)
    every = [answer for texts in answers.values() for answer in texts]
    row: Row = {"n": len(every), "distinct": len(set(every)), "distinct_3": distinct_trigrams(every)}
    row["self_bleu"] = self_bleu(every, SAMPLE, rng)
    row["families"] = [
        {
            "family": family,
            "n": len(texts),
            "distinct": len(set(texts)),
            "distinct_3": distinct_trigrams(texts),
            f"self_bleu of {SMALL}": self_bleu(texts, SMALL, rng),
        }
        for family, texts in answers.items()
    ]
    return row, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--json", type=Path, default=None, help="write the numbers here as well")
    options = parser.parse_args()
    faces, rng = faces_of(options.data), Random(SEED)
    started = time.perf_counter()
    pairs = list(records_of(faces, FAMILIES, options.records, rng))
    seconds = time.perf_counter() - started
    found: Counter[str] = Counter()
    for face, record in pairs:
        found += faults(face, record)
    records = [record for _, record in pairs]
    chats = [len(record.turns) for record in records if record.family == "chat"]
    varied, again = free_text(faces, options.records, rng)
    result: Row = {
        "records": {
            "n": len(records),
            "faces": len(faces),
            "composed_per_second": round(len(records) / seconds),
            "turns_of_a_chat": sum(chats) / max(len(chats), 1),
        },
        "faults": {name: found[name] for name in ("turns", "contradictions", "misread")},
        "faults_of_free_text": {name: again[name] for name in ("turns", "contradictions", "misread")},
        "free_text": varied,
        "families": {"last answers": lengths(records)},
    }
    for name, row in result.items():
        show(name, row)
    write(result, options.json)


if __name__ == "__main__":
    main()
