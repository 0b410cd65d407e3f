"""`feallm export`: a checkpoint's graphs, written beside its weights and compared with the model they came from."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from feallm.analyze.chat_text import ChatText
from feallm.analyze.errors import CheckpointError
from feallm.analyze.graph_files import FINGERPRINT, FORMAT, FORMAT_KEY, GRAPHS
from feallm.analyze.onnx_engine import OnnxEngine
from feallm.analyze.pixels import Preprocessing
from feallm.analyze.torch_engine import TorchEngine, load
from feallm.analyze.weight_files import fingerprint, stored_tensors
from feallm.export import graphs
from feallm.export.check import Differences, compare
from feallm.export.parts import Judging, LookingUp, Seeing, Speaking
from feallm.export.weights import point
from feallm.model import FeallmForConditionalGeneration

TOLERANCE = 1e-3
"""The largest difference of any probability that the graphs may have from the model."""


class ExportError(ValueError):
    """A checkpoint that cannot be exported; the message says why."""


@dataclass(frozen=True)
class Exported:
    """The files written, and how far what they say lies from the model."""

    files: tuple[Path, ...]
    differences: Differences

    def __str__(self) -> str:
        size = sum(path.stat().st_size for path in self.files) / 1000
        names = ", ".join(path.name for path in self.files)
        return (
            f"{names} ({size:.0f} kB) are in {self.files[0].parent}: beside the same faces in torch no probability "
            f"differs by more than {self.differences.probability:.1e}, no word's by more than "
            f"{self.differences.word:.1e}"
        )


def export(checkpoint: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Exported:
    """Write the graphs of a checkpoint folder: into it, or with a copy of the checkpoint into `folder`.

    Raises:
        CheckpointError: no checkpoint there, or one without a head.
        ExportError: the model or its processor does things that no graph can, or the graphs do not say the same.
    """
    source = Path(checkpoint)
    if not source.is_dir():
        raise CheckpointError(f"{source} is no checkpoint folder: download the checkpoint first, then export it")
    model, processor, name = load(source)
    engine = TorchEngine.of(model, processor, name)
    target = source if folder is None else _copy(source, Path(folder))
    Preprocessing.of(target, engine.info.face_size)
    ChatText.of(target)
    files = _write(model, target)
    differences = compare(engine, OnnxEngine(target))
    if max(differences.probability, differences.word) > TOLERANCE:
        for path in files:
            path.unlink()
        raise ExportError(f"the graphs of {name} do not say what the model says ({differences}): nothing was written")
    return Exported(files, differences)


def _copy(source: Path, target: Path) -> Path:
    if target.resolve() == source.resolve():
        return target
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file() and path.suffix != ".onnx":
            shutil.copyfile(path, target / path.name)
    return target


def _write(model: FeallmForConditionalGeneration, folder: Path) -> tuple[Path, ...]:
    model.eval()
    makers = {
        "see": lambda: graphs.see(Seeing(model)),
        "judge": lambda: graphs.judge(Judging(model)),
        "embed": lambda: graphs.look_up(LookingUp(model)),
        "text": lambda: graphs.speak(Speaking(model)),
    }
    stored, mark = stored_tensors(folder), fingerprint(folder)
    files = []
    for name, file in GRAPHS.items():
        try:
            graph = makers[name]()
        except (RuntimeError, TypeError, AttributeError, NotImplementedError, ValueError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ExportError(f"the {name!r} graph cannot be traced ({type(error).__name__}: {reason})") from error
        _bare(graph)
        point(graph, stored, folder)
        graph.metadata_props.update({FORMAT_KEY: FORMAT, FINGERPRINT: mark})
        ir.save(graph, folder / file)
        files.append(folder / file)
    return tuple(files)


def _bare(model: ir.Model) -> None:
    """Without what the exporter notes on every node: where in the source it came from, and shapes."""
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    outputs = set(model.graph.outputs)
    for node in model.graph:
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
            if value not in outputs:
                value.shape = value.type = None
    for value in [*model.graph.inputs, *model.graph.initializers.values()]:
        value.metadata_props.clear()
