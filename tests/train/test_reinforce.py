"""GRPO through TRL on a tiny random model: what learns moves, what does not stays, rewards are logged, runs resume."""

from contextlib import contextmanager
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import TrainingArguments

from feallm.analyze.torch_engine import TorchEngine
from feallm.data.records import LabelledFace, one_hot
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import LABEL_SETS
from feallm.train.asked import ask_about, ask_all
from feallm.train.bank import fill
from feallm.train.collate import FaceInput
from feallm.train.data_recipe import DataRecipe
from feallm.train.policy import Policy, ViewProcessor, reference_of
from feallm.train.recipe import ATTENTION_AND_MLP, ReinforceRecipe, SelfTrainingRecipe, StageRecipe, TrainRecipe
from feallm.train.reinforce import build_trainer, questions, reward_functions
from feallm.train.rewards import ASKED, REWARDS, Thresholds
from feallm.train.views import see_views

from ..model.conftest import tiny

pytest.importorskip("trl")


def faces(count=6):
    rng = np.random.default_rng(0)
    for number in range(count):
        emotion = LABEL_SETS["ferplus"][number % 8]
        units = {unit: float(3 * (number % 2)) if unit == "AU04" else 0.0 for unit in CODED_AUS}
        emotions = {"ferplus": one_hot(emotion, LABEL_SETS["ferplus"])}
        picture = rng.integers(0, 255, (32, 32), dtype=np.uint8)
        yield LabelledFace(f"d{number}", picture, "drawn", "train", emotions, {"ferplus": emotion}, units)


def recipe(**settings):
    return TrainRecipe(
        name="drawn",
        output="unused",
        data=DataRecipe(train=[]),
        model={"image_size": 32, "vision": {"model_type": "resnet"}, "text": {"model_type": "llama"}},
        stages=[stage()],
        **settings,
    )


def asked_of(model, processor, settings):
    bank = fill(faces(), 32, False, ["ferplus"], CODED_AUS)
    return questions(recipe(), settings, model, processor, bank)


SETTINGS = ReinforceRecipe(faces=4, group=2, max_completion_length=6, beta=0.1, families={"emotion": 1, "reason": 1})


def stage(**changes):
    given = {"name": "r", "kind": "reinforce", "trainable": ["language_model"], "epochs": 1, "batch_size": 4}
    return StageRecipe(**given | {"learning_rate": 1e-3, "reinforce": SETTINGS} | changes)


def arguments(folder, **changes):
    given = {"output_dir": str(folder), "use_cpu": True, "logging_steps": 1, "save_steps": 2, "learning_rate": 1e-3}
    given |= {"report_to": ["tensorboard"], "remove_unused_columns": False, "seed": 5, "max_steps": 3}
    return TrainingArguments(**given | changes)


@pytest.fixture
def drawn():
    model, processor = tiny(head={"reading_tokens": 2})
    return model, processor, *asked_of(model, processor, SETTINGS)


def trainer_of(drawn, folder, **changes):
    model, processor, views, asked = drawn
    model.set_trainable(*stage(**changes).trainable)
    return build_trainer(stage(**changes), SETTINGS, model, processor, views, asked, arguments(folder))


PREFIX = {
    "language_model": "language_model.",
    "projector": "model.projector.",
    "reading": "model.reading.",
    "clues.to_text": "model.clues.to_text.",
}


@pytest.mark.parametrize("parts", [["language_model"], ["projector", "reading", "clues.to_text"]])
def test_exactly_the_declared_parts_move(drawn, tmp_path, parts):
    model = drawn[0]
    trainer = trainer_of(drawn, tmp_path, trainable=parts)
    # random words earn next to nothing: without this reward no group would differ in what it earns
    trainer.reward_funcs.append(lambda completions, **_: [float(len(c[0]["content"])) for c in completions])
    trainer.reward_func_names.append("spread")
    trainer.reward_processing_classes.append(None)
    trainer.reward_weights = torch.cat([trainer.reward_weights, torch.ones(1)])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer.train()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(before[name], value)}
    assert moved
    assert all(name.startswith(tuple(PREFIX[part] for part in parts)) for name in moved), moved
    for part in parts:
        assert any(name.startswith(PREFIX[part]) for name in moved), f"{part} did not learn"


def test_rewards_and_the_divergence_are_logged(drawn, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = trainer_of(drawn, tmp_path)
    trainer.train()
    logged = set().union(*trainer.state.log_history)
    assert {f"rewards/{name}/mean" for name in ("emotion", "causes", "format", "length")} <= logged
    assert {"reward", "kl", "entropy", "completions/mean_length"} <= logged
    events = EventAccumulator(next(iter((tmp_path / "runs").rglob("events*"))).parent.as_posix())
    events.Reload()
    assert "train/rewards/format/mean" in events.Tags()["scalars"]


def test_a_stopped_run_goes_on_as_an_unstopped_one(tmp_path):
    long = SETTINGS.model_copy(
        update={"questions_per_face": 3}
    )  # TRL shuffles every epoch of a resumed run as the first

    def run(folder, **changes):
        model, processor = tiny(head={"reading_tokens": 2})
        views, asked = asked_of(model, processor, long)
        model.set_trainable("language_model")
        trainer = build_trainer(stage(), SETTINGS, model, processor, views, asked, arguments(folder, **changes))
        return model, trainer

    whole, trainer = run(tmp_path / "whole", max_steps=4)
    trainer.train()
    assert (tmp_path / "whole" / "checkpoint-2").is_dir()
    again, trainer = run(tmp_path / "whole", max_steps=4)
    trainer.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_the_policy_says_what_the_model_says(drawn):
    """The hidden states that TRL's fused head reads, and generation, are those of FEALLM with the same features."""
    model, processor, views, asked = drawn
    policy, ready = Policy.of(model, views).eval(), ViewProcessor.of(processor)
    part = asked[:3]
    texts = processor.chat([list(each.conversation) for each in part])
    rows = torch.tensor([[each.row] for each in part])
    inputs = processor(text=[texts[0]] * 3)
    seen = views.features(rows)
    known = {"taps": seen.taps, "attended": seen.attended, "numbers": seen.numbers}
    with torch.no_grad():
        right = model(**inputs, **known).logits
        assert torch.equal(policy(**inputs, pixel_values=rows).logits, right)
        hidden = policy.base_model(**inputs, pixel_values=rows).last_hidden_state
        assert torch.allclose(policy.get_output_embeddings()(hidden), right, atol=1e-5)
        embeds = model.embed(inputs["input_ids"], seen)
        words = model.generate(
            inputs_embeds=embeds, attention_mask=inputs["attention_mask"], max_new_tokens=6, do_sample=False
        )
        told = policy.generate(**inputs, pixel_values=rows, max_new_tokens=6, do_sample=False)
        assert torch.equal(told[:, inputs["input_ids"].shape[1] :], words)
    assert ready.tokenizer is processor.tokenizer


def test_the_processor_writes_what_the_collator_writes(drawn):
    _, processor, _, asked = drawn
    ready = ViewProcessor.of(processor)
    blocks = [
        [{"role": "user", "content": [{"type": "image", "image": each.row}, {"type": "text", "text": "Why this?"}]}]
        for each in asked
    ]
    batch = ready.apply_chat_template(blocks, tokenize=True, add_generation_prompt=True, return_dict=True)
    expected = processor.tokenizer(processor.chat([[{"role": "user", "content": "Why this?"}]]))["input_ids"][0]
    assert batch["input_ids"] == [expected] * len(asked)
    assert batch["pixel_values"].flatten().tolist() == [each.row for each in asked]


def test_the_reference_keeps_the_weights_of_the_start_and_shares_what_is_frozen(drawn):
    model, _, views, _ = drawn
    model.set_trainable("language_model")
    reference = reference_of(model, views)
    assert not any(parameter.requires_grad for parameter in reference.parameters())
    own = dict(model.named_parameters())
    for name, parameter in reference.named_parameters():
        assert (parameter is own[name]) == (not name.startswith("language_model.")), name
        assert torch.equal(parameter, own[name])
    with torch.no_grad():
        for parameter in model.language_model.parameters():
            parameter.add_(1.0)
    assert not torch.equal(next(reference.language_model.parameters()), next(model.language_model.parameters()))


def test_adapters_learn_alone(tmp_path):
    from feallm.model.lora import add_lora

    pytest.importorskip("peft")
    model, processor = tiny(head={"reading_tokens": 2})
    views, asked = asked_of(model, processor, SETTINGS)
    model.set_trainable("reading")
    add_lora(model, rank=2, alpha=4, targets=ATTENTION_AND_MLP)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    build_trainer(stage(), SETTINGS, model, processor, views, asked, arguments(tmp_path)).train()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(before[name], value)}
    assert all("lora_" in name or name.startswith("model.reading.") for name in moved)


def test_a_question_holds_the_labels_true_and_the_head_for_evidence(drawn):
    _, _, views, _ = drawn
    face, readings = next(faces()), views.readings[0]
    rng = Random(0)
    each = {family: ask_about(face, readings, 0, family, rng) for family in ASKED}
    reading = readings["ferplus"]
    assert each["emotion"].truth.emotion == "neutral"
    assert each["reason"].truth.emotion == reading.verdict.emotion
    assert each["reason"].truth.carrying == reading.verdict.carrying
    assert each["reason"].truth.shown == frozenset(reading.present_units)
    assert not each["aus"].truth.units & set(face.action_units), "coded as absent"
    assert [turn["role"] for turn in each["reason"].conversation][-1] == "user"
    assert len(each["reason"].conversation) == 7
    with pytest.raises(ValueError, match="can be rewarded"):
        ask_about(face, readings, 0, "intensity", rng)


def test_the_same_seed_asks_the_same(drawn):
    views = drawn[2]
    several = list(faces())[:4]
    one, two, other = (ask_all(several, views.readings, {"aus": 1}, per_face=2, seed=s) for s in (1, 1, 2))
    assert one == two
    assert one != other
    assert len(one) == 8


def test_rewards_that_do_not_apply_are_none(drawn):
    asked = drawn[3]
    functions = {function.__name__: function for function in reward_functions(asked)}
    assert set(functions) == set(REWARDS)
    number = next(n for n, each in enumerate(asked) if each.truth.family == "emotion")
    said = [[{"role": "assistant", "content": f"{asked[number].truth.emotion.capitalize()}."}]]
    assert functions["emotion"](completions=said, question=[number]) == [1.0]
    assert functions["causes"](completions=said, question=[number]) == [None]


def test_what_sees_cannot_learn_from_faces_seen_once():
    views = {"kind": "conversations", "reinforce": None, "views": 2}
    own = {"kind": "conversations", "reinforce": None, "self_training": OWN}
    for part in ("encoder", "encoder.tower", "clues", "clues.conv_blocks", "head"):
        for changes in ({}, views, own):
            with pytest.raises(ValueError, match="seen once"):
                stage(trainable=[part, "language_model"], **changes)
    told = ["projector", "reading", "clues.to_projector", "clues.to_text", "language_model"]
    assert not stage(trainable=told, **views).seeing
    with pytest.raises(ValueError, match="multiple of the group"):
        stage(batch_size=5)
    with pytest.raises(ValueError, match="unknown family 'intensity'"):
        ReinforceRecipe(families={"intensity": 1})
    with pytest.raises(ValueError, match="reinforce cannot be used"):
        stage(kind="conversations")


ANYTHING = Thresholds(**dict.fromkeys(REWARDS, 0.0))


def test_verified_answers_become_records(drawn, tmp_path):
    from feallm.train.collate import ConversationCollator
    from feallm.train.self_training import own_records

    model, processor, views, asked = drawn
    engine = TorchEngine.of(model, processor, "drawn")
    settings = SelfTrainingRecipe(answers=2, keep=2, max_completion_length=4, thresholds=ANYTHING)
    path = tmp_path / "own.jsonl"
    records = own_records(path, engine, views, asked, settings, 0)
    assert len(asked) <= len(records) <= 2 * len(asked)
    assert own_records(path, None, views, asked, settings, 0) == records, "a resumed stage reads them"
    for record in records:
        assert record.given == len(record.turns) - 1
    batch = ConversationCollator(processor, views)([records[:3]])
    assert torch.isfinite(model(**batch).loss)


def test_one_process_samples_and_the_others_learn_from_its_answers(drawn, tmp_path, monkeypatch):
    """Two processes: the second asks for the answers while the first has not written them."""
    import feallm.train.stage as stages

    model, processor, _, _ = drawn
    waited = []

    @contextmanager
    def first():
        waited.append(not (tmp_path / "own_answers.jsonl").exists())
        yield

    monkeypatch.setattr(stages, "processes", lambda: SimpleNamespace(num_processes=1, main_process_first=first))
    own = stage(kind="conversations", reinforce=None, self_training=OWN)
    bank = fill(faces(), 32, False, ["ferplus"], CODED_AUS)
    items, _ = stages.stage_items(recipe(), own, model, processor, bank, None, tmp_path)
    assert waited == [True]
    assert len(items) > 0


def test_the_head_reads_each_batch_of_views_once(monkeypatch):
    """And the mirrored faces: a label set more does not make it read again."""
    model, processor = tiny(head={"mirror": True})
    bank, passes = fill(faces(), 32, False, ["ferplus"], CODED_AUS), []
    head = model.model.head
    whole = head.forward
    monkeypatch.setattr(head, "forward", lambda *given: passes.append(1) or whole(*given))
    see_views(TorchEngine.of(model, processor, "drawn"), FaceInput(bank, processor, None, 0), 1)
    assert len(passes) == 2


def test_nothing_verified_says_so(drawn):
    from feallm.train.self_training import verified_records

    model, processor, views, asked = drawn
    engine = TorchEngine.of(model, processor, "drawn")
    with pytest.raises(ValueError, match="none of"):
        verified_records(engine, views, asked, SelfTrainingRecipe(answers=1, max_completion_length=3), 0)


SMALL = [
    "model.vision.hidden_sizes=[8, 8, 16, 16]",
    "model.vision.embedding_size=8",
    "model.vision.depths=[1, 1, 1, 1]",
    "model.text.hidden_size=32",
    "model.text.intermediate_size=48",
    "model.text.num_hidden_layers=1",
    "model.vocab_size=400",
    "model.clues.hidden_size=16",
    "model.clues.conv_channels=[4, 4]",
    "model.projector.hidden_size=16",
    "model.head.hidden_size=16",
    "data.held_back=0.3",
    "bf16=false",
    "init_from=null",
    "tokenizer_from=null",
    "data.train=[{source: fer2013, path: .}]",
    "stages.0.batch_size=4",
    "stages.0.max_steps=1",
    "stages.1.batch_size=8",
    "stages.1.max_steps=2",
    "stages.1.reinforce.faces=8",
    "stages.1.reinforce.group=4",
    "stages.1.reinforce.max_completion_length=5",
]
OWN = {"answers": 1, "faces": 8, "max_completion_length": 4, "thresholds": dict.fromkeys(REWARDS, 0.0)}


def test_the_recipe_reinforces_and_then_learns_from_its_own_answers(tmp_path, monkeypatch):
    from dataclasses import replace
    from pathlib import Path

    from safetensors.torch import load_file

    from feallm.data.sources import SOURCES
    from feallm.settings import load_recipe
    from feallm.train.run import train
    from feallm.train.self_training import FILE

    from .test_train_run import drawn_faces

    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))
    path = Path(__file__).parent.parent.parent / "configs/train/tiny-reinforce.yaml"
    recipe = load_recipe(TrainRecipe, path, [*SMALL, f"output={tmp_path}"])
    own = StageRecipe(
        name="own", kind="conversations", trainable=["language_model"], epochs=1, batch_size=4, learning_rate=1e-3,
        max_steps=2, self_training=OWN,
    )  # fmt: skip
    final = train(recipe.model_copy(update={"stages": [*recipe.stages, own]}))
    first, second = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("2-reinforce", "3-own"))
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert moved
    assert all(name.startswith("language_model.") for name in moved)
    assert (tmp_path / "3-own" / FILE).is_file()
    assert (final / "config.json").is_file()
    assert '"FeallmForConditionalGeneration"' in (final / "config.json").read_text()
