"""What of a conversation is learned from."""

import pytest
import torch

from feallm.data.records import Claims, Record, Turn
from feallm.train.collate import IGNORED, ConversationCollator

from ..model.conftest import tiny

TURNS = tuple(Turn(f"Question {n}?", f"Answer {n}.", Claims()) for n in range(4))


@pytest.mark.parametrize("given", range(4))
def test_given_answers_are_not_learned(given):
    _, processor = tiny()
    batch = ConversationCollator(processor)([[Record("face", "reason", TURNS, given)]])
    learned = batch["input_ids"][batch["labels"] != IGNORED]
    text = processor.tokenizer.decode(learned)
    assert text.replace(" ", "") == "".join(f"Answer{n}.<end>" for n in range(given, 4))
    assert torch.equal(learned, batch["labels"][batch["labels"] != IGNORED])
