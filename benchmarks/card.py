"""Puts measured numbers into the README and the model card, between their `<!-- measured: NAME -->` marks.

    python benchmarks/accuracy.py --data DIR --json a.json
    python benchmarks/calibration.py --data DIR --json c.json
    python benchmarks/faithfulness.py --data DIR --json f.json
    python benchmarks/card.py --accuracy a.json --calibration c.json --faithfulness f.json
    python benchmarks/card.py --bench runs/bench

The last takes scored runs of FEABench-mini, one folder for each row of `SYSTEMS`. Numbers of a model come from the benchmarks alone.
"""
# ruff: noqa: E501 (sentences that become lines of Markdown)

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs/benchmark.md", ROOT / "src/feallm/checkpoints/tiny/README.md")
SYSTEMS = {
    "feallm-head": ("FEALLM-tiny, its calibrated head and checked words", "run mini --model feallm"),
    "feallm-evidence": ("FEALLM-tiny, its language model after its own evidence", "run mini --model feallm-evidence"),
    "feallm-free": ("FEALLM-tiny, its language model asked directly", "run mini --model feallm-free"),
    "prototypes": ("AUs of the head, emotion by FACS prototypes alone", "run mini --model prototypes"),
    "fer-package": (
        "`fer` 25.10.3 (Xception trained on FER2013)",
        "run mini_fer2013 mini_ferplus --model table:fer.csv",
    ),
    "majority": ("majority of the training split", "run mini --model majority"),
    "prior": ("drawn from the training split", "run mini --model prior"),
}
"""Folder of runs -> what it is, and the command that made it, after `feallm bench` and before `--data DIR -o FOLDER`."""
TASKS = {
    "fer2013": "FER2013, 7",
    "ferplus": "FER+, 8",
    "fea_au": "AUs, mean F1",
    "describe_emotion": "expression told: label right",
    "describe_aus": "movements told: claim F1",
    "reason": "sound reasons",
    "cause": "causal score of claims",
    "cause_reason": "causal score of reasons",
    "robustness": "worse pictures",
}
SETS = {"ferplus": "FER+, 8 classes (`ferplus`, default)", "fer2013": "FER2013, 7 classes (`fer2013`)"}
Numbers = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def covered(part: Numbers) -> tuple[str, str]:
    return f"{part['coverage']:.2f}", three(part["accuracy"])


def span(values: Sequence[float]) -> str:
    return f"{values[0]:.3f}–{values[1]:.3f}"


def accuracy(found: Numbers) -> str:
    """Emotions, AUs, the language model unaided, photographs."""
    head = ("emotion, by the head", "accuracy", "UAR (95 %)", "macro-F1", "n", "with repeats (n)")
    rows = []
    for name, title in SETS.items():
        own, all_ = found[f"{name}_without_copies"], found[f"{name}_with_copies"]
        uar = f"{three(own['uar'])} ({span(own['uar_95'])})"
        repeats = f"{three(all_['accuracy'])} ({all_['n']:,})"
        rows.append((title, three(own["accuracy"]), uar, three(own["macro_f1"]), f"{own['n']:,}", repeats))
    units, unrepeated = found["action_units"], found["action_units_without_copies"]
    raters = found["fer2013_by_the_raters"]
    lines = [
        table(head, rows),
        "",
        f"- **What people say of FER2013's labels:** the plurality of FER+'s ten raters is FER2013's own label on {three(raters['accuracy'])} "
        f"of {raters['n']:,} of these faces (where it is one of the seven).",
        f"- **Action units:** mean F1 {three(unrepeated['mean_f1'])} ({span(unrepeated['mean_f1_95'])}) over AUs 1 2 4 5 6 7 9 10 "
        f"12 15 17 25 26 27 43 on {unrepeated['n']} faces without repeats, {three(units['mean_f1'])} on all {units['n']}; against "
        "each of two coding passes, averaged. One pass against the other gives 0.854 on all.",
        f"- **The language model by itself** (told the head's numbers as tokens and the face; asked, its answer read): FER+ {three(found['ferplus_free_generation']['accuracy'])} "
        f"(the head on the same {found['ferplus_free_generation']['n']:,} faces {three(found['ferplus_head_on_the_same']['accuracy'])}), FER2013 "
        f"{three(found['fer2013_free_generation']['accuracy'])} ({three(found['fer2013_head_on_the_same']['accuracy'])}), AUs "
        f"{three(found['action_units_free_generation']['mean_f1'])} on all {units['n']} ({three(units['mean_f1'])}). The numbers of a reading are the head's.",
        f"- **Photographs** of another source (`photos.parquet`, neutral or happiness): faces found "
        f"{100 * found['photos']['faces_found']:.1f} % of {found['photos']['n']}, accuracy "
        f"{three(found['photos']['accuracy_of_found'])}.",
    ]
    return "\n".join(lines)


def recall(found: Numbers) -> str:
    """Recall of each class and F1 of each AU."""
    lines = []
    for name in SETS:
        row = found[f"{name}_without_copies"]
        recalls = ", ".join(f"{label} {value:.2f}" for label, value in row["recall"].items() if value is not None)
        lines.append(f"Recall per class, `{name}`, without repeats: {recalls}.")
    each = ", ".join(
        f"{unit} {value:.2f}" for unit, value in found["action_units_without_copies"]["f1"].items() if value is not None
    )
    return "\n\n".join([*lines, f"F1 per AU, without repeats: {each}."])


def calibration(found: Numbers) -> str:
    """ECE, and what a confidence asked for costs."""
    head = ("label set", "ECE, 15 bins", "mean confidence", "accuracy", "NLL", "Brier")
    rows = [
        (f"`{name}`", *(three(found[name][key]) for key in ("ece", "mean_confidence", "accuracy", "nll", "brier")))
        for name in SETS
    ]
    curve = [
        (f"{line['min_confidence']:.1f}", *covered(line), *covered(other))
        for line, other in zip(found["ferplus"]["coverage"], found["fer2013"]["coverage"], strict=True)
    ]
    units = found["action_units_without_copies"]
    lines = [
        table(head, rows),
        "",
        "What `min_confidence` costs and gives (share of faces that get a verdict, and its accuracy):",
        "",
        table(("`min_confidence`", "FER+ coverage", "accuracy", "FER2013 coverage", "accuracy"), curve),
        "",
        f"Action units: mean ECE {three(units['mean_ece'])} (10 bins); Spearman of the intensity with the coded strength "
        f"{three(units['mean_intensity_spearman'])} (mean over {units['units_in_that_mean']} AUs).",
    ]
    return "\n".join(lines)


def faithfulness(found: Numbers) -> str:
    """Words against numbers, causes against interventions, places against hiding."""
    words, repairs, before = found["words"], found["repairs"], found["before_repair"]
    coded, hidden = found["words_against_codes"], found["occlusion"]
    direction = {name: found[f"direction_{name}"]["probability"] for name in SETS}
    stable = found["stability"]
    lines = [
        f"- **Words:** of {words['n']} explanations {words['distinct']} are distinct; {words['with_a_repeated_sentence']} repeat a "
        f"sentence. Asserted AUs against the reading: precision {three(words['unit_precision'])} after the check "
        f"({three(before['unit_precision'])} before it), recall {three(words['unit_recall'])}. {repairs['repaired']} needed mending, "
        f"{repairs['composed_anew']} of them were composed anew. Against the coded labels: precision {three(coded['precision'])}, "
        f"recall {three(coded['recall'])}.",
        f"- **Because:** of the causes that the language model itself names, {three(before['causes_surviving'])} survive the "
        f"intervention: without the unit the verdict is less likely. After the check {words['causes']} causes are told and "
        f"{three(words['causes_surviving'])} survive, which the check sees to.",
        f"- **What if** (the model was trained for this direction): where a unit of the verdict's prototype is taken away, the verdict becomes less likely in "
        f"{100 * direction['ferplus']['falls']:.0f} % (FER+) and {100 * direction['fer2013']['falls']:.0f} % (FER2013) of the cases, "
        f"by {three(direction['ferplus']['mean_change'])} and {three(direction['fer2013']['mean_change'])} on average; an unrelated "
        f"unit put in moves it by {three(direction['ferplus']['unrelated'])} and {three(direction['fer2013']['unrelated'])}.",
        f"- **Where** (it was trained not to claim what is covered): with its own place hidden an AU's probability falls by {three(hidden['own'])}, with as much of the face "
        f"hidden elsewhere by {three(hidden['control'])}; its own place matters more in {100 * hidden['own_more']:.0f} % of "
        f"{hidden['n']:,} cases ({three(hidden['seconds_per_face'])} s a face on two cores).",
        f"- **Stable:** the verdict stays when the face is darker ({three(stable['darker'])}) or brighter "
        f"({three(stable['brighter'])}), and when it is mirrored ({three(stable['mirrored'])}; both sides are read).",
    ]
    return "\n".join(lines)


def bench(folder: Path) -> str:
    """FEABench-mini: a row a system with the headline of each task and its interval."""
    rows = []
    for name, (title, command) in SYSTEMS.items():
        cells = [headline(folder / name / f"mini_{task}") for task in TASKS]
        rows.append((title, *cells, f"`{command}`"))
    return table(("", *TASKS.values(), "`feallm bench …`"), rows)


def headline(run: Path) -> str:
    """The first metric of a scored run with its interval; a dash where there is none."""
    if not (run / "score.json").is_file():
        return "–"
    found = json.loads((run / "score.json").read_text())
    metric = found["metrics"][found["run"]["headline"]]
    if metric["value"] is None:
        return "–"
    shown = f"{metric['value']:.3f}"
    return shown if metric["low"] is None else f"{shown} ({metric['low']:.3f}–{metric['high']:.3f})"


def fill(page: str, parts: dict[str, str]) -> str:
    """Replace what stands between the marks of each part; marks without numbers at hand keep theirs."""

    def one(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- measured: {name} -->\n{parts.get(name, match['old'].strip())}\n<!-- end -->"

    return re.sub(r"<!-- measured: (?P<name>\w+) -->\n(?P<old>.*?)\n?<!-- end -->", one, page, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("accuracy", "calibration", "faithfulness"):
        parser.add_argument(f"--{name}", type=Path, default=None, help=f"JSON of benchmarks/{name}.py")
    parser.add_argument("--bench", type=Path, default=None, help="folder of scored runs, one folder a system")
    options = parser.parse_args()
    parts: dict[str, str] = {}
    for name, make in (("accuracy", accuracy), ("calibration", calibration), ("faithfulness", faithfulness)):
        source = getattr(options, name)
        if source is not None:
            parts[name] = make(json.loads(source.read_text()))
    if options.accuracy is not None:
        parts["recall"] = recall(json.loads(options.accuracy.read_text()))
    if options.bench is not None:
        parts["benchmark"] = bench(options.bench)
    for page in PAGES:
        page.write_text(fill(page.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    main()
