"""How every verb talks to a terminal: messages, mistakes, closed pipes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text


class Pipe(Console):
    """A console that leaves a closed pipe to `manners`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextmanager
def manners(*mistakes: type[Exception]) -> Iterator[None]:
    """One line instead of a traceback: 2 for a user's mistake, 130 for Ctrl-C, silence where a pipe was closed."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from error
    except KeyboardInterrupt as stop:
        say(str(stop) or "stopped")
        raise typer.Exit(130) from stop
    except mistakes as error:
        say(f"error: {error}")
        raise typer.Exit(2) from error


def say(text: str) -> None:
    Console(stderr=True).print(Text(text), soft_wrap=True)
