"""Whether what is said is so: words against the reading, "because" against interventions, places against hiding.

    python benchmarks/faithfulness.py --data DIR [--model CHECKPOINT] [--limit N] [--explain N] [--evidence N]
                                      [--json FILE]

DIR holds ferplus_val.parquet and fea_au_val.csv; faces are the validation faces that repeat no training picture.
- words, before_repair: the AUs, emotions and causes that explanations assert, shown and as the language model wrote
  them. A cause survives when taking its AU out of the evidence lowers the verdict's probability.
- words_against_codes: AUs asserted (and those read) against each coding pass, pooled over AUs, averaged over passes.
- direction: faces with a verdict other than neutral. A present AU of the verdict's prototype is taken out of the
  evidence, and for scale each AU that neither supports nor opposes the verdict, and is not present, is put in. The
  verdict should fall in at least 85 % of the (face, AU) cases, and move less for the unrelated AU. Putting in is the
  larger dose (almost from 0 to 1, where taking out starts at what was read): `swing` gives both the whole way.
- occlusion: fall of each present AU's probability with its own region hidden, and with as much hidden elsewhere.
- stability: share of verdicts that stay when the face is mirrored, darkened or brightened.
Needs the development extra.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from common import (
    Codes,
    Row,
    arguments,
    batches,
    coding_passes,
    numbers,
    share,
    show,
    unit_counts,
    validation,
    write,
)
from interventions import direction_row, intervene

from feallm.analyze import Analyzer, FaceReading
from feallm.data.records import LabelledFace
from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes, sentences_of
from feallm.facs.prototypes import supporting_aus

CHANGES: dict[str, Callable[[Any], Any]] = {
    "mirrored": lambda face: np.ascontiguousarray(face[:, ::-1]),
    "darker": lambda face: np.rint(face * 0.8).astype(np.uint8),
    "brighter": lambda face: np.rint(np.clip(face * 1.2, 0, 255)).astype(np.uint8),
}


def words_row(readings: Sequence[FaceReading], texts: Sequence[str]) -> Row:
    """What `texts` claim about their readings: AUs, emotions, causes; precision and recall pooled over the faces."""
    answers = [read_answer(text) for text in texts]
    pairs = list(zip(readings, texts, answers, strict=True))
    asserted = sum(len(answer.aus) for answer in answers)
    right = sum(len(set(answer.aus) & set(reading.present_units)) for reading, _, answer in pairs)
    told = [{m.value for m in mentions(text) if m.kind == "emotion" and m.polarity != "denied"} for text in texts]
    named = [(r.verdict.second, others - {r.emotion}) for r, others in zip(readings, told, strict=True)]
    blends = [second in others for second, others in named if second]
    plain = [bool(others) for second, others in named if not second]
    claims = [
        (reading.action_units[unit].effect or 0.0) if unit in reading.action_units else 0.0
        for reading, text, _ in pairs
        for unit in causes(text, str(reading.emotion))
    ]
    return {
        "n": len(texts),
        "units_asserted": asserted,
        "unit_precision": share(right, asserted),
        "unit_recall": share(right, sum(len(reading.present_units) for reading in readings)),
        "verdict_named": share(sum(answer.emotion == reading.emotion for reading, _, answer in pairs), len(pairs)),
        "with_a_repeated_sentence": sum(len(set(parts)) < len(parts) for parts in map(sentences_of, texts)),
        "distinct": len(set(texts)),
        "second_emotion_present": len(blends),
        "second_emotion_told": share(sum(blends), len(blends)),
        "another_emotion_told_without_one": sum(plain),
        "causes": len(claims),
        "faces_with_a_cause": sum(bool(causes(text, str(reading.emotion))) for reading, text, _ in pairs),
        "causes_surviving": share(sum(effect > 0 for effect in claims), len(claims)),
    }


def repairs_row(readings: Sequence[FaceReading]) -> Row:
    """How many explanations were mended; all sentences replaced means composed anew from the FACS tables."""
    found = [reading.consistency for reading in readings if reading.consistency]
    replaced = [
        bool(reading.consistency) and reading.consistency.repaired >= max(len(sentences_of(reading.raw_text or "")), 1)
        for reading in readings
    ]
    return {
        "n": len(readings),
        "repaired": sum(bool(one.repaired) for one in found),
        "composed_anew": sum(replaced),
        "sentences_replaced": sum(one.repaired for one in found),
        "unparsed": sum(not one.agrees for one in found),
    }


def grounds_row(readings: Sequence[FaceReading]) -> Row:
    """How far the units that carry verdicts other than neutral are those of the FACS prototypes, and the reverse."""
    felt = [reading for reading in readings if reading.emotion != "neutral"]
    carrying = [set(reading.verdict.carrying) for reading in felt]
    prototype = [set(supporting_aus(str(reading.emotion))) & set(reading.present_units) for reading in felt]
    both = sum(len(a & b) for a, b in zip(carrying, prototype, strict=True))
    return {
        "n": len(felt),
        "present_prototype_units": sum(map(len, prototype)),
        "of_these_carrying": share(both, sum(map(len, prototype))),
        "carrying_units": sum(map(len, carrying)),
        "of_these_in_the_prototype": share(both, sum(map(len, carrying))),
        "verdicts_without_a_carrier": share(sum(not units for units in carrying), len(felt)),
    }


def codes_row(codes: Codes, found: Mapping[str, Collection[str]], units: Sequence[str]) -> Row:
    """Precision, recall and F1 over all units of the model, pooled; averaged over the passes."""
    hits, false, missed = unit_counts(codes, found, units)
    return {
        "n": len(codes),
        "precision": float((hits / np.maximum(hits + false, 1)).mean()),
        "recall": float((hits / np.maximum(hits + missed, 1)).mean()),
        "f1": float((2 * hits / np.maximum(2 * hits + false + missed, 1)).mean()),
    }


def measure_words(analyzer: Analyzer, faces: Sequence[LabelledFace], codes: Codes, count: int) -> dict[str, Row]:
    """Explanations of the first `count` faces, and of all coded ones for the comparison with the codes."""
    chosen = [face for row, face in enumerate(faces) if row < count or face.id in codes]
    pictures = [face.picture() for face in chosen]
    readings = [reading for chunk in batches(pictures) for reading in analyzer.stream(chunk)]
    first = readings[:count]
    result = {
        "words": words_row(first, [reading.explanation or "" for reading in first]),
        "before_repair": words_row(first, [reading.raw_text or "" for reading in first]),
        "repairs": repairs_row(first),
        "grounds": grounds_row(first),
    }
    if codes:
        coded = {face.id: reading for face, reading in zip(chosen, readings, strict=True) if face.id in codes}
        units = analyzer.engine.info.action_units
        said = {identity: read_answer(reading.explanation or "").aus for identity, reading in coded.items()}
        read = {identity: reading.present_units for identity, reading in coded.items()}
        result["words_against_codes"] = codes_row(codes, said, units)
        result["reading_against_codes"] = codes_row(codes, read, units)
    return result


def measure_occlusion(analyzer: Analyzer, pictures: Sequence[Any]) -> Row:
    """What hiding does to present AUs, own region against another, and what asking for it costs."""
    start = time.perf_counter()
    numbers(analyzer, pictures)
    plain = time.perf_counter() - start
    readings = [r for chunk in batches(pictures) for r in analyzer.stream(chunk, explain=False, evidence=True)]
    whole = time.perf_counter() - start - plain
    found = [(unit, au.evidence) for r in readings for unit, au in r.action_units.items() if au.evidence]
    drops = [(unit, evidence.drop, evidence.control_drop) for unit, evidence in found]
    table = []
    for unit in analyzer.engine.info.action_units:
        own = [drop[1:] for drop in drops if drop[0] == unit]
        if own:
            table.append({"unit": unit, **occlusion_row(own)})
    return {
        "faces": len(pictures),
        **occlusion_row([drop[1:] for drop in drops]),
        "seconds_per_face": whole / len(pictures),
        "of_these_for_evidence": (whole - plain) / len(pictures),
        "by_unit": table,
    }


def occlusion_row(drops: Sequence[tuple[float, float]]) -> Row:
    """Mean falls with the own region and with the control hidden; their ratio; how often the own one counts more."""
    own, control = np.array(drops, float).reshape(-1, 2).T
    if not len(own):
        return {"n": 0}
    return {
        "n": len(own),
        "own": float(own.mean()),
        "control": float(control.mean()),
        "ratio": float(own.mean() / control.mean()) if control.mean() > 0 else None,
        "own_more": float((own > control).mean()),
    }


def measure_stability(analyzer: Analyzer, pictures: Sequence[Any], verdicts: Sequence[str]) -> Row:
    row: Row = {"n": len(pictures)}
    for name, change in CHANGES.items():
        after = numbers(analyzer, [change(picture) for picture in pictures])
        same = sum(reading.leading == verdict for reading, verdict in zip(after, verdicts, strict=True))
        row[name] = same / len(pictures)
    return row


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=None, help="only the first N faces, for a quick look")
    parser.add_argument("--explain", type=int, default=300, help="how many faces to explain (0: none)")
    parser.add_argument("--evidence", type=int, default=300, help="how many faces to hide parts of (0: none)")
    options = parser.parse_args()
    faces = validation(options.data, copies=False, limit=options.limit)
    pictures = [face.picture() for face in faces]
    analyzer = Analyzer(options.model, detector="none", batch_size=64)
    result: dict[str, Row] = {}
    if options.explain:
        result |= measure_words(analyzer, faces, coding_passes(options.data, faces), options.explain)
    done = intervene(analyzer, pictures)
    result |= {f"direction_{label_set}": direction_row(one) for label_set, one in done.items()}
    if options.evidence:
        result["occlusion"] = measure_occlusion(analyzer, pictures[: options.evidence])
    result["stability"] = measure_stability(analyzer, pictures, done[analyzer.label_set].verdicts)
    for name, row in result.items():
        show(name, row)
    write(result, options.json)


if __name__ == "__main__":
    main()
