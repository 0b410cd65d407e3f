"""Random changes of whole batches of faces: the geometry a detector's box jitters by, light, blur, noise, erasing."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from feallm.faces.regions import AU_REGIONS, Box
from feallm.train.recipe import AugmentRecipe


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=generator)


def warp(faces: Tensor, size: int, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """[B, C, s, s] in 0..1 -> [B, C, size, size], turned, scaled, shifted and mirrored at random."""
    count = faces.shape[0]
    angle = _uniform(count, -recipe.rotation, recipe.rotation, generator) * math.pi / 180
    scale = 1 + _uniform(count, -recipe.scale, recipe.scale, generator)
    narrow = 1 + _uniform(count, -recipe.aspect, recipe.aspect, generator)
    mirror = torch.where(torch.rand(count, generator=generator) < recipe.flip, -1.0, 1.0)
    shift = [_uniform(count, -2 * recipe.shift, 2 * recipe.shift, generator) for _ in range(2)]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cos * narrow * mirror, -sin, shift[0]], 1),
        torch.stack([sin * narrow * mirror, cos, shift[1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [count, faces.shape[1], size, size], align_corners=False)
    return F.grid_sample(faces, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)


def coarsen(faces: Tensor, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """Some faces through a smaller size, the same for all of a batch: what a far or small face looks like."""
    chosen = torch.rand(len(faces), generator=generator) < recipe.coarse
    if not bool(chosen.any()):
        return faces
    side = faces.shape[-1]
    smaller = int(torch.randint(side // 2, side, (1,), generator=generator))
    few = F.interpolate(faces[chosen], (smaller, smaller), mode="area")
    faces[chosen] = F.interpolate(few, (side, side), mode="bilinear", align_corners=False)
    return faces


def change_light(faces: Tensor, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """Contrast around the face's mean, brightness, gamma, and light from one side; one value of each a face."""
    count = faces.shape[0]
    gain = (1 + _uniform(count, -recipe.contrast, recipe.contrast, generator)).view(-1, 1, 1, 1)
    offset = _uniform(count, -recipe.brightness, recipe.brightness, generator).view(-1, 1, 1, 1)
    mean = faces.mean(dim=(1, 2, 3), keepdim=True)
    faces = ((faces - mean) * gain + mean + offset).clamp(0, 1)
    if recipe.gamma:
        bound = -math.log1p(-recipe.gamma)
        faces = faces.clamp(min=1e-3) ** _uniform(count, -bound, bound, generator).exp().view(-1, 1, 1, 1)
    if recipe.shade:
        across = torch.linspace(-1, 1, faces.shape[-1])
        tilt = [_uniform(count, -recipe.shade, recipe.shade, generator).view(-1, 1, 1, 1) for _ in range(2)]
        faces = faces * (1 + (tilt[0] * across + tilt[1] * across.view(-1, 1)) / 2)
    return faces.clamp(0, 1)


def degrade(faces: Tensor, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """Blur some faces (3 x 3 mean), sharpen others by as much, add noise, and erase a rectangle of some."""
    count, _, size, _ = faces.shape
    blurred = F.avg_pool2d(F.pad(faces, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    chance = torch.rand(count, generator=generator).view(-1, 1, 1, 1)
    sharpened = 2 * faces - blurred if recipe.sharpen else faces
    faces = torch.where(chance < recipe.blur, blurred, torch.where(chance > 1 - recipe.sharpen, sharpened, faces))
    strength = recipe.noise * torch.rand(count, generator=generator).view(-1, 1, 1, 1)
    faces = faces + strength * torch.randn(faces.shape, generator=generator)
    for index in torch.nonzero(torch.rand(count, generator=generator) < recipe.erase).flatten().tolist():
        height, width = (
            int(torch.randint(size // 10, most, (1,), generator=generator)) for most in (size // 3, size // 2)
        )
        top, left = (int(torch.randint(0, size - side, (1,), generator=generator)) for side in (height, width))
        faces[index, :, top : top + height, left : left + width] = torch.rand(1, generator=generator)
    return faces.clamp(0, 1)


def hide_regions(
    faces: Tensor, units: Sequence[str], recipe: AugmentRecipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Cover the place of one action unit in some faces; returns them and which `units` cannot be seen any more [B, A].

    A unit is hidden when more than half of its place is covered: what is not seen is not to be claimed.
    """
    count, _, size, _ = faces.shape
    covers = {name: _cover(boxes, size) for name, boxes in AU_REGIONS.items()}
    places = [covers[unit] if unit in covers else torch.zeros(size, size) for unit in units]
    names = sorted(AU_REGIONS)
    hidden = torch.zeros(count, len(units), dtype=torch.bool)
    for index in torch.nonzero(torch.rand(count, generator=generator) < recipe.hide).flatten().tolist():
        cover = covers[names[int(torch.randint(len(names), (1,), generator=generator))]]
        shade = faces[index].mean() if torch.rand(1, generator=generator) < 0.5 else torch.rand(1, generator=generator)
        faces[index] = torch.where(cover.bool(), shade, faces[index])
        hidden[index] = torch.tensor([bool((place * cover).sum() > place.sum() / 2) for place in places])
    return faces, hidden


def _cover(boxes: Sequence[Box], size: int) -> Tensor:
    """[size, size]: one inside the boxes."""
    cover = torch.zeros(size, size)
    for left, top, right, bottom in boxes:
        cover[round(top * size) : round(bottom * size), round(left * size) : round(right * size)] = 1.0
    return cover


def augment(faces: Tensor, size: int, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """uint8 [B, C, s, s] -> float [B, C, size, size] in 0..1, changed at random."""
    warped = warp(coarsen(faces.float() / 255, recipe, generator), size, recipe, generator)
    return degrade(change_light(warped, recipe, generator), recipe, generator)
