"""Random changes of whole batches of faces: the geometry a detector's box jitters by, light, blur, noise, erasing."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from feallm.train.recipe import AugmentRecipe


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=generator)


def warp(faces: Tensor, size: int, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """[B, C, s, s] in 0..1 -> [B, C, size, size], turned, scaled, shifted and mirrored at random."""
    count = faces.shape[0]
    angle = _uniform(count, -recipe.rotation, recipe.rotation, generator) * math.pi / 180
    scale = 1 + _uniform(count, -recipe.scale, recipe.scale, generator)
    mirror = torch.where(torch.rand(count, generator=generator) < recipe.flip, -1.0, 1.0)
    shift = [_uniform(count, -2 * recipe.shift, 2 * recipe.shift, generator) for _ in range(2)]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [torch.stack([cos * mirror, -sin, shift[0]], 1), torch.stack([sin * mirror, cos, shift[1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), [count, faces.shape[1], size, size], align_corners=False)
    return F.grid_sample(faces, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)


def change_light(faces: Tensor, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """Contrast around the face's mean, then brightness, one value a face."""
    count = faces.shape[0]
    gain = (1 + _uniform(count, -recipe.contrast, recipe.contrast, generator)).view(-1, 1, 1, 1)
    offset = _uniform(count, -recipe.brightness, recipe.brightness, generator).view(-1, 1, 1, 1)
    mean = faces.mean(dim=(1, 2, 3), keepdim=True)
    return ((faces - mean) * gain + mean + offset).clamp(0, 1)


def degrade(faces: Tensor, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """Blur some faces (3 x 3 mean), add noise, and erase a rectangle of some."""
    count, _, size, _ = faces.shape
    blurred = F.avg_pool2d(F.pad(faces, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    chosen = (torch.rand(count, generator=generator) < recipe.blur).view(-1, 1, 1, 1)
    faces = torch.where(chosen, blurred, faces)
    strength = recipe.noise * torch.rand(count, generator=generator).view(-1, 1, 1, 1)
    faces = faces + strength * torch.randn(faces.shape, generator=generator)
    for index in torch.nonzero(torch.rand(count, generator=generator) < recipe.erase).flatten().tolist():
        height, width = (torch.randint(size // 10, size // 3, (2,), generator=generator)).tolist()
        top, left = (int(torch.randint(0, size - side, (1,), generator=generator)) for side in (height, width))
        faces[index, :, top : top + height, left : left + width] = torch.rand(1, generator=generator)
    return faces.clamp(0, 1)


def augment(faces: Tensor, size: int, recipe: AugmentRecipe, generator: torch.Generator) -> Tensor:
    """uint8 [B, C, s, s] -> float [B, C, size, size] in 0..1, changed at random."""
    warped = warp(faces.float() / 255, size, recipe, generator)
    return degrade(change_light(warped, recipe, generator), recipe, generator)
