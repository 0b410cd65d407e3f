"""Exports: read as the other code's documentation says it reads them, asked and scored as FEALLM itself would."""

import base64
import importlib.util
import io
import json
import sys
from types import ModuleType

import numpy as np
import pytest
import yaml
from PIL import Image

from feallm.bench.export import export
from feallm.bench.export.scoring import metric_names
from feallm.bench.items import Response
from feallm.bench.predictions import item_line
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.bench.samples import samples_of
from feallm.bench.score import score
from feallm.bench.tasks import TASKS
from feallm.settings import SettingsError
from tests.bench.runs import draw, ran

NAME = "mini_ferplus"
TASK = TASKS[NAME]
SAID = [
    "neutral",
    "The face shows happiness.",
    "I'm sorry, I can't help with identifying emotions.",
    "fear",
    "bored",
    "Joy",
]


class Says:
    """Answers the same texts in turn."""

    info = ResponderInfo("says", "says", "", frozenset({"emotion"}))

    def __init__(self, texts):
        self.texts = iter(texts)

    def respond(self, requests):
        return [Response(text=next(self.texts), how="generation") for _ in requests]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def told(data):
    """sample -> the text said of it."""
    samples = [sample.item.sample for sample in samples_of(TASK, data)]
    return dict(zip(samples, SAID * len(samples), strict=False))


@pytest.fixture(scope="module")
def due(data, told, tmp_path_factory):
    """What FEALLM's own run makes of the same texts."""
    folder = tmp_path_factory.mktemp("run")
    ran(Says(told.values()), data, folder, options=Options(batch_size=4))
    return score(folder)


def module_at(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def task_yaml(path):
    """The YAML as lmms-eval loads it: `!function utils.NAME` is that function of the file beside it."""

    class Loader(yaml.SafeLoader):
        pass

    def function(loader, node):
        file, name = loader.construct_scalar(node).rsplit(".", 1)
        return getattr(module_at(path.with_name(f"{file}.py"), f"exported_{file}"), name)

    Loader.add_constructor("!function", function)
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def documents(task):
    datasets = pytest.importorskip("datasets")
    return datasets.load_dataset(task["dataset_path"], **task["dataset_kwargs"])[task["test_split"]]


def test_an_lmms_eval_task_asks_and_scores_as_feallm_does(data, told, due, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    paths = export("lmms-eval", tmp_path / "new", [NAME], data)
    assert all(path.is_file() for path in paths)
    assert {path.name for path in paths} == {"utils.py", f"feabench_{NAME}.yaml", "test.parquet", "README.md"}
    task = task_yaml(tmp_path / "new" / NAME / f"feabench_{NAME}.yaml")
    assert task["task"] == f"feabench_{NAME}"
    assert task["output_type"] == "generate_until"
    samples = list(samples_of(TASK, data))
    docs = documents({**task, "dataset_kwargs": {**task["dataset_kwargs"], "cache_dir": str(tmp_path / "cache")}})
    assert len(docs) == len(samples)
    answers = {metric["metric"]: [] for metric in task["metric_list"]}
    for doc, sample in zip(docs, samples, strict=True):
        (picture,) = task["doc_to_visual"](doc)
        assert np.array_equal(np.asarray(picture), sample.shown())
        assert task["doc_to_text"](doc) == sample.item.question
        assert task["doc_to_text"](doc, {"pre_prompt": "", "post_prompt": ""}) == sample.item.question
        assert doc[task["doc_to_target"]] == sample.item.truth.emotion
        for name, value in task["process_results"](doc, [told[sample.item.sample]]).items():
            answers[name].append(json.loads(json.dumps(value)))
    for metric in task["metric_list"]:
        found = metric["aggregation"](answers[metric["metric"]])
        assert found == pytest.approx(due["metrics"][metric["metric"]]["value"]), metric["metric"]
    assert {"accuracy", "macro_f1", "uar"} <= answers.keys()


def test_of_a_suite_what_cannot_be_exported_is_left_out(data, tmp_path):
    export("lmms-eval", tmp_path, ["mini"])
    assert (tmp_path / "mini_ferplus").is_dir()
    assert not (tmp_path / "mini_robustness").exists()
    with pytest.raises(SettingsError, match="mini_robustness cannot be exported"):
        export("lmms-eval", tmp_path, ["mini", "mini_robustness"])


def test_an_answer_that_is_not_there_is_wrong(data, tmp_path):
    export("lmms-eval", tmp_path, [NAME])
    utils = module_at(tmp_path / NAME / "utils.py", "exported_utils")
    items = [item_line(sample.item).decode() for sample in samples_of(TASK, data)]
    truth = json.loads(items[0])["truth"]["emotion"]
    first = utils.process_results({"item": items[0]}, [truth])["accuracy"]
    others = [utils.process_results({"item": item}, [])["accuracy"] for item in items[1:]]
    assert utils.aggregate_accuracy([first, *others]) == pytest.approx(1 / len(items))


@pytest.mark.parametrize("name", ["disfa", "bp4d", "mini_fea_au", "mini_reason", "faba_describe_aus", "affectnet8"])
def test_definitions_of_every_family_can_be_loaded(name, tmp_path):
    export("lmms-eval", tmp_path, [name])
    task = task_yaml(tmp_path / name / f"feabench_{name}.yaml")
    names = [metric["metric"] for metric in task["metric_list"]]
    assert names == metric_names(TASKS[name])
    assert names[0] == TASKS[name].headline
    assert all(callable(metric["aggregation"]) for metric in task["metric_list"])
    lower = {metric["metric"] for metric in task["metric_list"] if not metric["higher_is_better"]}
    assert lower <= {"contradiction_rate", "unit_contradiction_rate"}


class Base:
    """What the exported class uses of VLMEvalKit's ImageBaseDataset, by its documentation."""

    def __init__(self, dataset):
        self.dataset_name = dataset
        self.data = self.load_data(dataset)
        self.data["index"] = [str(index) for index in self.data["index"]]


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """The parts of VLMEvalKit that the exported file imports: the package itself is too large to install for a test."""
    pandas = pytest.importorskip("pandas")
    names = ("vlmeval", "vlmeval.dataset", "vlmeval.dataset.image_base", "vlmeval.smp")
    modules = {name: ModuleType(name) for name in names}
    modules["vlmeval.dataset.image_base"].ImageBaseDataset = Base
    smp = modules["vlmeval.smp"]
    smp.LMUDataRoot = lambda: str(tmp_path)
    smp.load = lambda path: pandas.read_csv(path, sep="\t")
    smp.dump = lambda table, path: table.to_csv(path, index=False)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return pandas


def test_a_vlmevalkit_file_has_the_documented_columns(data, tmp_path, kit):
    export("vlmevalkit", tmp_path, [NAME], data)
    table = kit.read_csv(tmp_path / f"FEABench_{NAME}.tsv", sep="\t")
    assert list(table) == ["index", "image", "question", *"ABCDEFGH", "answer", "category", "item"]
    samples = list(samples_of(TASK, data))
    assert list(table["index"]) == list(range(len(samples)))
    for (_, row), sample in zip(table.iterrows(), samples, strict=True):
        assert len(row["image"]) > 64  # shorter ones are taken for the index of another row
        picture = Image.open(io.BytesIO(base64.b64decode(row["image"])))
        assert np.array_equal(np.asarray(picture), sample.shown())
        assert row[row["answer"]] == sample.item.truth.emotion == row["category"]
        assert row["question"] == sample.item.question
        assert tuple(row[list("ABCDEFGH")]) == TASK.classes


def test_the_vlmevalkit_class_scores_as_feallm_does(data, told, due, tmp_path, kit):
    export("vlmevalkit", tmp_path, [NAME], data)
    kind = module_at(tmp_path / "feabench.py", "exported_feabench").FEABench
    assert kind.supported_datasets() == [f"FEABench_{NAME}"]
    dataset = kind(f"FEABench_{NAME}")
    table = dataset.data.drop(columns="image")
    table["prediction"] = [told[json.loads(item)["sample"]] for item in table["item"]]
    table.to_csv(tmp_path / "told.tsv", sep="\t", index=False)
    found = dataset.evaluate(str(tmp_path / "told.tsv")).iloc[0]
    for name in metric_names(TASK):
        assert found[name] == pytest.approx(due["metrics"][name]["value"])
    assert found["n_refused"] == due["counts"]["refused"] > 0
    assert (tmp_path / "told_acc.csv").is_file()
    table.iloc[:10].to_csv(tmp_path / "some.tsv", sep="\t", index=False)
    found = dataset.evaluate(str(tmp_path / "some.tsv")).iloc[0]
    assert (found["n"], found["n_missing"]) == (len(table), len(table) - 10)
    assert 0 < found["accuracy"] < due["metrics"]["accuracy"]["value"]


def test_without_data_nothing_has_pictures_and_the_readme_says_what_to_do(tmp_path):
    for to in ("lmms-eval", "vlmevalkit"):
        paths = export(to, tmp_path / to)
        assert not [path for path in paths if path.suffix in {".parquet", ".tsv"}]
        text = (tmp_path / to / "README.md").read_text(encoding="utf-8")
        assert "must not be passed on" in text
        assert f"feallm bench export --to {to}" in text
        assert "RAF-DB" in text
        assert "mini_cause" not in text


def test_a_folder_of_data_fills_the_tasks_it_holds(data, tmp_path):
    paths = export("vlmevalkit", tmp_path, data=data)
    assert {path.name for path in paths if path.suffix == ".tsv"} == {
        "FEABench_mini_fer2013.tsv",
        "FEABench_mini_ferplus.tsv",
    }
    assert "With data: mini_fer2013, mini_ferplus." in (tmp_path / "README.md").read_text()


def test_what_cannot_be_exported_is_refused(data, tmp_path):
    with pytest.raises(SettingsError, match="lmms-eval, vlmevalkit"):
        export("helm", tmp_path)
    with pytest.raises(SettingsError, match="mini_cause cannot be exported"):
        export("lmms-eval", tmp_path, ["mini_cause"])
    with pytest.raises(ValueError, match="no task or suite"):
        export("lmms-eval", tmp_path, ["rafbd"])
    with pytest.raises(FileNotFoundError, match="RAF-DB"):
        export("lmms-eval", tmp_path / "new", ["rafdb"], data)
    with pytest.raises(SettingsError, match="no face of fer2013's split test"):
        export("lmms-eval", tmp_path / "new", ["fer2013"], data)
    assert not (tmp_path / "new").exists()
