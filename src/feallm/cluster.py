"""Ray for what runs in many processes: started on this machine, or joined where `RAY_ADDRESS` says."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

PATIENCE = 10.0
"""Seconds for a cluster to answer."""


class ClusterError(ValueError):
    """Ray cannot be had; the message says why and what to do."""


@contextmanager
def session(workers: int) -> Iterator[Any]:
    """Ray, with `ray.data`. Starts it with so many processors where it is not running, and ends it then.

    Raises ClusterError: Ray is not installed, or nothing answers at `RAY_ADDRESS`.
    """
    if find_spec("ray") is None:
        raise ClusterError("engine ray needs Ray: pip install 'feallm[ray]', or take engine local")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its warnings are of Ray's own matters
    ray: Any = importlib.import_module("ray")
    importlib.import_module("ray.data")
    ours = not ray.is_initialized()
    if ours:
        _start(ray, workers)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    address = os.environ.get("RAY_ADDRESS")
    _hush()
    settings = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        _knock(address or "")
        with _mute():
            ray.init(**settings, **({} if address else {"num_cpus": workers}))
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        where = f"at RAY_ADDRESS={address} nothing can be used" if address else "Ray does not start here"
        raise ClusterError(f"{where} ({reason}): see `ray status`, or take engine local") from error


def _knock(address: str) -> None:
    """See that somebody listens at `host:port`, for which Ray would wait for minutes. Raises OSError."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()


@contextmanager
def _mute() -> Iterator[None]:
    """Nothing on the process's error stream, on which Ray's core writes beside Python's."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _hush() -> None:
    """Ray tells of its work on the terminal; what went wrong is told by who asked. Its log files keep all.

    It takes over what listens at the root, which is the caller's and stays as it is.
    """
    logging.getLogger("ray").setLevel(logging.ERROR)
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler) and handler not in logging.getLogger().handlers:
            handler.setLevel(logging.CRITICAL + 1)
