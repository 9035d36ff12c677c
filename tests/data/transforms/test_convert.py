"""Pictures between libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from weft.data.transforms import convert


def test_round_trips_are_exact_for_bytes():
    """Property: array -> tensor -> Pillow -> tensor -> bytes gives every one of 256 levels back, in colour and in grey."""
    colour = np.arange(256 * 3, dtype=np.int64).reshape(16, 16, 3).astype(np.uint8)
    for array in (colour, colour[..., 0]):
        x = convert.to_tensor(array)
        assert x.dtype == torch.float32 and x.max() == 1 and x.shape == ((3, 16, 16) if array.ndim == 3 else (1, 16, 16))
        again = np.asarray(convert.to_image(convert.to_tensor(convert.to_image(x))))
        assert np.array_equal(again, array)
    levels = torch.arange(256).to(torch.uint8)
    assert torch.equal(convert.to_bytes(convert.to_float(levels)), levels)


def test_a_tensor_comes_back_as_it_is():
    """Property: conversion of what is converted changes nothing."""
    x = torch.rand(3, 4, 5) * 7
    assert convert.to_tensor(x) is x and convert.to_float(x) is x
    b = torch.zeros(3, 2, 2, dtype=torch.uint8)
    assert convert.to_bytes(b) is b and convert.to_float(torch.tensor([32767], dtype=torch.int16)).item() == 1


def test_colours_as_opencv_and_as_jpeg_order_them():
    """Parity: lightness and colour differences against Pillow's YCbCr, to a level; BGR twice is RGB."""
    array = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    x = convert.to_tensor(array)
    theirs = torch.from_numpy(np.array(Image.fromarray(array).convert("YCbCr"))).movedim(-1, 0)
    assert (convert.to_bytes(convert.rgb_to_ycc(x)).int() - theirs.int()).abs().max() <= 1
    torch.testing.assert_close(convert.ycc_to_rgb(convert.rgb_to_ycc(x)), x, atol=1e-5, rtol=0)
    assert torch.equal(convert.swap_colours(convert.swap_colours(x)), x)
    assert torch.equal(convert.swap_colours(x), convert.to_tensor(array[..., ::-1]))


def test_what_is_no_picture_is_named():
    with pytest.raises(TypeError, match="came as list"):
        convert.to_tensor([1, 2])
    with pytest.raises(ValueError, match=r"\(4,\) is no picture"):
        convert.to_tensor(np.zeros(4))
    with pytest.raises(ValueError, match="no three colours"):
        convert.swap_colours(torch.zeros(4, 2, 2))
