"""Sheets of pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.transforms.peers import keyed, picture
from weft.data import Noise, RandomFlip, contact_sheet, view_transforms
from weft.data.transforms.sheet import CAPTION, draw_boxes


def test_pictures_stand_in_their_row():
    """Closed form: each picture's pixels are in the sheet at its place, and no more of them than the limit."""
    x, y = picture(5, 10, 12, dtype=torch.uint8), picture(2, 8, 6, 1)
    sheet = np.asarray(contact_sheet({"one": x, "other": y}, limit=3, gap=2))
    assert sheet.shape == (2 + 10 + 2 + CAPTION + 8 + 2 + CAPTION, 3 * 14 + 2, 3)
    for i in range(3):
        assert np.array_equal(sheet[2 + CAPTION : 12 + CAPTION, 2 + 14 * i : 14 + 14 * i], x[i].movedim(0, -1).numpy())
    with pytest.raises(ValueError, match="no rows"):
        contact_sheet({})


def test_stages_are_written_and_repeat(tmp_path):
    """Property: the file has a row for each stage and is the same for the same key."""
    batch = {"input": picture(3, 16, 16), "boxes": torch.tensor([[[2.0, 3.0, 9.0, 12.0]]]).expand(3, 1, 4)}
    files = [view_transforms([RandomFlip(1.0), Noise(0.1)], batch, tmp_path / f"{name}.png", random=keyed(3)) for name in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert Image.open(files[0]).size == (3 * 18 + 2, 3 * (18 + CAPTION) + 2)


def test_boxes_are_outlined():
    drawn = draw_boxes(torch.zeros(1, 3, 8, 8), torch.tensor([[[1.0, 2.0, 6.0, 7.0], [0.0, 0.0, 8.0, 8.0]]]), torch.tensor([[True, False]]))
    red = drawn[0, 0] == 1
    assert red.sum() == 16 and red[2, 1:6].all() and red[6, 1:6].all() and not red[4, 3] and drawn[0, 1:].sum() == 0
