"""Tasks for lmms-eval: a folder a task with its YAML and `utils.py`, and the data as Parquet.

By its task guide (docs/guides/task_guide.md of EvolvingLMMs-Lab/lmms-eval: `dataset_path`, `dataset_kwargs`,
`doc_to_visual`, `doc_to_text`, `process_results`, `metric_list` with `aggregation`, `!function utils.NAME`). Checked
against that documented form, with `datasets` reading the Parquet file; not by lmms-eval itself, whose dependencies are
too many to install for a test.
"""

import json
from collections.abc import Iterator
from importlib import resources
from itertools import islice
from pathlib import Path
from string import Template
from typing import Any

from feallm._version import __version__
from feallm.bench.export.rows import Row
from feallm.bench.export.scoring import metric_names
from feallm.bench.report.metrics import LOWER
from feallm.bench.tasks.task import Task

PREFIX = "feabench_"
DATA = "test.parquet"
AT_ONCE = 256
TEXTS = {"emotion": 64, "aus": 160, "describe_emotion": 320, "describe_aus": 320, "reason": 320}
"""Tokens an answer may have."""
_AGGREGATION = """def aggregate_{name}(results):
    return scoring.metric(TASK, "{name}", _answers(results))
"""
_VALUE = {"dtype": "string", "_type": "Value"}
_FEATURES = {
    "sample": _VALUE,
    "image": {"_type": "Image"},
    "question": _VALUE,
    "answer": _VALUE,
    "item": _VALUE,
}

README = """
Each folder is a task. With lmms-eval and feallm installed in one environment:

```
python -m lmms_eval --include_path THIS_FOLDER --tasks {example} --model MODEL --model_args …
```

`dataset_kwargs.data_files` in each YAML is where the data were written: change it where they are moved. Answers are
read and scored by feallm, as in `feallm bench`, over all items; what is not answered counts as wrong. Intervals are not
given here. Models that change the question (`lmms_eval_specific_kwargs`) are asked something else, and their numbers
are not comparable.
"""


def define(task: Task, folder: Path) -> list[Path]:
    """Write the YAML and `utils.py` of a task."""
    home = folder / task.name
    home.mkdir(parents=True, exist_ok=True)
    names = metric_names(task)
    template = Template(resources.files(__package__).joinpath("lmms_utils.txt").read_text(encoding="utf-8"))
    aggregations = "\n\n".join(_AGGREGATION.format(name=name) for name in names)
    utils = template.substitute(version=__version__, task=repr(task.name), metrics=repr(tuple(names)))
    paths = [home / "utils.py", home / f"{PREFIX}{task.name}.yaml"]
    paths[0].write_text(f"{utils}\n\n{aggregations}", encoding="utf-8")
    paths[1].write_text("\n".join(_yaml(task, home, names)) + "\n", encoding="utf-8")
    return paths


def _yaml(task: Task, home: Path, names: list[str]) -> Iterator[str]:
    yield f"# {task.title}. Written by feallm {__version__}."
    yield f"task: {PREFIX}{task.name}"
    yield "tag: feabench"
    yield "dataset_path: parquet"
    yield "dataset_kwargs:"
    yield f"  data_files: {{test: {json.dumps(str((home / DATA).resolve()))}}}"
    yield "test_split: test"
    yield "output_type: generate_until"
    yield "doc_to_visual: !function utils.doc_to_visual"
    yield "doc_to_text: !function utils.doc_to_text"
    yield "doc_to_target: answer"
    yield "process_results: !function utils.process_results"
    yield "generation_kwargs:"
    yield f"  max_new_tokens: {max(TEXTS[kind] for kind in task.kinds)}"
    yield "  temperature: 0"
    yield "  top_p: 1.0"
    yield "  num_beams: 1"
    yield "  do_sample: false"
    yield "metric_list:"
    for name in names:
        yield f"  - metric: {name}"
        yield f"    aggregation: !function utils.aggregate_{name}"
        yield f"    higher_is_better: {json.dumps(name not in LOWER)}"
    yield "metadata:"
    yield f"  - version: {json.dumps(__version__)}"
    yield f"    protocol: {json.dumps(task.protocol, ensure_ascii=False)}"


def write(task: Task, rows: Iterator[Row], folder: Path) -> Path:
    """Write the rows as Parquet, with the picture as the `datasets` library's Image feature."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, image = pa.string(), pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema(
        {"sample": text, "image": image, "question": text, "answer": text, "item": text},
        metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
    )
    path = folder / task.name / DATA
    with pq.ParquetWriter(path, schema) as writer:
        for batch in iter(lambda: list(islice(rows, AT_ONCE)), []):
            writer.write_table(pa.Table.from_pylist([_record(row) for row in batch], schema))
    return path


def _record(row: Row) -> dict[str, Any]:
    return {
        "sample": row.sample,
        "image": {"bytes": row.picture, "path": None},
        "question": row.question,
        "answer": row.answer,
        "item": row.item,
    }
