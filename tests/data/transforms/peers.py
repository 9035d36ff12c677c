"""Other libraries as references, where they are installed; each parity with them stands beside one with Pillow, SciPy or a closed form."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from tests.references import reference
from weft.data import Random


def torchvision():
    """The functions of torchvision's transforms v2."""
    return reference("torchvision.transforms.v2.functional")


def kornia():
    """Kornia, which counts places from the middle of the first pixel: half a pixel less than weft, which counts from its edge."""
    return pytest.importorskip("kornia")


def albumentations():
    """Albumentations, pictures (H, W, C) of NumPy, which computes with OpenCV; key points are counted from the middle of the first pixel, boxes from its edge."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the network for a newer version
    return pytest.importorskip("albumentations")


def each(x: torch.Tensor, function) -> torch.Tensor:
    """A function of pictures (H, W, C) of NumPy applied to every one of (B, C, H, W)."""
    return torch.stack([torch.from_numpy(np.array(function(np.ascontiguousarray(one.movedim(0, -1).numpy())), ndmin=3)).movedim(-1, 0) for one in x])


def keyed(count: int, seed: int = 0, epoch: int = 0) -> Random:
    """The randomness of a batch of ``count`` records."""
    return Random(seed, epoch, torch.arange(count))


def picture(count: int, height: int, width: int, channels: int = 3, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Smooth random pictures in [0, 1], or of 0 to 255."""
    generator = torch.Generator().manual_seed(height * width)
    coarse = torch.rand(count, channels, 5, 5, generator=generator)
    x = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return (x * 255).round().to(torch.uint8) if dtype == torch.uint8 else x.to(dtype)
