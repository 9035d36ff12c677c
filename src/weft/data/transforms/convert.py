"""Pictures between Pillow, NumPy and torch, between ranges, orders of axes and of colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from weft.data.image_file import read_image


def to_tensor(image: Any) -> Tensor:
    """A picture as (C, H, W): Pillow images and arrays (H, W) or (H, W, C) of uint8 become float32 in [0, 1]; a tensor comes back as it is.

    Arrays of floating point keep their numbers. Raises TypeError for anything else, ValueError for other shapes.

    >>> to_tensor(np.full((2, 3, 3), 255, np.uint8)).shape, to_tensor(torch.ones(1)).item()
    (torch.Size([3, 2, 3]), 1.0)
    """
    if isinstance(image, Tensor):
        return image
    if isinstance(image, Image.Image):
        image = np.asarray(image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB"))
    if not isinstance(image, np.ndarray):
        raise TypeError(f"A picture came as {type(image).__name__}; expected a Pillow image, an array or a tensor")
    if image.ndim not in (2, 3):
        raise ValueError(f"An array of shape {image.shape} is no picture; expected (H, W) or (H, W, C)")
    x = torch.from_numpy(np.array(image[..., None] if image.ndim == 2 else image)).movedim(-1, 0).contiguous()
    return x.float() / 255 if x.dtype == torch.uint8 else x


def to_image(x: Tensor) -> Image.Image:
    """A tensor (C, H, W) or (H, W), float in [0, 1] or uint8, as a Pillow image; values outside are clipped.

    >>> to_image(torch.tensor([[[0.0, 1.0]]])).getpixel((1, 0))
    255
    """
    array = to_bytes(x.detach().cpu())
    return read_image(array, channels=1 if array.ndim == 2 or len(array) == 1 else 3)


def to_bytes(x: Tensor) -> Tensor:
    """Floats in [0, 1] as uint8 from 0 to 255, rounded; uint8 as it is. The round trip with ``to_float`` is exact.

    >>> to_bytes(torch.tensor([0.0, 0.5, 1.0])).tolist()
    [0, 128, 255]
    """
    return x if x.dtype == torch.uint8 else (x.clamp(0, 1) * 255).round().to(torch.uint8)


def to_float(x: Tensor) -> Tensor:
    """Levels of whole-number types as float32 in [0, 1] (uint8 by 255, int16 by 32767); floats as they are.

    >>> to_float(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
    [0.0, 1.0]
    """
    return x if x.is_floating_point() else x.float() / torch.iinfo(x.dtype).max


def swap_colours(x: Tensor) -> Tensor:
    """Red, green, blue (..., 3, H, W) as blue, green, red, the order of OpenCV, or back.

    >>> swap_colours(torch.tensor([1.0, 2.0, 3.0])[:, None, None])[:, 0, 0].tolist()
    [3.0, 2.0, 1.0]
    """
    if x.ndim < 3 or x.shape[-3] != 3:
        raise ValueError(f"A picture of shape {tuple(x.shape)} has no three colours third from the end")
    return x.flip(-3)


YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def rgb_to_ycc(x: Float[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """Lightness and two colour differences around 1/2, as JPEG writes them (ITU-T T.871); x in [0, 1].

    >>> rgb_to_ycc(torch.ones(3, 1, 1)).flatten().round(decimals=4).tolist()
    [1.0, 0.5, 0.5]
    """
    matrix = torch.tensor(YCC, dtype=x.dtype, device=x.device)
    half = torch.tensor([0.0, 0.5, 0.5], dtype=x.dtype, device=x.device)
    return (x.movedim(-3, -1) @ matrix.T + half).movedim(-1, -3)


def ycc_to_rgb(x: Float[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """Back from lightness and colour differences.

    >>> x = torch.rand(3, 2, 2)
    >>> torch.allclose(ycc_to_rgb(rgb_to_ycc(x)), x, atol=1e-5)
    True
    """
    matrix = torch.linalg.inv(torch.tensor(YCC, dtype=torch.float64)).to(x.dtype).to(x.device)
    half = torch.tensor([0.0, 0.5, 0.5], dtype=x.dtype, device=x.device)
    return ((x.movedim(-3, -1) - half) @ matrix.T).movedim(-1, -3)
