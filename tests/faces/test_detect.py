import subprocess
import sys
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
import skimage.data

from feallm.faces import (
    DETECTORS,
    Face,
    MtcnnDetector,
    NoneDetector,
    YuNetDetector,
    as_rgb,
    make_detector,
)


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def centre(face: Face) -> tuple[float, float]:
    x, y, width, height = face.box
    return x + width / 2, y + height / 2


def test_the_astronaut_has_one_face_and_its_five_points(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    """The reference places were read off the picture by eye."""
    faces = detector.detect(astronaut)
    assert len(faces) == 1
    assert faces[0].score > 0.99
    assert centre(faces[0]) == pytest.approx((223, 117), abs=8)
    assert faces[0].points is not None
    expected = np.array([(204, 101), (247, 104), (224, 128), (202, 139), (245, 142)])
    assert faces[0].points == pytest.approx(expected, abs=5)


def test_left_is_the_pictures_left(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    for picture in (astronaut, mirrored):
        points = detector.detect(picture)[0].points
        assert points is not None
        assert points[0, 0] < points[2, 0] < points[1, 0]
        assert points[3, 0] < points[4, 0]
        assert max(points[:2, 1]) < points[2, 1] < min(points[3:, 1])


def test_five_faces_of_five_sizes_largest_first(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    canvas = np.full((520, 900, 3), 128, np.uint8)
    sides, corner = (440, 330, 230, 170, 125), [(0, 0), (450, 0), (450, 280), (0, 345), (200, 345)]
    places = []
    for side, (x, y) in zip(sides, corner, strict=True):
        crop = cv2.resize(astronaut[:400, :400], (side * 400 // 512,) * 2, interpolation=cv2.INTER_AREA)
        canvas[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        places.append((x + 223 * side / 512, y + 117 * side / 512))
    faces = detector.detect(canvas)
    assert len(faces) == 5
    for face, place, side in zip(faces, places, sides, strict=True):
        assert centre(face) == pytest.approx(place, abs=0.03 * side)


def test_a_face_of_twenty_pixels(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    canvas = cv2.resize(skimage.data.coffee(), (300, 200), interpolation=cv2.INTER_AREA)
    canvas[40:160, 100:220] = shrunk(astronaut, 120)
    faces = detector.detect(canvas)
    assert len(faces) == 1
    assert faces[0].box[2] == pytest.approx(21, abs=3)
    assert centre(faces[0]) == pytest.approx((100 + 223 * 120 / 512, 40 + 117 * 120 / 512), abs=3)


def test_a_large_picture_is_searched_smaller_and_answered_in_its_own_pixels(
    astronaut: np.ndarray, face: Face, detector: MtcnnDetector
) -> None:
    large = detector.detect(cv2.resize(astronaut[:384], (4000, 3000)))
    assert len(large) == 1
    assert face.points is not None
    assert large[0].points is not None
    assert large[0].points / (4000 / 512) == pytest.approx(face.points, abs=4)
    assert np.array(large[0].box) / (4000 / 512) == pytest.approx(np.array(face.box), abs=6)


def test_a_tight_face_crop_is_found(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    """A crop like FER2013's, 48 pixels and nothing around, as users hand them in."""
    crop = shrunk(astronaut[55:180, 160:285], 48)
    faces = detector.detect(crop)
    assert len(faces) == 1
    assert centre(faces[0]) == pytest.approx(((223 - 160) * 48 / 125, (117 - 55) * 48 / 125), abs=4)


def test_boxes_stay_inside_the_picture(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    picture = np.ascontiguousarray(astronaut[75:200, 190:300])
    faces = detector.detect(picture)
    assert faces
    x, y, width, height = faces[0].box
    assert x >= 0
    assert y >= 0
    assert x + width <= 110
    assert y + height <= 125


@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick", "page"])
def test_no_face_is_an_empty_list(name: str, detector: MtcnnDetector) -> None:
    assert detector.detect(getattr(skimage.data, name)()) == []


@pytest.mark.parametrize(
    "shape", [(1, 1, 3), (12, 12, 3), (1, 500, 3), (500, 1, 3), (20, 20, 3), (25, 900), (64, 64, 1)]
)
def test_pictures_too_small_or_empty_of_content_have_no_face(shape: tuple[int, ...], detector: MtcnnDetector) -> None:
    assert detector.detect(np.full(shape, 127, np.uint8)) == []
    assert detector.detect(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)) == []


def test_grey_and_transparent_pictures(astronaut: np.ndarray, detector: MtcnnDetector, face: Face) -> None:
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)
    assert centre(detector.detect(grey)[0]) == pytest.approx(centre(face), abs=5)
    transparent = np.dstack([astronaut, np.zeros(astronaut.shape[:2], np.uint8)])
    assert detector.detect(transparent)[0].box == face.box


def test_upside_down_a_face_is_missed_rather_than_misplaced(astronaut: np.ndarray, detector: MtcnnDetector) -> None:
    assert detector.detect(np.ascontiguousarray(astronaut[::-1])) == []


def test_the_smallest_face_asked_for(astronaut: np.ndarray) -> None:
    assert len(MtcnnDetector(min_face_size=60).detect(astronaut)) == 1
    assert MtcnnDetector(min_face_size=200).detect(astronaut) == []


def test_two_threads_share_a_detector(astronaut: np.ndarray, face: Face, detector: MtcnnDetector) -> None:
    boxes: list[tuple[float, ...]] = []

    def work() -> None:
        boxes.extend(detector.detect(picture)[0].box for picture in [astronaut] * 3)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert boxes == [face.box] * 6


def test_nothing_is_printed_or_warned_and_torch_stays_out() -> None:
    code = (
        "import sys, numpy; from feallm.faces import make_detector; "
        "make_detector().detect(numpy.zeros((64, 64, 3), numpy.uint8)); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "options",
    [
        {"min_face_size": 5},
        {"longest_side": 10},
        {"scale_factor": 1.0},
        {"thresholds": (0.5, 0.5)},
        {"thresholds": (0.5, 0.5, 2)},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options)) if "min_face_size" not in options else "12 pixels"):
        MtcnnDetector(**options)  # type: ignore[arg-type]


def test_the_none_detector_takes_the_whole_picture() -> None:
    faces = NoneDetector().detect(np.zeros((30, 40), np.uint8))
    assert [(face.box, face.score, face.points) for face in faces] == [((0, 0, 40, 30), 1, None)]


def test_detectors_are_made_by_name() -> None:
    assert set(DETECTORS) == {"mtcnn", "none", "yunet"}
    assert isinstance(make_detector(), MtcnnDetector)
    assert isinstance(make_detector("none"), NoneDetector)
    made = make_detector("mtcnn", min_face_size=33)
    assert isinstance(made, MtcnnDetector)
    assert made.min_face_size == 33
    assert make_detector(made) is made


@pytest.mark.parametrize("name", ["retina", "", "none:x", "MTCNN"])
def test_unknown_names_list_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match="mtcnn, none, yunet:PATH"):
        make_detector(name)


def test_what_is_no_detector_is_refused(detector: MtcnnDetector) -> None:
    with pytest.raises(ValueError, match=r"object with \.detect"):
        make_detector(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="min_face_size"):
        make_detector(detector, min_face_size=3)
    with pytest.raises(TypeError, match="min_size"):
        make_detector("mtcnn", min_size=3)


def test_yunet_needs_weights_that_opencv_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="needs the path"):
        make_detector("yunet")
    with pytest.raises(FileNotFoundError, match="no YuNet weights"):
        make_detector(f"yunet:{tmp_path / 'none.onnx'}")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(ValueError, match="cannot read"):
        make_detector(f"yunet:{broken}")
    monkeypatch.delattr(cv2, "FaceDetectorYN")
    with pytest.raises(ImportError, match="FaceDetectorYN"):
        YuNetDetector(broken)


def test_yunet_rows_become_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV's rows are x, y, width, height, five points from the picture's left, score; its input is BGR."""
    seen: list[np.ndarray] = []

    class Network:
        def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802
            assert size == (100, 50)

        def detect(self, picture: np.ndarray) -> tuple[int, np.ndarray | None]:
            seen.append(picture)
            small = [1, 2, 5, 6, *range(10), 0.9]
            large = [10, 20, 30, 40, *range(10), 0.8]
            return 1, np.array([small, large], np.float32) if len(seen) == 1 else None

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Network())
    weights = tmp_path / "yunet.onnx"
    weights.touch()
    detector = make_detector(f"yunet:{weights}", longest_side=100)
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[:, :, 0] = 255
    faces = detector.detect(picture)
    assert seen[0][0, 0].tolist() == [0, 0, 255]
    assert [face.box for face in faces] == [(20, 40, 60, 60), (2, 4, 10, 12)]
    assert faces[0].points is not None
    assert faces[0].points.tolist() == [[0, 2], [4, 6], [8, 10], [12, 14], [16, 18]]
    assert detector.detect(picture) == []


def test_faces_refuse_what_is_no_box_or_no_points() -> None:
    with pytest.raises(ValueError, match="positive width"):
        Face((0, 0, 0, 5), 1.0)
    with pytest.raises(ValueError, match="five finite"):
        Face((0, 0, 5, 5), 1.0, np.zeros((4, 2), np.float32))


def test_as_rgb_refuses_other_shapes() -> None:
    for shape in ((5,), (5, 5, 2), (0, 5, 3), (1, 5, 5, 3)):
        with pytest.raises(ValueError, match="height, width, 3"):
            as_rgb(np.zeros(shape, np.uint8))


def test_the_second_look_takes_only_faces_that_fill_the_picture(astronaut: np.ndarray) -> None:
    """Turned by 74 degrees her face, a fifth of the picture, is an unsure find: too little, at any look."""
    turn = cv2.getRotationMatrix2D((223, 117), 74, 1)
    turned = np.asarray(cv2.warpAffine(astronaut, turn, (512, 512)), np.uint8)
    unsure = MtcnnDetector(thresholds=(0.6, 0.7, 0.7)).detect(turned)
    assert [0.7 < face.score < 0.9 for face in unsure] == [True]
    assert MtcnnDetector().detect(turned) == []
