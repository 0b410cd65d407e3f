"""Words are written for the faces that get some, and the head reads a face once."""

from feallm.analyze import Analyzer
from feallm.export.check import draw_faces


def test_faces_without_a_named_emotion_get_no_words_and_change_nothing_for_the_others(monkeypatch):
    faces = draw_faces(6, 96)
    analyzer = Analyzer(detector="none")
    every = analyzer.analyze(faces)
    middle = sorted(reading.confidence for reading in every)[3]
    asked, generate = [], analyzer.engine.generate

    def counted(encoded, conversations, *rest, **options):
        asked.append(len(conversations))
        return generate(encoded, conversations, *rest, **options)

    monkeypatch.setattr(analyzer.engine, "generate", counted)
    some = analyzer.like(min_confidence=middle).analyze(faces)
    assert asked == [3]
    assert [reading.raw_text for reading in some if reading.emotion] == [
        reading.raw_text for reading in every if reading.confidence >= middle
    ]
    assert all(reading.explanation is None for reading in some if reading.emotion is None)
    assert {reading.status for reading in analyzer.like(min_confidence=1.0).analyze(faces)} <= {
        "abstained",
        "low_quality",
    }
    assert asked == [3]


def test_the_torch_engine_reads_a_face_once_and_picks_rows(random_checkpoint, monkeypatch):
    engine = Analyzer(random_checkpoint, detector="none").engine
    faces = draw_faces(3, engine.info.face_size)
    head, calls = engine.model.model.head, []
    forward = head.forward
    monkeypatch.setattr(head, "forward", lambda *given, **named: calls.append(1) or forward(*given, **named))
    encoded = engine.encode(faces)
    once = len(calls)
    scores = engine.scores(encoded)
    engine.generate(encoded, [[{"role": "user", "content": "?"}]] * 3, 2)
    assert len(calls) == once
    picked = engine.scores(engine.pick(encoded, [2, 0]))
    assert (picked.presence == scores.presence[[2, 0]]).all()
    assert all((picked.emotions[name] == each[[2, 0]]).all() for name, each in scores.emotions.items())
