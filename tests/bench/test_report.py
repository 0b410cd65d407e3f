"""Reports: the numbers of score.json in three forms, nothing from elsewhere, everything escaped, papers' rows apart."""

import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from feallm.bench.fingerprint import fingerprint
from feallm.bench.items import KINDS, Item, Prediction, Response, Truth
from feallm.bench.manifest import manifest_of, write_manifest
from feallm.bench.outcomes import outcome
from feallm.bench.perturb import PERTURBATIONS
from feallm.bench.predictions import RunError, item_line, prediction_line
from feallm.bench.published import PUBLISHED, published
from feallm.bench.report import write_report
from feallm.bench.report.latex import escaped as tex
from feallm.bench.report.markdown import escaped as md
from feallm.bench.report.metrics import name_of_metric, written
from feallm.bench.report.runs import read_runs
from feallm.bench.report.worst import worst_cases
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.bench.score import score
from feallm.bench.tasks import TASKS
from feallm.settings import SettingsError
from tests.bench.runs import Looks, draw, ran

EVIL = '</td><script>alert("x")</script> <img src=http://elsewhere/x.png> a|b $x$ & \\end{table} 50 % _y_ *z* [9pt] `q`'
HEAD, WORDS = "tiny", EVIL


def emotion_items(task, count=60):
    return [
        Item(f"face{n}", f"face{n}", "emotion", task.questions["emotion"], Truth(emotion=task.classes[n % 7]))
        for n in range(count)
    ]


def unit_items(task, count=30):
    rng = random.Random(1)
    return [
        Item(f"face{n}", f"face{n}", "aus", task.questions["aus"], Truth(units=(passed, passed)))
        for n in range(count)
        for passed in [{unit: float(rng.random() < 0.4) for unit in task.units}]
    ]


def robustness_items(task):
    cells = [("clean", 0), *((name, level) for name in PERTURBATIONS for level in range(1, 6))]
    return [
        Item(
            f"face{n}:{name}:{level}",
            f"face{n}",
            "emotion",
            task.questions["emotion"],
            Truth(emotion=task.classes[n]),
            view=f"{name} {level}" if level else "",
            about={"perturbation": name, "level": level},
        )
        for n in range(4)
        for name, level in cells
    ]


def cause_items(task):
    question = task.questions["aus"]
    return [
        Item(f"face{n}:{part}:aus", f"face{n}", "aus", question, Truth(), about={"unit": unit, "part": part})
        for n in range(6)
        for part, unit in (("original", ""), ("hidden", "AU12"), ("control", "AU12"))
    ]


def answer(task, item, number, by_head):
    if number % 10 == 3:
        return Response(text="I am sorry, I cannot help with identifying emotions.", how="generation")
    rng = random.Random(f"{item.sample} {by_head}")
    if item.kind == "emotion":
        given = item.truth.emotion if rng.random() < 0.6 else rng.choice(task.classes)
        if not by_head:
            return Response(text=f"It is {given}. {EVIL}", how="generation")
        return Response(how="head", emotion=given, scores={given: 0.5 + rng.random() / 2})
    present = tuple(unit for unit in (task.units or ("AU04", "AU12")) if rng.random() < 0.5)
    if not by_head:
        return Response(text=", ".join(f"AU{int(unit[2:])}" for unit in present) or "None", how="generation")
    return Response(how="head", present=present, presence={unit: 0.5 + rng.random() / 2 for unit in present})


def fabricate(folder, task, items, model=HEAD, by_head=True, left_out=0, trained_on=()):
    """A run folder, not scored."""
    folder.mkdir(parents=True, exist_ok=True)
    info = ResponderInfo("feallm" if by_head else "hf", model, "r1", frozenset(KINDS), trained_on=trained_on)
    write_manifest(folder, manifest_of(task, info, Options(), len(items), fingerprint(items)))
    (folder / "items.jsonl").write_bytes(b"".join(map(item_line, items)))
    kept = items[: len(items) - left_out]
    lines = [
        prediction_line(Prediction(item.sample, item.asked, answer(task, item, n, by_head)))
        for n, item in enumerate(kept)
    ]
    (folder / "predictions.jsonl").write_bytes(b"".join(lines))
    return folder


ITEMS = {
    "rafdb": emotion_items,
    "mini_fea_au": unit_items,
    "mini_robustness": robustness_items,
    "mini_cause": cause_items,
}


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Two models, four tasks."""
    root = tmp_path_factory.mktemp("suite")
    for name, items in ITEMS.items():
        for model, by_head in ((HEAD, True), (WORDS, False)):
            task = TASKS[name]
            fabricate(root / ("head" if by_head else "words") / name, task, items(task), model, by_head)
    return root


@pytest.fixture(scope="module")
def texts(suite, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return {
        suffix: write_report([suite], out / f"new/report{suffix}").read_text(encoding="utf-8")
        for suffix in (".html", ".md", ".tex")
    }


class Page(HTMLParser):
    """Tables by caption, as rows of cell texts; tags with attributes; all text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.texts = [], {}, []
        self._rows = self._caption = self._cell = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self._rows, self._caption = [], None
        elif tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self._rows[-1].append(self._cell)
            self._cell = None
        elif tag == "caption":
            self.tables[self._caption] = self._rows

    def handle_data(self, text):
        self.texts.append(text)
        if self._cell is not None:
            self._cell += text
        elif self._caption is not None and not self._rows:
            self._caption += text

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def table(self, words):
        found = [rows for caption, rows in self.tables.items() if words in caption]
        assert len(found) == 1, f"{words}: {len(found)} of {list(self.tables)}"
        return found[0]


@pytest.fixture(scope="module")
def page(texts):
    return Page(texts[".html"])


def scored(suite, who, task):
    return json.loads((suite / who / task / "score.json").read_text())


def percent(metric):
    return f"{100 * metric['value']:.1f}"


def test_the_page_has_the_numbers_of_the_scores(suite, page):
    head, words = (scored(suite, who, "rafdb") for who in ("head", "words"))
    rows = page.table("RAF-DB, seven emotions: scores")
    by_name = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert set(by_name) == {f"feallm {HEAD}", f"hf {WORDS}"}
    headline = "accuracy [95\N{NO-BREAK SPACE}%]"
    for name, how, found in ((f"feallm {HEAD}", "head, generation", head), (f"hf {WORDS}", "generation", words)):
        metrics, row = found["metrics"], by_name[name]
        low, high = (f"{100 * metrics['accuracy'][end]:.1f}" for end in ("low", "high"))
        assert row[headline] == f"{percent(metrics['accuracy'])} [{low}, {high}]"
        assert (row["macro F1"], row["mean recall"]) == (percent(metrics["macro_f1"]), percent(metrics["uar"]))
        assert (row["how"], row["n"], row["trained on it"]) == (how, "60", "none known")
    assert by_name[f"feallm {HEAD}"]["calibration error ↓"] == percent(head["metrics"]["ece"])
    assert by_name[f"hf {WORDS}"]["calibration error ↓"] == "–"
    order = [row[headline] for row in by_name.values()]
    assert order == sorted(order, reverse=True)
    answers = {row[0]: row for row in page.table("RAF-DB, seven emotions: what became")[1:]}
    assert answers[f"feallm {HEAD}"][1:] == ["60", "54 (90.0 %)", "0", "0", "6 (10.0 %)", "0", "0", "0"]


def test_the_confusion_matrix_and_the_units_are_those_of_the_scores(suite, page):
    counted = scored(suite, "head", "rafdb")["tables"]["confusion"]
    shown = page.table(f"Confusion matrix, RAF-DB, seven emotions, feallm {HEAD}")
    assert shown[0][-1] == "no class"
    assert [[row[0], *map(int, row[1:])] for row in shown[1:]] == [list(row.values()) for row in counted]
    units = scored(suite, "head", "mini_fea_au")["tables"]["units"]
    shown = {row[0]: row[1:] for row in page.table("fifteen action units: F1 of each unit, percent")}
    assert shown["base rate"] == [f"{100 * row['base_rate']:.1f}" for row in units]
    assert shown[f"feallm {HEAD}"] == [f"{100 * row['f1']:.1f}" for row in units]


def test_the_suites_stand_side_by_side(suite, page):
    rows = page.table("The headline of each task")
    assert [head.split(":")[0] for head in rows[0][1:]] == ["mini_fea_au", "mini_cause", "mini_robustness", "rafdb"]
    found = next(row for row in rows if row[0] == f"feallm {HEAD}")
    assert found[1] == percent(scored(suite, "head", "mini_fea_au")["metrics"]["mean_f1"])
    assert found[4] == percent(scored(suite, "head", "rafdb")["metrics"]["accuracy"])


def test_the_page_takes_nothing_from_elsewhere_and_escapes_names(texts, page):
    text = texts[".html"]
    assert EVIL in " ".join(page.texts)
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("img")
    assert all("elsewhere" not in str(attributes.get("src", "")) for _, attributes in page.tags)
    for name in ("src", "href", "xlink:href", "data", "action"):
        given = [attributes[name] for _, attributes in page.tags if name in attributes]
        assert all(value.startswith(("#", "data:")) for value in given), given
    assert "default-src 'none'" in text
    outside = re.sub(re.escape("http://elsewhere"), "", text)
    assert "http:" not in outside
    assert "https:" not in outside
    assert "@import" not in text


def test_the_page_can_be_read_by_machines(texts, page):
    assert len(page.tables) == len(page.all("table"))  # captions, and none twice
    assert all(page.tables)
    drawn = page.all("svg")
    assert len(drawn) == 4 + 2 + 2 + 1  # intervals of each task; units, levels and causes, reliability
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawn)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', texts[".html"])
    assert {a or b for a, b in used} <= set(ids)
    assert "#0000" not in texts[".html"]  # every stand-in colour has become one of the page's


def test_the_same_runs_give_the_same_bytes(suite, texts, tmp_path):
    for suffix, text in texts.items():
        again = write_report([suite / "words", suite / "head"], tmp_path / f"again{suffix}")
        assert again.read_text(encoding="utf-8") == text


def test_markdown_tables_have_a_shape(texts, suite):
    text = texts[".md"]
    block = re.compile(r"(?:^\|.*\|$\n)+", re.MULTILINE)
    blocks = block.findall(text)
    assert len(blocks) >= 12
    for found in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in found.splitlines()}
        assert len(widths) == 1, found
        assert re.fullmatch(r"\| (?:-{3}:? \| )*-{3}:? \|", found.splitlines()[1])
    assert "<script>" not in text
    assert md(EVIL) in text
    assert percent(scored(suite, "head", "rafdb")["metrics"]["accuracy"]) in text


def test_latex_is_balanced_and_escaped(texts, suite):
    text = "\n".join(line for line in texts[".tex"].splitlines() if not line.startswith("%"))
    opened = re.findall(r"\\begin\{(\w+)\}", text)
    assert opened
    assert opened == ["table", "tabular"] * (len(opened) // 2)
    assert re.findall(r"\\end\{(\w+)\}", text) == ["tabular", "table"] * (len(opened) // 2)
    bare = re.sub(r"\\[{}]", "", text)
    depth = 0
    for letter in bare:
        depth += (letter == "{") - (letter == "}")
        assert depth >= 0
    assert depth == 0
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r" \\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns) - 1}
        assert [rule for rule in body.split() if rule.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert tex(EVIL) in text
    assert not re.search(r"(?<!\\)[%#_]", re.sub(r"\\label\{[^}]*\}", "", text))
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    labels = re.findall(r"\\label\{([^}]*)\}", text)
    assert len(labels) == len(set(labels))
    assert percent(scored(suite, "head", "rafdb")["metrics"]["accuracy"]) in text


def test_published_numbers_stand_apart(page, texts):
    found = page.tables["Published numbers, not measured here"]
    assert [row[0] for row in found[1:]] == [row.system for row in published("rafdb")]
    for caption, rows in page.tables.items():
        if not caption.startswith("Published"):
            assert not {row.system for row in PUBLISHED} & {cell for row in rows for cell in row}
    apart = re.search(r'<table class="apart">.*?</table>', texts[".html"], re.DOTALL)[0]
    assert apart.count("<em>") == 5 * (len(found) - 1)
    assert "| *Face\\-LLaVA* |" in texts[".md"] or "| *Face-LLaVA* |" in texts[".md"]
    assert r"\textit{Face-LLaVA} & \textit{accuracy} & \textit{78.0}" in texts[".tex"]


def test_metrics_of_one_unit_or_class_are_named_and_written_like_the_others():
    assert (name_of_metric("f1_AU04"), written("f1_AU04", 0.512)) == ("F1 AU4", "51.2")
    assert (name_of_metric("recall_anger"), written("recall_anger", 1.0)) == ("recall anger", "100.0")
    assert name_of_metric("mae_AU12") == "MAE (0-5) AU12 ↓"
    assert (name_of_metric("drop"), written("drop", 0.5)) == ("drop", "0.500")


def test_published_rows_say_what_must_be_said():
    assert published("mini_ferplus") == ()
    near = published("mini_fer2013")
    assert [(row.system, row.value) for row in near] == [(row.system, row.value) for row in published("fer2013")]
    assert {row.flags[-1] for row in near} == {"of PrivateTest, other pictures"}
    for row in PUBLISHED:
        assert row.task in TASKS
        assert row.metric == TASKS[row.task].headline
        assert row.source
        assert row.flags
        assert 0 < row.value < 100
        assert ("unverified" in row.flags) == row.system.startswith("FEALLM")
        if row.source == "Facial-R1" and row.task in {"disfa", "bp4d"}:
            assert "not the standard frames or AU set" in row.flags
    assert {row.value for row in published("rafdb") if row.system == "EmoLA"} == {74.1, 92.1}


def test_another_suffix_is_refused(suite, tmp_path):
    with pytest.raises(SettingsError, match=r"\.html, \.md or \.tex.*report\.pdf"):
        write_report([suite], tmp_path / "report.pdf")
    with pytest.raises(RunError, match="no run in"):
        write_report([tmp_path], tmp_path / "report.md")


def test_the_page_says_that_matplotlib_is_missing(suite, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(SettingsError, match=r"feallm\[bench\]"):
        write_report([suite], tmp_path / "report.html")
    write_report([suite], tmp_path / "report.md")


def test_a_score_that_is_older_than_the_answers_is_made_again(tmp_path):
    task = TASKS["rafdb"]
    folder = fabricate(tmp_path / "run", task, emotion_items(task), left_out=20)
    score(folder)
    text = write_report([folder], tmp_path / "a.md").read_text()
    assert "20 (33.3 %) of the answers are missing" in text
    fabricate(folder, task, emotion_items(task))
    text = write_report([folder], tmp_path / "a.md").read_text()
    assert "of the answers are missing" not in text
    (folder / "score.json").write_text("{}")
    with pytest.raises(RunError, match="delete it"):
        write_report([folder], tmp_path / "a.md")


def test_runs_that_must_not_be_compared_say_so(tmp_path):
    task = TASKS["rafdb"]
    fabricate(tmp_path / "a" / "rafdb", task, emotion_items(task), trained_on=("rafdb:train",))
    fabricate(tmp_path / "b" / "rafdb", task, emotion_items(task, 30), trained_on=("rafdb:test",))
    runs = read_runs([tmp_path])
    assert {run.label for run in runs} == {f"feallm {HEAD} (a)", f"feallm {HEAD} (b)"}
    text = write_report([tmp_path], tmp_path / "a.md").read_text()
    assert "not of the same items" in text
    assert f"so not zero-shot: feallm {HEAD} (a)" in text
    assert f"so no test: feallm {HEAD} (b)" in text


def test_the_surest_wrong_answers_come_first():
    task = TASKS["rafdb"]
    made = manifest_of(task, ResponderInfo("x", "x", "", frozenset(KINDS)), Options(), 4, "")
    items = emotion_items(task, 4)
    said = [("surprise", 0.6), (items[1].truth.emotion, 1.0), ("anger", 0.9), (None, 0.0)]
    outcomes = [
        outcome(item, Response(emotion=name, scores={name: sure}) if name else Response(status="no_face"), task.classes)
        for item, (name, sure) in zip(items, said, strict=True)
    ]
    assert [(case.item.sample, case.answer, case.sure) for case in worst_cases(outcomes, made)] == [
        ("face2", "anger", 0.9),
        ("face0", "surprise", 0.6),
    ]


def test_a_unit_is_wrong_where_every_coder_says_otherwise():
    task = TASKS["mini_fea_au"]
    made = manifest_of(task, ResponderInfo("x", "x", "", frozenset(KINDS)), Options(), 1, "")
    truth = Truth(units=({"AU04": 2.0, "AU12": 0.0, "AU06": 0.0}, {"AU04": 0.0, "AU12": 0.0, "AU06": 0.0}))
    item = Item("face", "face", "aus", "?", truth)
    told = Response(present=("AU06", "AU12"), presence={"AU04": 0.01, "AU06": 0.7, "AU12": 0.8})
    (case,) = worst_cases([outcome(item, told)], made)
    assert (case.truth, case.answer, case.sure, case.wrong) == ("absent: AU12", "present: AU12", 0.8, 2)
    (case,) = worst_cases([outcome(item, Response(text="AU6, AU12"))], made)
    assert (case.truth, case.answer, case.sure) == ("absent: AU6, AU12", "present: AU6, AU12", None)


def test_pictures_are_shown_only_where_that_is_allowed(tmp_path, monkeypatch):
    data = draw(tmp_path / "data")
    ran(Looks(), data, tmp_path / "run")
    allowed, out = TASKS["mini_ferplus"], tmp_path / "a.html"
    text = write_report([tmp_path / "run"], out, data).read_text()
    assert "<img" not in text
    assert "licence of fer2013 does not" in text
    assert "fer000" in text
    monkeypatch.setitem(TASKS, "mini_ferplus", replace(allowed, shows_pictures=True))
    text = write_report([tmp_path / "run"], out).read_text()
    assert "<img" not in text
    assert "give --data" in text
    page = Page(write_report([tmp_path / "run"], out, data).read_text())
    shown = page.all("img")
    assert 0 < len(shown) <= 8
    assert all(one["src"].startswith("data:image/jpeg;base64,") and one["alt"] for one in shown)
    other = draw(tmp_path / "other", seed=1)  # the same ids, other pictures
    assert not Page(write_report([tmp_path / "run"], out, other).read_text()).all("img")
