"""Tasks for VLMEvalKit: a TSV a task with the pictures in it, and the class that asks and scores.

By its documentation (docs/en/Dataset.md and Development.md of open-compass/VLMEvalKit: `index`, `image` in base64,
`question`, options `A`, `B` …, `answer`, `category`; a dataset class with `supported_datasets`, `load_data`,
`evaluate`). Checked against that documented form with pandas reading the TSV; not by VLMEvalKit itself, whose
dependencies are too many to install for a test.
"""

import base64
import csv
import string
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from string import Template

from feallm._version import __version__
from feallm.bench.export.rows import Row
from feallm.bench.tasks.task import Task

PREFIX = "FEABench_"
CLASS_FILE = "feabench.py"

README = """
`{class_file}` is the dataset class, the TSV files are the tasks.

1. Copy the TSV files into `$LMUData` (`~/LMUData` where it is not set).
2. Copy `{class_file}` to `vlmeval/dataset/`, and in `vlmeval/dataset/__init__.py` add `from .feabench import FEABench`
   and `FEABench` to the list `IMAGE_DATASET`.
3. `python run.py --data {example} --model MODEL`, with feallm installed in the same environment.

The class asks FEABench's own question, without letters, and lets feallm read and score the answers; what is not
answered counts as wrong. The option columns of emotion tasks are for use without the class: VLMEvalKit then takes the
file for a multiple-choice set, asks otherwise and reads with its own matching, and its numbers are not comparable. Nor
are those of models with a `build_prompt` of their own, which may add words to the question.
"""


def define(tasks: Sequence[Task], folder: Path) -> list[Path]:
    """Write the dataset class."""
    template = Template(resources.files(__package__).joinpath("vlmevalkit_dataset.txt").read_text(encoding="utf-8"))
    names = "".join(f"    {PREFIX + task.name!r}: {task.name!r},\n" for task in tasks)
    path = folder / CLASS_FILE
    path.write_text(template.substitute(version=__version__, tasks=f"{{\n{names}}}"), encoding="utf-8")
    return [path]


def write(task: Task, rows: Iterator[Row], folder: Path) -> Path:
    """Write the rows as TSV."""
    letters = dict(zip(string.ascii_uppercase, task.classes, strict=False)) if task.kinds == ("emotion",) else {}
    of_class = {name: letter for letter, name in letters.items()}
    heads = ["index", "image", "question", *letters, "answer", "category", "item"]
    path = folder / f"{PREFIX}{task.name}.tsv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(heads)
        for row in rows:
            picture = base64.b64encode(row.picture).decode()
            answer = of_class.get(row.answer, row.answer)
            category = row.answer if letters else task.family
            table.writerow([row.index, picture, row.question, *letters.values(), answer, category, row.item])
    return path
