"""What augmentation does to faces, and what it makes of their labels."""

import numpy as np
import pytest
import torch

from feallm.data.records import LabelledFace
from feallm.facs.action_units import CODED_AUS
from feallm.train.augment import augment, hide_regions
from feallm.train.bank import fill
from feallm.train.collate import FaceCollator, FaceInput, mix
from feallm.train.recipe import AugmentRecipe
from tests.model.conftest import tiny

NOTHING = dict.fromkeys(
    ("rotation", "scale", "aspect", "shift", "flip", "brightness", "contrast", "blur", "noise", "erase"), 0.0
)
FACES = torch.randint(0, 256, (6, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def changed(**settings):
    return augment(FACES, 48, AugmentRecipe(**{**NOTHING, **settings}), torch.Generator().manual_seed(1))


def test_without_changes_a_face_stays_as_it_is():
    assert torch.allclose(changed(), FACES.float() / 255, atol=1e-4)


@pytest.mark.parametrize(
    "setting",
    [{"gamma": 0.3}, {"shade": 0.4}, {"coarse": 1.0}, {"sharpen": 1.0}, {"aspect": 0.1}, {"rotation": 10.0}],
)
def test_each_setting_changes_faces_and_keeps_their_range(setting):
    faces = changed(**setting)
    assert not torch.allclose(faces, FACES.float() / 255, atol=1e-2)
    assert faces.min() >= 0
    assert faces.max() <= 1


def test_light_from_one_side_leaves_the_middle():
    flat = torch.full((1, 1, 48, 48), 100, dtype=torch.uint8)
    shaded = augment(flat, 48, AugmentRecipe(**NOTHING, shade=0.5), torch.Generator().manual_seed(0))
    assert shaded[0, 0, 23:25, 23:25].mean() == pytest.approx(100 / 255, abs=0.01)
    assert abs(shaded[0, 0, :, 0].mean() - shaded[0, 0, :, -1].mean()) > 0.02


def test_a_covered_unit_is_told_and_covered():
    recipe = AugmentRecipe(**NOTHING, hide=1.0)
    faces = FACES.float() / 255
    covered, hidden = hide_regions(faces.clone(), CODED_AUS, recipe, torch.Generator().manual_seed(3))
    assert hidden.any(dim=1).all()
    assert not hidden.all(dim=1).any()
    assert ((covered != faces).flatten(1).float().mean(dim=1) > 0.02).all()


def test_what_cannot_be_seen_is_absent_and_what_is_unknown_stays_unknown():
    units = dict.fromkeys(CODED_AUS, 3.0)
    coded = [LabelledFace(f"c{i}", np.full((48, 48), 90, np.uint8), "x", "train", action_units=units) for i in range(4)]
    bare = LabelledFace("bare", np.full((48, 48), 90, np.uint8), "x", "train")
    bank = fill([*coded, bare], 48, False, ["ferplus"], CODED_AUS)
    _, processor = tiny()
    recipe = AugmentRecipe(**NOTHING, hide=1.0)
    faces = FaceInput(bank, processor, recipe, 0)
    _, hidden = faces.look(range(5))
    batch = FaceCollator(faces)(range(5))
    assert (batch["au_presence"][:4] == (~hidden[:4]).float()).all()
    assert (batch["au_targets"][:4] == 3.0 * (~hidden[:4]).float()).all()
    assert torch.isnan(batch["au_presence"][4]).all()
    assert not torch.isnan(bank.au_presence[:4]).any(), "the bank itself is not changed"


def test_mixing_mixes_pixels_and_labels_alike():
    batch = {
        "pixel_values": torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2).clone(),
        "emotion_targets": {"ferplus": torch.eye(8)[[0, 1, 2, 3]]},
        "au_targets": torch.full((4, 2), 3.0),
        "au_presence": torch.tensor([[1.0, float("nan")], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]),
    }
    batch["emotion_targets"]["ferplus"][3] = 0
    out = mix(batch, 0.4, torch.Generator().manual_seed(0))
    share = 1 - out["pixel_values"][0, 0, 0, 0]  # of face 0, mixed with face 1
    assert 0.5 <= share < 1
    assert torch.allclose(out["emotion_targets"]["ferplus"][0, :2], torch.tensor([share, 1 - share]), atol=1e-6)
    assert out["au_presence"][0, 0] == pytest.approx(float(share), abs=1e-6)
    assert torch.isnan(out["au_presence"][0, 1]), "known of one alone"
    assert torch.isnan(out["au_targets"][0]).all()
    assert out["emotion_targets"]["ferplus"][2].sum() == 0, "its partner has no label"
    for row in (1, 3):
        assert torch.equal(out["pixel_values"][row], batch["pixel_values"][row])
        assert torch.equal(out["au_targets"][row], batch["au_targets"][row])
