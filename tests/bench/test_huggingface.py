"""General vision-language models, as tiny ones with random weights: batches, labels by likelihood, what cannot be."""

import functools
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers.processors import TemplateProcessing
from transformers import LlamaConfig, LlamaForCausalLM

from feallm.bench.items import KINDS, Request
from feallm.bench.responders.huggingface import open_huggingface
from feallm.bench.responders.label_scores import answer_ids, forms
from feallm.bench.responders.responder import Options, ResponderError
from tests.bench.tiny_vlms import MODELS, TEXT, llava, qwen2_vl, tokenizer

CLASSES = ("fear", "anger", "happiness", "contempt")
QUESTION = "Which of these does the face show: fear, anger, happiness or contempt?"
OPTIONS = Options(max_new_tokens=6, device="cpu", batch_size=3)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in MODELS.items()}


@pytest.fixture(scope="module")
def opened(folders):
    return {name: open_huggingface(str(folder), OPTIONS) for name, folder in folders.items()}


@pytest.fixture(params=MODELS)
def kind(request):
    return request.param


def request(number=0, kind="emotion", question=QUESTION, size=(48, 48)):
    pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Request(f"f{number}", kind, question, pixels, True, CLASSES if kind == "emotion" else ())


def mixed():
    """Questions of several lengths and kinds about pictures of several sizes."""
    return [
        request(0),
        request(1, "aus", "Which action units?"),
        request(2, size=(64, 40)),
        request(3, "describe_emotion", "Describe the expression in one sentence or two.", (96, 96)),
        request(4),
        request(5, "reason", "Why?", (31, 50)),
        request(6),
        request(7),
        request(8, "aus", "Which action units?"),
    ]


def same(one, other):
    assert [(a.status, a.how, a.text, a.emotion) for a in one] == [(b.status, b.how, b.text, b.emotion) for b in other]
    for a, b in zip(one, other, strict=True):
        if a.scores is not None:
            assert list(a.scores.values()) == pytest.approx(list(b.scores.values()), rel=1e-3)


def test_a_batch_answers_as_each_request_alone(opened, kind):
    responder = opened[kind]
    given = mixed()
    together = responder.respond(given)
    same(together, [responder.respond([each])[0] for each in given])
    assert [each.how == "log-likelihood" for each in together] == [each.kind == "emotion" for each in given]
    assert all(each.status == "ok" for each in together)


def test_it_gives_the_same_again(folders, opened, kind):
    given = mixed()
    same(opened[kind].respond(given), open_huggingface(str(folders[kind]), OPTIONS).respond(given))


def test_the_answers_see_the_picture(opened, kind):
    responder = opened[kind]
    scores = [tuple(each.scores.values()) for each in responder.respond([request(0), request(1)])]
    assert scores[0] != pytest.approx(scores[1], rel=1e-3)
    texts = {each.text for each in responder.respond([request(n, "reason", "Why?") for n in range(6)])}
    assert len(texts) > 1


@torch.no_grad()
def naive(responder, request):
    """The scores of one request, from the logits of whole conversations, one by one."""
    model, processor = responder.model, responder.processor
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": request.question}]}]
    prompt = processor.apply_chat_template(turns, add_generation_prompt=True)
    assert prompt.endswith("ASSISTANT:")
    likelihoods = []
    for name in request.classes:
        ways = []
        for word in (f" {name}", f" {name.capitalize()}"):
            count = len(processor.tokenizer(prompt + word)["input_ids"]) - len(processor.tokenizer(prompt)["input_ids"])
            inputs = processor(images=[Image.fromarray(request.picture)], text=[prompt + word], return_tensors="pt")
            inputs.pop("token_type_ids", None)
            logits = model(**inputs).logits[0].double().log_softmax(-1)
            ids = inputs["input_ids"][0]
            ways.append(sum(logits[place - 1, ids[place]] for place in range(len(ids) - count, len(ids))))
        likelihoods.append(torch.stack(ways).logsumexp(0))
    return torch.stack(likelihoods).softmax(0).tolist()


@pytest.mark.parametrize("shared", [True, False], ids=["shared prompt", "anew"])
def test_scores_are_those_of_the_logits(opened, kind, shared, monkeypatch):
    responder = opened[kind]
    assert responder._scorer.shared, "the cache of each of these models can be continued"
    monkeypatch.setattr(responder._scorer, "shared", shared)
    given = [request(number) for number in range(4)]
    assert max(len(ids) for ways in responder._answers(QUESTION, CLASSES) for ids in ways) > 2
    for each, response in zip(given, responder.respond(given), strict=True):
        assert list(response.scores) == list(CLASSES)
        assert list(response.scores.values()) == pytest.approx(naive(responder, each), rel=2e-3)
        assert sum(response.scores.values()) == pytest.approx(1)
        assert response.emotion == max(response.scores, key=response.scores.get)
        assert response.text is None


def test_a_cache_that_cannot_be_continued_is_found_out(folders):
    responder = open_huggingface(str(folders["llava"]), OPTIONS)
    whole = responder.model.forward

    @functools.wraps(whole)
    def forgetful(*args, past_key_values=None, **more):
        return whole(*args, **more)

    responder.model.forward = forgetful
    scorer, _ = responder._try("m")
    assert not scorer.shared
    responder._scorer = scorer
    (response,) = responder.respond([request()])
    assert list(response.scores.values()) == pytest.approx(naive(responder, request()), rel=2e-3)


def test_labels_are_generated_where_scoring_is_not_wanted(folders):
    responder = open_huggingface(str(folders["llava"]), OPTIONS.model_copy(update={"label_scoring": False}))
    (response,) = responder.respond([request()])
    assert (response.how, response.emotion, response.scores) == ("generation", None, None)
    assert response.text
    assert "emotion" not in responder.info.decoding


def test_sampling_depends_on_the_seed_and_the_face_and_not_on_the_batch(folders):
    given = [request(number, "reason", "Why?") for number in range(4)]
    texts = {}
    for seed in (0, 1):
        options = OPTIONS.model_copy(update={"temperature": 1.0, "seed": seed})
        responder = open_huggingface(str(folders["llava"]), options)
        texts[seed] = [each.text for each in responder.respond(given)]
        assert texts[seed] == [responder.respond([each])[0].text for each in given]
        assert (responder.info.decoding["temperature"], responder.info.decoding["seed"]) == (1.0, seed)
    greedy = [each.text for each in open_huggingface(str(folders["llava"]), OPTIONS).respond(given)]
    assert len({str(found) for found in (texts[0], texts[1], greedy)}) == 3


@torch.no_grad()
def test_the_answer_is_the_greedy_one_cut_after_the_prompt(opened, kind):
    responder = opened[kind]
    each = request(0, "reason", "Why?")
    inputs = responder._inputs([each])
    length = inputs["input_ids"].shape[1]
    for _ in range(OPTIONS.max_new_tokens):
        last = responder.model(**inputs).logits[:, -1].argmax(-1, keepdim=True)
        for name, fill in {"input_ids": last, "attention_mask": last * 0 + 1, "mm_token_type_ids": last * 0}.items():
            if name in inputs:
                inputs[name] = torch.cat([inputs[name], fill], dim=1)
    text = responder.processor.tokenizer.decode(inputs["input_ids"][0, length:], skip_special_tokens=True)
    assert text
    assert responder.respond([each])[0].text == text.strip()


def test_a_prompt_begins_once(folders):
    responder = open_huggingface(str(folders["llava"]), OPTIONS)
    words = responder.processor.tokenizer
    words.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    assert words("Why?")["input_ids"][0] == words.bos_token_id
    for template in (responder.processor.chat_template, f"<s>{responder.processor.chat_template}"):
        responder.processor.chat_template = template
        responder._prompt.cache_clear()
        ids = responder._inputs([request()])["input_ids"][0].tolist()
        assert (ids[0], ids.count(words.bos_token_id)) == (words.bos_token_id, 1)


def test_what_a_run_writes_down(folders, opened):
    infos = {name: responder.info for name, responder in opened.items()}
    info = infos["llava"]
    assert (info.name, info.model, info.trained_on) == ("hf", str(folders["llava"]), None)
    assert info.kinds == set(KINDS)
    assert len(info.revision) == 12
    assert "log-likelihood" in info.decoding["emotion"]
    assert (info.decoding["how"], info.decoding["max_new_tokens"], info.decoding["dtype"]) == ("greedy", 6, "float32")
    assert info.image_size == "32 x 32 of 48 x 48; 32 x 32 of 224 x 224"
    assert infos["qwen2_vl"].image_size == "56 x 56 of 48 x 48; 112 x 112 of 224 x 224"
    assert infos["idefics3"].image_size.startswith("5 tiles of 32 x 32 of 48 x 48")
    assert json.dumps([info.decoding for info in infos.values()])


def test_half_precision(folders):
    responder = open_huggingface(str(folders["llava"]), OPTIONS.model_copy(update={"dtype": "bfloat16"}))
    scored, spoken = responder.respond([request(), request(1, "reason", "Why?")])
    assert responder.info.decoding["dtype"] == "bfloat16"
    assert sum(scored.scores.values()) == pytest.approx(1)
    assert spoken.text


def test_a_picture_that_the_processor_refuses_is_unreadable_and_costs_no_other(tmp_path):
    responder = open_huggingface(str(qwen2_vl(tmp_path)), OPTIONS)
    given = [request(0, "reason", "Why?"), request(1, "reason", "Why?", size=(2, 900)), request(2, "reason", "Why?")]
    responses = responder.respond(given)
    assert [each.status for each in responses] == ["ok", "unreadable", "ok"]
    assert "aspect ratio" in responses[1].error
    same([responses[0], responses[2]], responder.respond([given[0], given[2]]))


# --- how a class is written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("Q ASSISTANT: fear</s>", " anger"),
        ("Q ASSISTANT:fear</s>", "anger"),
        ("Q ASSISTANT:\n fear</s>", "\n anger"),
        ("another prompt fear", "anger"),
    ],
)
def test_a_class_is_written_as_the_template_writes_an_answer(closed, expected):
    words = tokenizer()
    ids = answer_ids(words, "Q ASSISTANT:", closed, "anger", "fear")
    assert words.decode(ids) == expected


def test_a_class_may_begin_with_a_capital():
    assert forms("happiness") == ("happiness", "Happiness")


# --- what cannot be used ---------------------------------------------------------------------------------------------


def told(what, **options):
    with pytest.raises(ResponderError) as raised:
        open_huggingface(str(what), Options(device="cpu").model_copy(update=options))
    return str(raised.value)


def test_no_such_model(tmp_path):
    assert "folder or a hub id" in told("")
    assert "Expected a folder" in told(tmp_path / "none")
    assert "Expected a folder" in told(tmp_path)


def test_a_feallm_checkpoint_is_shown_to_its_own_responder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "feallm"}))
    assert f"feallm-free:{tmp_path}" in told(tmp_path)


def test_a_processor_without_a_chat_template(tmp_path):
    assert "no chat template" in told(llava(tmp_path, chat=False))


def test_a_language_model_without_eyes(tmp_path):
    words = tokenizer()
    LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **TEXT)).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    assert "no vision-language model" in told(tmp_path)


def test_missing_weights(tmp_path):
    path = llava(tmp_path) / "model.safetensors"
    weights = load_file(path)
    lost = next(name for name in weights if "down_proj" in name)
    save_file({name: value for name, value in weights.items() if name != lost}, path, metadata={"format": "pt"})
    assert "lacks weights" in told(tmp_path)


def test_a_template_that_shows_no_picture(tmp_path):
    llava(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(
        "{% for turn in messages %}{{ turn['content'][-1]['text'] }}{% endfor %}"
    )
    assert "cannot be used as an image-text-to-text model" in told(tmp_path)


def test_devices_and_dtypes_that_are_not_there(folders):
    assert "auto, cpu or cuda" in told(folders["llava"], device="tpu:9")
    assert "bfloat16" in told(folders["llava"], dtype="int3")
