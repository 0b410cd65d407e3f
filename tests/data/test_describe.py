"""Describing, against a real endpoint on this machine: what is kept, what is refused, and that nothing is lost."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from random import Random

import numpy as np
import pytest
from pydantic import ValidationError

from feallm.data.briefs import family_of
from feallm.data.compose import FAMILIES, compose
from feallm.data.describe import DescribeError, Describer, DescribeRecipe
from feallm.data.describe_recipe import REWRITABLE
from feallm.data.records import Claims, LabelledFace, Record, Turn, one_hot
from feallm.data.replies import Reply, ReplyCache
from feallm.data.verify import Refusal, check, clean, limits
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.emotions import LABEL_SETS
from feallm.prompts import QUESTIONS
from tests.data.describe_server import answering, completion, composed, reworded, saying, serving, well

KEY = "sk-very-secret-1234567890"
ANGER = {"AU04": 3.0, "AU07": 1.0, "AU24": 5.0}
ROOT = Path(__file__).parent.parent.parent


def face(emotion="anger", units=ANGER, identity="f", unknown=("AU43",), **more):
    coded = {} if units is None else {u: units.get(u, 0.0) for u in CODED_AUS if u not in unknown}
    pixels = np.full((40, 60), 128, np.uint8)
    shares = {"ferplus": one_hot(emotion, LABEL_SETS["ferplus"])}
    return LabelledFace(identity, pixels, "x", "train", shares, {"ferplus": emotion}, coded, **more)


def record(family="reason", of=None, seed=0):
    of = of or face()
    found = compose(of, family, Random(seed))
    assert found is not None
    return found, of


def pairs(count, family="expression"):
    return [record(family, face(identity=f"f{number}"), number) for number in range(count)]


def recipe(server, folder, **more):
    url = server if isinstance(server, str) else server.url
    quick = {"timeout": 5.0, "backoff": 0.001, "retries": 2, "concurrency": 4, "cache": str(folder / "replies.jsonl")}
    return DescribeRecipe(model="m", base_url=url, **{**quick, **more})


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["expression", "movements", "reason", "why_not"])
def test_a_good_answer_takes_the_place_of_the_composed_one(tmp_path, family):
    given, of = record(family)
    with serving() as server:
        describer = Describer(recipe(server, tmp_path))
        (new,) = describer.describe([(given, of)])
    assert new.turns[:-1] == given.turns[:-1]
    last, was = new.turns[-1], given.turns[-1]
    assert last.answer == f"{was.answer} Look closely to see it."
    assert last.question == was.question
    read = read_answer(last.answer)
    causes = tuple(unit for unit in was.claims.causes if unit in read.aus)
    assert last.claims == Claims(read.emotion, read.aus, read.denied_aus, causes)
    assert set(last.claims.asserted) == set(read_answer(was.answer).aus)
    report = describer.report
    assert (report.records, report.answers, report.kept, report.requests) == (1, 1, 1, 1)
    assert (report.tokens_in, report.tokens_out, report.estimated, report.cost) == (100, 10, 0, None)


def test_the_prompt_holds_the_labels_and_what_must_not_be_claimed(tmp_path):
    given, of = record("movements")
    with serving() as server:
        list(Describer(recipe(server, tmp_path)).describe([(given, of)]))
        (request,) = server.requests
    text = request["messages"][0]["content"]
    assert "AU4 brow lowerer (clear)" in text
    assert "AU24 lip pressor (strong)" in text
    assert "Name no emotion" in text
    absent = next(line for line in text.splitlines() if line.startswith("- Looked for and not there"))
    hidden = next(line for line in text.splitlines() if line.startswith("- Not to be mentioned"))
    assert "AU12," in absent
    assert "AU43" not in absent
    assert "AU43" in hidden
    assert "AU4," not in absent
    assert given.turns[-1].question in text
    assert request["model"] == "m"
    assert request["temperature"] == 0.7


def test_strengths_of_ungraded_units_are_not_told(tmp_path):
    given, of = record("movements", face(units={"AU04": 1.0}, graded=False))
    with serving() as server:
        list(Describer(recipe(server, tmp_path)).describe([(given, of)]))
        text = server.requests[0]["messages"][0]["content"]
    assert "AU4 brow lowerer (strength not known" in text


def test_closed_families_and_told_turns_are_left_alone(tmp_path):
    closed = [record(family) for family in ("emotion", "aus", "unit", "area")]
    told, of = record("reason")
    told = Record(told.face, told.family, told.turns, given=len(told.turns))
    with serving() as server:
        describer = Describer(recipe(server, tmp_path))
        assert list(describer.describe([*closed, (told, of)])) == [*(given for given, _ in closed), told]
        assert server.requests == []
    assert describer.report.answers == 0


def test_several_free_turns_are_asked_one_by_one_with_the_new_answers_before_them(tmp_path):
    reason, of = record("reason")
    why_not, _ = record("why_not")
    both = Record("f", "reason", (*reason.turns, why_not.turns[-1]), given=3)
    with serving() as server:
        (new,) = Describer(recipe(server, tmp_path)).describe([(both, of)])
        first, second = (request["messages"][0]["content"] for request in server.requests)
    assert new.turns[:3] == both.turns[:3]
    assert [turn.answer for turn in new.turns[3:]] == [
        f"{turn.answer} Look closely to see it." for turn in both.turns[3:]
    ]
    assert f"Q: {both.turns[0].question}" in first
    assert new.turns[3].answer in second
    assert new.turns[3].answer not in first


def test_records_come_in_order_and_few_requests_are_in_flight(tmp_path):
    rng = Random(1)

    def slowly(server, request):
        pause = rng.random() * 0.03
        return lambda: time.sleep(pause) or (200, {}, completion(reworded(request)))

    given = pairs(40)
    with serving(slowly) as server:
        new = list(Describer(recipe(server, tmp_path, concurrency=3)).describe(given))
        assert 1 < server.most_in_flight <= 3
        assert len(server.requests) == 40
    assert [each.face for each in new] == [each.face for each, _ in given]
    assert all(each.turns[-1].answer.endswith("to see it.") for each in new)


def test_pairs_are_taken_as_they_are_needed(tmp_path):
    taken = []

    def stream():
        for number, pair in enumerate(pairs(60)):
            taken.append(number)
            yield pair

    with serving() as server:
        describing = Describer(recipe(server, tmp_path, concurrency=2)).describe(stream())
        next(describing)
        assert len(taken) <= 6
        describing.close()
        assert len(server.requests) <= 6


def test_it_works_where_an_event_loop_runs_already(tmp_path):
    import asyncio

    async def notebook():
        return list(Describer(recipe(server, tmp_path)).describe(pairs(2)))

    with serving() as server:
        assert len(asyncio.run(notebook())) == 2


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The face shows fear: the brows are lowered (AU4).", "wrong emotion"),
        ("The face shows anger and disgust. The brows are lowered (AU4).", "wrong emotion"),
        ("The brows are lowered (AU4).", "no clear emotion"),
        ("The face might show anger: the brows are lowered (AU4).", "no clear emotion"),
        ("The face shows anger, perhaps with disgust: the brows are lowered (AU4).", "speculates"),
        ("The face shows anger: the brows are lowered (AU4) and the nose is wrinkled (AU9).", "extra AU"),
        ("The face shows anger: the brows are lowered (AU4), though there is a faint smile.", "extra AU"),
        ("The face shows anger, though the brows are not lowered: the lips are pressed together (AU24).", "denied AU"),
        ("The face shows anger: the brows are lowered (AU4). The eyes are not closed.", "denies an unknown AU"),
        ("The face shows anger: the brows are lowered (AU4). Possibly AU9 is active.", "speculates"),
        ("The face shows anger.", "AU left out"),
        ("The face shows anger, and no action units are present.", "AU left out"),
        ("The face shows anger with 90% certainty: the brows are lowered (AU4).", "invented number"),
        ("", "empty"),
        ("<think>Let me see. Anger, with AU4.", "empty"),
        ("I'm sorry, I can't describe people.", "declined"),
        ("The label is anger: the brows are lowered (AU4).", "tells of the labels"),
        ("The face shows anger:\n- the brows are lowered (AU4)", "markup"),
        ("The face shows anger: the brows are lowered (AU4). " + "It is plain to see. " * 60, "too long"),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason_and_asked_again(tmp_path, text, reason):
    given, of = record("reason")
    with serving(saying(text)) as server:
        describer = Describer(recipe(server, tmp_path))
        (new,) = describer.describe([(given, of)])
        first, second = server.requests
    assert describer.report.refused == {reason: 1}
    assert (describer.report.kept, describer.report.kept_later, describer.report.fell_back) == (0, 1, {})
    assert new.turns[-1].answer == reworded(first)
    assert second["messages"][0] == first["messages"][0]
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert "cannot be used" in second["messages"][-1]["content"]


@pytest.mark.parametrize("unknown", [("AU43",), ("AU01", "AU04", "AU12", "AU20")])
def test_every_composed_answer_stands_its_own_check(unknown):
    rng = Random(5)
    count = 0
    for seed in range(120):
        emotion = rng.choice(LABEL_SETS["ferplus"])
        units = {unit: rng.choice((1.0, 3.0, 5.0)) for unit in rng.sample(CODED_AUS, rng.randrange(5))}
        of = face(emotion, {unit: units[unit] for unit in units if unit not in unknown}, unknown=unknown)
        for family in sorted({*REWRITABLE} & {*FAMILIES}):
            given = compose(of, family, Random(seed))
            if given is not None:
                *before, last = given.turns
                found = check(last.answer, limits(last, before, of, family))
                assert isinstance(found, Claims), f"{found}: {last}"
                assert (found.emotion, found.asserted) == (last.claims.emotion, last.claims.asserted), last
                count += 1
    assert count > 300


@pytest.mark.parametrize("task", sorted(QUESTIONS))
def test_the_family_of_a_turn_is_that_of_its_question(task):
    other = "AU2" if task == "stronger" else "fear"
    gaps = {"classes": "AU1, AU2 or AU4", "unit": "AU1", "other": other, "area": "brows"}
    family = {
        "describe_expression": "expression",
        "describe_aus": "movements",
        "aus_among": "aus",
        "stronger": "intensity",
    }.get(task, task)
    for phrasing in QUESTIONS[task]:
        turn = Turn(phrasing.format(**gaps), "", Claims())
        assert family_of(Record("f", "chat", (turn, turn)), 0) == family, phrasing
    assert family_of(Record("f", "chat", (Turn("Who is this?", "", Claims()),) * 2), 0) == ""
    assert family_of(Record("f", "blend", (Turn("And now?", "", Claims()),)), 0) == "blend"


def test_known_absences_may_be_told_and_other_emotions_denied(tmp_path):
    text = "The face shows anger, not fear: the brows are lowered (AU4), and the inner brows are not raised (AU1)."
    given, of = record("reason")
    with serving(saying(text)) as server:
        (new,) = Describer(recipe(server, tmp_path)).describe([(given, of)])
    assert new.turns[-1] == Turn(given.turns[-1].question, text, Claims("anger", ("AU04",), ("AU01",), ("AU04",)))


def test_after_n_tries_the_composed_answer_stays(tmp_path):
    given, of = record("reason")
    with serving(lambda *_: (200, {}, completion("The face shows joy."))) as server:
        describer = Describer(recipe(server, tmp_path, tries=3))
        assert list(describer.describe([(given, of)])) == [given]
        assert len(server.requests) == 3
    assert describer.report.fell_back == {"wrong emotion": 1}
    assert describer.report.refused == {"wrong emotion": 3}
    assert "as composed because: wrong emotion 1" in str(describer.report)


def test_a_face_without_codes_gets_no_movement_and_one_without_an_emotion_no_emotion():
    bare, of = record("expression", face("happiness", None))
    bounds = limits(bare.turns[0], (), of, "expression")
    assert check("The face shows happiness.", bounds) == Claims("happiness")
    for text in ("The face shows happiness with a smile.", "The face shows happiness without raised brows."):
        assert isinstance(check(text, bounds), Refusal), text
    moves, of = record("movements")
    bounds = limits(moves.turns[0], (), of, "movements")
    full = "The brows are lowered (AU4), the eyelids are tightened (AU7) and the lips are pressed together (AU24)."
    assert check(full, bounds) == Claims(None, ("AU04", "AU07", "AU24"))
    assert check(f"{full} It is anger.", bounds).reason == "wrong emotion"
    assert check("The brows are lowered (AU4).", bounds).reason == "AU left out"


def test_a_face_at_rest_must_be_told_as_one():
    still, of = record("movements", face("neutral", {}, unknown=()))
    bounds = limits(still.turns[0], (), of, "movements")
    assert check("There are no action units in this face.", bounds) == Claims()
    assert check("The face is turned to the left.", bounds).reason == "no AU"
    moving, of = record("expression", face("neutral", {}))
    bounds = limits(moving.turns[0], (), of, "expression")
    assert check("Neutral. No action units are present.", bounds).reason == "no AU"  # AU43 was not looked for


def test_a_blend_must_name_both_emotions():
    text = "Happiness and surprise are both visible in this face."
    turn = Turn("Which two emotions are blended?", text, Claims(read_answer(text).emotion))
    bounds = limits(turn, (), face("happiness", None), "blend")
    assert isinstance(check("One sees surprise and happiness at once.", bounds), Claims)
    assert check("One sees happiness.", bounds).reason in ("no clear emotion", "wrong emotion")
    assert isinstance(check("One sees happiness, surprise and fear.", bounds), Refusal)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<think>AU4? Hm.\n\nYes.</think>\n\nThe face.", "The face."),
        ("AU4? Hm.</think>The face.", "The face."),
        ("<thinking>never ends", ""),
        ("```\nThe face.\n```", "The face."),
        ("```text\nThe face.\n```", "The face."),
        ('"The face."', "The face."),
        ("“The face.”", "The face."),
        ('Answer: "The face."', "The face."),
        ("The face\nis still.", "The face is still."),
        ("**Answer:** The **face**.", "The face."),
        ('"Anger" and "fear"', '"Anger" and "fear"'),
    ],
)
def test_thoughts_fences_and_quotes_are_taken_off(reply, answer):
    assert clean(reply) == answer


def test_a_reply_that_was_cut_off_is_refused(tmp_path):
    given, of = record("reason")
    cut = (200, {}, completion("The face shows anger: the brows are lowered (AU4), and", finish="length"))
    with serving(answering(cut)) as server:
        describer = Describer(recipe(server, tmp_path))
        list(describer.describe([(given, of)]))
    assert describer.report.refused == {"cut off": 1}


def test_content_in_parts_and_thoughts_beside_it_are_read(tmp_path):
    given, of = record("reason")

    def behave(server, request):
        parts = [{"type": "text", "text": "<think>x</think>"}, {"type": "text", "text": reworded(request)}]
        return 200, {}, completion(parts, reasoning_content="Fear, AU1.")

    with serving(behave) as server:
        describer = Describer(recipe(server, tmp_path))
        list(describer.describe([(given, of)]))
    assert describer.report.kept == 1


# --- trouble ----------------------------------------------------------------------------------------------------------


def late(seconds):
    return lambda: time.sleep(seconds) or (200, {}, "{}")


@pytest.mark.parametrize(
    "trouble",
    [
        (500, {}, "oops"),
        (503, {}, "loading"),
        (429, {"Retry-After": "0"}, "slow down"),
        (200, {}, "<html>bad gateway</html>"),
        (200, {}, {"choices": []}),
        (200, {}, {"error": {"message": "no"}}),
        (200, {"Content-Length": 5000, "Connection": "close"}, "{"),
        late(4.0),
    ],
    ids=["500", "503", "429", "html", "no choices", "error", "cut off", "time-out"],
)
def test_passing_trouble_is_met_with_another_request(tmp_path, trouble):
    given, of = record("reason")
    with serving(answering(trouble)) as server:
        describer = Describer(recipe(server, tmp_path, timeout=1.5 if callable(trouble) else 20.0))
        (new,) = describer.describe([(given, of)])
        assert len(server.requests) == 2
        assert server.requests[0] == server.requests[1]
    assert new != given
    assert (describer.report.kept, describer.report.requests, describer.report.tokens_in) == (1, 2, 100)


def test_retry_after_is_waited_for_by_all(tmp_path):
    with serving(answering((429, {"Retry-After": "1"}, ""))) as server:
        list(Describer(recipe(server, tmp_path, concurrency=1)).describe(pairs(3)))
        first, second = server.times[:2]
    assert second - first >= 0.95


def test_a_retry_after_beyond_patience_is_a_failure(tmp_path):
    given, of = record("reason")
    with serving(lambda *_: (429, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, "")) as server:
        describer = Describer(recipe(server, tmp_path))
        assert list(describer.describe([(given, of)])) == [given]
        assert len(server.requests) == 1
    assert describer.report.fell_back == {"too many requests": 1}


def test_one_record_that_always_fails_keeps_its_answer_and_the_others_go_on(tmp_path):
    given = pairs(6)
    bad = given[2][0].turns[-1].answer

    def behave(server, request):
        return (400, {}, {"error": "too long"}) if composed(request) == bad else well(server, request)

    with serving(behave) as server:
        describer = Describer(recipe(server, tmp_path))
        new = list(describer.describe(given))
        assert len(server.requests) == 6
    changed = [after != before for after, (before, _) in zip(new, given, strict=True)]
    assert changed == [before.turns[-1].answer != bad for before, _ in given]
    assert set(describer.report.fell_back) == {"HTTP 400"}


def test_failing_every_time_is_an_error_that_names_the_endpoint(tmp_path):
    with serving(lambda *_: (200, {}, "<html>Welcome to nginx</html>")) as server:
        describer = Describer(recipe(server, tmp_path, retries=1, give_up_after=3))
        with pytest.raises(DescribeError) as raised:
            list(describer.describe(pairs(20)))
    for part in (server.url, "3 requests in a row", "Welcome to nginx", "end in /v1", "0 replies are kept"):
        assert part in str(raised.value)


def test_a_server_that_dies_half_way_loses_nothing(tmp_path):
    given = pairs(12)

    def behave(server, request):
        if len(server.requests) == 7:
            threading.Thread(target=server.die).start()
        dying = len(server.requests) >= 7
        return (lambda: server.dead.wait(30) and (500, {"Connection": "close"}, "")) if dying else well(server, request)

    got = []
    with serving(behave) as server:
        describer = Describer(recipe(server, tmp_path, concurrency=1))
        with pytest.raises(DescribeError) as raised:
            got.extend(describer.describe(given))
        url = server.url
    assert len(got) == 6
    for part in (url, "cannot be reached", "Is the server running?", "6 replies are kept", str(tmp_path)):
        assert part in str(raised.value)
    with serving() as server:
        describer = Describer(recipe(server, tmp_path))
        new = list(describer.describe(given))
        assert len(server.requests) == 6
    assert new[:6] == got
    assert (describer.report.cached, describer.report.kept) == (6, 12)


def test_a_server_that_was_never_there(tmp_path):
    with serving() as server:
        url = server.url
    with pytest.raises(DescribeError, match=r"cannot be reached.*Is the server running"):
        list(Describer(recipe(url, tmp_path, retries=0)).describe(pairs(1)))


@pytest.mark.parametrize("after", [0, 3])
def test_a_spent_budget_leaves_the_composed_answers(tmp_path, after):
    given = pairs(8)
    with serving() as server:
        describer = Describer(recipe(server, tmp_path, budget_requests=after))
        new = list(describer.describe(given))
        assert len(server.requests) == after
    kept = sum(a != b for a, (b, _) in zip(new, given, strict=True))
    assert (kept, describer.report.left, describer.report.fell_back) == (after, 8 - after, {"over budget": 8 - after})
    with serving() as server:
        describer = Describer(recipe(server, tmp_path))
        list(describer.describe(given))
        assert (len(server.requests), describer.report.cached) == (8 - after, after)


def test_a_budget_of_tokens_and_the_cost(tmp_path):
    with serving() as server:
        prices = {"price_in": 2.0, "price_out": 8.0}
        describer = Describer(recipe(server, tmp_path, budget_tokens=300, concurrency=1, **prices))
        list(describer.describe(pairs(8)))
        assert len(server.requests) == 3
    assert describer.report.cost == pytest.approx((300 * 2 + 30 * 8) / 1e6)
    assert "5 records keep composed answers" in str(describer.report)


def test_tokens_are_estimated_where_the_endpoint_does_not_count_them(tmp_path):
    given, of = record("reason")
    with serving(lambda server, request: (200, {}, completion(reworded(request), usage=False))) as server:
        describer = Describer(recipe(server, tmp_path))
        list(describer.describe([(given, of)]))
        length = len(server.requests[0]["messages"][0]["content"])
    assert describer.report.estimated == 1
    assert describer.report.tokens_in == length // 4


# --- the cache --------------------------------------------------------------------------------------------------------


def test_a_kept_reply_is_not_asked_for_again_not_even_a_refused_one(tmp_path):
    given = pairs(5)
    with serving(saying("The face shows joy.")) as server:
        first = list(Describer(recipe(server, tmp_path)).describe(given))
        assert len(server.requests) == 6
    with serving() as server:
        describer = Describer(recipe(server, tmp_path))
        assert list(describer.describe(given)) == first
        assert server.requests == []
    assert (describer.report.cached, describer.report.requests, describer.report.kept_later) == (6, 0, 1)


def test_equal_records_are_asked_about_anew_and_other_settings_too(tmp_path):
    pair = record("reason")
    with serving() as server:
        list(Describer(recipe(server, tmp_path)).describe([pair, pair]))
        assert len(server.requests) == 2
        list(Describer(recipe(server, tmp_path)).describe([pair, pair]))
        assert len(server.requests) == 2
        list(Describer(recipe(server, tmp_path, temperature=0.1)).describe([pair]))
        assert len(server.requests) == 3
        assert Describer(recipe(server, tmp_path))(*pair).turns[-1].answer == reworded(server.requests[0])
        assert len(server.requests) == 3


def test_a_torn_line_costs_one_reply_and_no_more(tmp_path):
    path = tmp_path / "deep" / "replies.jsonl"
    cache = ReplyCache(path)
    cache.add("a", Reply("one ü \n two"))
    cache.add("b", Reply("three"))
    path.write_bytes(path.read_bytes()[:-9])
    cache = ReplyCache(path)
    assert (len(cache), cache.damaged, cache["a"]) == (1, 1, Reply("one ü \n two"))
    cache.add("c", Reply("four", "length", 1, 2, True))
    cache = ReplyCache(path)
    assert "b" not in cache
    assert (cache["a"].text, cache["c"]) == ("one ü \n two", Reply("four", "length", 1, 2, True))
    other = ReplyCache(path)
    other.add("d", Reply("five"))
    cache.add("e", Reply("six"))
    assert (cache["e"].text, other["d"].text) == ("six", "five")
    assert len(ReplyCache(path)) == 4


WORKER = """
import sys
from tests.data.test_describe import pairs, recipe
from pathlib import Path
from feallm.data.describe import Describer
try:
    for new in Describer(recipe(sys.argv[1], Path(sys.argv[2]), concurrency=2, timeout=60)).describe(pairs(10)):
        pass
except KeyboardInterrupt as stop:
    print(stop)
    sys.exit(130)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_process_that_is_stopped_half_way_goes_on_where_it_was(tmp_path, how):
    def behave(server, request):
        answered = len(server.requests) <= 5
        return well(server, request) if answered else lambda: server.release.wait(30) and (500, {}, "")

    cache = tmp_path / "replies.jsonl"
    with serving(behave) as server:
        command = [sys.executable, "-c", WORKER, server.url, str(tmp_path)]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})
        deadline = time.monotonic() + 60
        while len(server.requests) < 7 or cache.read_bytes().count(b'"key"') < 5:
            assert worker.poll() is None, "the worker ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        worker.send_signal(how)
        told, _ = worker.communicate(timeout=20)
    if how == signal.SIGINT:
        assert worker.returncode == 130
        assert "stopped; 5 replies are kept" in told
    with serving() as again:
        describer = Describer(recipe(again, tmp_path))
        new = list(describer.describe(pairs(10)))
    answered = [json.dumps(request) for request in server.requests[:5]]
    assert not set(answered) & {json.dumps(request) for request in again.requests}
    assert (len(again.requests), describer.report.cached, describer.report.kept) == (5, 5, 10)
    assert len(new) == 10


# --- keys and pictures ------------------------------------------------------------------------------------------------


def test_the_key_is_sent_as_bearer_and_stands_nowhere_else(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("SOME_KEY", f" {KEY}\n")
    caplog.set_level(logging.DEBUG)
    echo = (500, {}, f"bad key {KEY}"), (200, {}, completion(f"My key is {KEY}."))
    with serving(answering(*echo)) as server:
        describer = Describer(recipe(server, tmp_path, api_key_env="SOME_KEY"))
        list(describer.describe(pairs(3)))
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
        assert KEY not in json.dumps(server.requests)
    with serving(lambda *_: (401, {}, f"invalid key {KEY}")) as server:
        refused = Describer(recipe(server, tmp_path, api_key_env="SOME_KEY", cache=str(tmp_path / "other.jsonl")))
        with pytest.raises(DescribeError, match=r"refuses access.*check the key in SOME_KEY") as raised:
            list(refused.describe(pairs(3)))
        assert len(server.requests) <= 4
    kept = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "My key is" in kept
    for text in (kept, caplog.text, str(raised.value), repr(raised.value.__cause__), str(describer.report)):
        assert KEY not in text
    packed = pickle.dumps(describer)
    assert KEY.encode() not in packed
    assert pickle.loads(packed).recipe == describer.recipe
    assert Describer(recipe("http://127.0.0.1:9/v1", tmp_path)).recipe.api_key_env is None


def test_without_a_key_no_header_is_sent_and_a_missing_one_is_told_at_once(tmp_path, monkeypatch):
    with serving() as server:
        list(Describer(recipe(server, tmp_path)).describe(pairs(1)))
        assert "Authorization" not in server.headers[0]
        monkeypatch.delenv("SOME_KEY", raising=False)
        with pytest.raises(DescribeError, match="SOME_KEY holds no key"):
            Describer(recipe(server, tmp_path, api_key_env="SOME_KEY"))
        monkeypatch.setenv("SOME_KEY", "two\nlines-secret")
        with pytest.raises(DescribeError) as raised:
            Describer(recipe(server, tmp_path, api_key_env="SOME_KEY"))
    assert "secret" not in str(raised.value)


def test_pictures_go_only_where_asked_for_cut_to_the_face(tmp_path):
    import base64
    import io

    from PIL import Image

    of = face(box=(10.0, 10.0, 20.0, 20.0))
    pair = record("reason", of)
    with serving() as server:
        list(Describer(recipe(server, tmp_path)).describe([pair]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # this machine is no third party
            list(Describer(recipe(server, tmp_path, with_picture=True, picture_side=16)).describe([pair]))
        without, with_one = server.requests
    assert isinstance(without["messages"][0]["content"], str)
    shown, text = with_one["messages"][0]["content"]
    assert text["text"] == without["messages"][0]["content"]
    kind, _, data = shown["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (16, 16)


def test_pictures_for_another_machine_are_warned_of_once(tmp_path):
    describer = Describer(recipe("http://models.invalid/v1", tmp_path, with_picture=True, retries=0))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(2):
            with pytest.raises(DescribeError, match=r"models\.invalid"):
                list(describer.describe([record("reason")]))
    told = [str(each.message) for each in warned if "pictures" in str(each.message)]
    assert len(told) == 1
    assert "third parties" in told[0]


def test_a_picture_that_cannot_be_read_leaves_the_composed_answer(tmp_path):
    given, of = record("reason")
    gone = LabelledFace(of.id, tmp_path / "none.jpg", "x", "train", of.emotions, of.labels, of.action_units)
    with serving() as server:
        describer = Describer(recipe(server, tmp_path, with_picture=True))
        assert list(describer.describe([(given, gone)])) == [given]
        assert server.requests == []
    assert describer.report.fell_back == {"unreadable picture": 1}


# --- recipes and local models -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "give either base_url"),
        ({"base_url": "http://x/v1", "local": True}, "give either base_url"),
        ({"base_url": "localhost:8000"}, "expected an address"),
        ({"base_url": "http://me:secret@x/v1"}, "api_key_env"),
        ({"base_url": "http://x/v1", "families": ["emotion"]}, "not rewritten"),
        ({"base_url": "http://x/v1", "extra": {"stream": True}}, "stream cannot be set"),
        ({"base_url": "http://x/v1", "api_key": "sk"}, "Extra inputs"),
    ],
)
def test_recipes_that_cannot_be_used(wrong, told):
    with pytest.raises(ValidationError, match=told):
        DescribeRecipe(model="m", cache="c", **wrong)


def test_the_address_of_the_chat_itself_is_taken_too():
    found = DescribeRecipe(model="m", cache="c", base_url="http://localhost:1/v1/chat/completions/")
    assert found.base_url == "http://localhost:1/v1"


def test_describing_is_imported_without_torch():
    code = "import sys, feallm.data.describe; print('torch' in sys.modules, 'transformers' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory):
    """A tiny causal LM with random weights, a word-level tokenizer and a chat template."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = ["<unk>", "<eos>", "fear", "anger", "the", "face", "shows", "."]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<eos>", pad_token="<eos>")
    fast.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_a_local_model_takes_the_place_of_an_endpoint(tmp_path, chat_model):
    settings = {"model": str(chat_model), "local": True, "cache": str(tmp_path / "c.jsonl"), "max_tokens": 6}
    describer = Describer(DescribeRecipe(**settings, tries=2, temperature=None))
    given, of = record("reason")
    assert list(describer.describe([(given, of)])) == [given]  # random words name no brows
    report = describer.report
    assert report.requests == 2
    assert sum(report.refused.values()) == 2
    assert report.tokens_out > 0
    again = Describer(DescribeRecipe(**settings, tries=2, temperature=None))
    list(again.describe([(given, of)]))
    assert (again.report.requests, again.report.cached) == (0, 2)


def test_a_local_model_that_is_not_there(tmp_path):
    recipe = DescribeRecipe(model=str(tmp_path / "none"), local=True, cache=str(tmp_path / "c.jsonl"))
    with pytest.raises(DescribeError, match="cannot be loaded"):
        list(Describer(recipe).describe([record("reason")]))
