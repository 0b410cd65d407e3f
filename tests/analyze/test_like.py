"""`Analyzer.like`: the same engine with other wishes."""

import pytest

from feallm import Analyzer
from feallm.faces import make_detector


@pytest.fixture(scope="module")
def analyzer():
    return Analyzer(detector="none")


def test_another_label_set_and_confidence_are_those_of_an_analyzer_made_so(analyzer, astronaut):
    face = astronaut[20:240, 110:330]
    other = analyzer.like(label_set="fer2013", min_confidence=1.0)
    (read,) = other.analyze(face, explain=False)
    (made,) = Analyzer(detector="none", label_set="fer2013", min_confidence=1.0).analyze(face, explain=False)
    assert read == made
    assert (read.label_set, read.status) == ("fer2013", "abstained")
    assert other.metadata["label_set"] == "fer2013"
    assert other.engine is analyzer.engine
    assert analyzer.label_set != "fer2013"
    assert analyzer.min_confidence == 0


def test_another_detector_is_used_and_named(analyzer, astronaut):
    other = analyzer.like(detector="mtcnn")
    assert other.metadata["detector"] == "mtcnn"
    (face, *_) = other.analyze(astronaut, explain=False)
    assert face.box[2] < 200
    assert analyzer.like(detector=make_detector("mtcnn")).metadata["detector"] == "MtcnnDetector"


@pytest.mark.parametrize("wrong", [{"label_set": "moods"}, {"min_confidence": 1.5}, {"detector": "eyes"}])
def test_what_there_is_not_is_refused(analyzer, wrong):
    with pytest.raises(ValueError, match=r"moods|1\.5|eyes"):
        analyzer.like(**wrong)
