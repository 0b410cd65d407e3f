"""Imports go one way: each room may use only the rooms that the layout (docs/layout.md) allows it."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "feallm"
ALLOWED = {
    "facs": set(),
    "tables": {"facs"},
    "faces": set(),
    "media": set(),
    "prompts": {"facs"},
    "model": {"faces", "facs"},
    "data": {"facs", "faces", "media", "prompts", "tables", "settings", "cluster"},
    "analyze": {"model", "faces", "media", "facs", "prompts", "tables", "cluster"},
    "export": {"model", "analyze", "facs", "faces"},
    "train": {"data", "model", "analyze", "faces", "facs", "prompts", "settings"},
    "bench": {"data", "analyze", "faces", "media", "facs", "prompts", "tables", "report", "settings", "cluster"},
    "report": {"analyze", "faces", "facs", "media", "tables", "cluster"},
    "serve": {"analyze", "faces", "facs", "media", "report", "settings", "tables"},
    "compare": {"bench", "facs", "report", "tables"},
    "settings": set(),
    "console": set(),
    "cluster": set(),
    "doctor": {"analyze", "faces", "settings"},
}
READING_PATH = {"facs", "faces", "media", "prompts", "tables", "report"}
FILES = sorted(SOURCE.rglob("*.py"))


def room(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path):
    """Absolute module names imported anywhere in a file, also inside functions; relative ones resolved.

    What stands under `if TYPE_CHECKING:` is read by the type checker alone and makes no edge.
    """
    package = ["feallm", *path.relative_to(SOURCE).parts[:-1]]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, node.module] if node.module else base)
            yield stem
            if stem == "feallm":
                yield from (f"feallm.{alias.name}" for alias in node.names)


def test_the_layout_page_tells_of_every_room():
    page = (SOURCE.parent.parent / "docs" / "layout.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)(?:/|\.py)` \|.*\| ([^|]*) \|$", page, re.MULTILINE))
    rooms = {name: set(re.findall(r"\w+", cell)) - {"the", "standard", "library"} for name, cell in told.items()}
    assert {name: rooms.get(name) for name in ALLOWED} == ALLOWED


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_rooms_import_only_what_they_may(path):
    here = room(path)
    if here.split("_")[0] == "cli" or here in {"__main__", "__init__", "_version"}:
        return
    assert here in ALLOWED, f"{here} is not in the table of rooms"
    used = {name.split(".")[1] for name in imported(path) if name.startswith("feallm.")} - {here, "_version"}
    assert used <= ALLOWED[here], f"{path.name} imports {sorted(used - ALLOWED[here])}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_torch_stays_in_the_rooms_that_need_it(path):
    heavy = {name.split(".")[0] for name in imported(path)} & {"torch", "transformers", "peft", "torchvision"}
    if room(path) in READING_PATH or path.name in {
        "analyzer.py",
        "reading.py",
        "engine.py",
        "evidence.py",
        "free.py",
        "opening.py",
        "checkpoints.py",
        "onnx_engine.py",
        "graph_files.py",
        "text_graph.py",
        "chat_text.py",
        "pixels.py",
        "weight_files.py",
        "segments.py",
        "segment_track.py",
    }:
        assert not heavy, f"{path.name} imports {sorted(heavy)}"
    assert "torchvision" not in heavy


def test_facs_uses_the_standard_library_only():
    import sys

    for path in (SOURCE / "facs").rglob("*.py"):
        outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"feallm"}
        assert not outside, f"{path.name} imports {sorted(outside)}"


def test_the_walk_sees_imports_in_functions_and_relative_ones(tmp_path):
    found = set(imported(SOURCE / "faces" / "__init__.py"))
    assert "feallm.faces.align" in found
    assert "feallm.analyze.torch_engine" in set(imported(SOURCE / "analyze" / "opening.py"))
