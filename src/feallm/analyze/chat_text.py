"""Conversations -> token ids, and back, without transformers: the checkpoint's own tokenizer and chat template."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from numpy.typing import NDArray
from tokenizers import Tokenizer

from feallm.analyze.engine import Conversation
from feallm.analyze.errors import CheckpointError

SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class _Generation(Extension):
    """`{% generation %}` marks what the assistant said, for training: here it is text like any other."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatText:
    """Texts of a checkpoint's language model. `pad` is the id that rows are filled with."""

    def __init__(self, tokenizer: Tokenizer, template: str, special: dict[str, str]) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer, self._special = tokenizer, special
        # the settings in which Hugging Face's templates are written
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation])
        environment.globals["raise_exception"] = _refuse
        self._template = environment.from_string(template)
        self.pad = int(tokenizer.token_to_id(special.get("pad_token", "")) or 0)

    @classmethod
    def of(cls, folder: Path) -> "ChatText":
        """Raises CheckpointError where a file is missing or damaged."""
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            special = {name: _text(settings[name]) for name in SPECIAL if settings.get(name) is not None}
            path = folder / "chat_template.jinja"
            template = path.read_text(encoding="utf-8") if path.is_file() else settings["chat_template"]
            return cls(tokenizer, template, special)
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CheckpointError(
                f"the tokenizer or chat template of {folder} cannot be used ({type(error).__name__}: {reason}): "
                "expected tokenizer.json, tokenizer_config.json and chat_template.jinja"
            ) from error

    def render(self, conversation: Conversation) -> str:
        """A conversation as text; the assistant is next."""
        return str(self._template.render(messages=conversation, add_generation_prompt=True, **self._special))

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def padded(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Texts -> ids [B, L] and mask [B, L], padded on the left."""
        rows = [self.ids(text) for text in texts]
        width = max(len(row) for row in rows)
        ids = np.full((len(rows), width), self.pad, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for number, row in enumerate(rows):
            ids[number, width - len(row) :] = row
            mask[number, width - len(row) :] = 1
        return ids, mask

    def text(self, ids: Sequence[int]) -> str:
        """Ids -> text, special tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


class Pieces:
    """Hands on the words of one answer as soon as they are whole."""

    def __init__(self, chat: ChatText, on_text: Callable[[str], None]) -> None:
        self._chat, self._on_text = chat, on_text
        self._ids: list[int] = []
        self._told = 0

    def take(self, token: int) -> None:
        self._ids.append(token)
        text = self._chat.text(self._ids)
        self._tell(text[: text.rfind(" ") + 1])

    def end(self) -> None:
        self._tell(self._chat.text(self._ids))

    def _tell(self, text: str) -> None:
        if len(text) > self._told:
            piece, self._told = text[self._told :], len(text)
            self._on_text(piece)


def _text(token: Any) -> str:
    return str(token["content"]) if isinstance(token, dict) else str(token)


def _refuse(reason: str) -> None:
    raise TemplateError(reason)
