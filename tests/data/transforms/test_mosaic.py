"""Four pictures in one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.data.transforms.peers import keyed
from weft.data import Mosaic


def test_quarters_are_of_one_record_each_and_targets_go_by_area():
    """Closed form: Mosaic of pictures of one colour each has four uniform quarters around a centre, and its target is the mean colour."""
    classes = torch.arange(8)
    x = F.one_hot(classes, 8).float()[:, :, None, None].expand(8, 8, 20, 30).clone()
    out = Mosaic(num_classes=8)({"input": x, "target": classes, "mask": torch.ones(8, dtype=torch.bool)}, keyed(8))
    torch.testing.assert_close(out["target"], out["input"].mean((2, 3)), atol=1e-5, rtol=0)
    assert out["mask"].all() and (out["target"].amax(1) < 1).any()
    for i in range(8):
        picture = out["input"][i]
        assert (picture.sum(0) - 1).abs().max() < 1e-5 and ((picture - 0.5).abs() > 0.49).all()
        assert picture[:, 0, 0].argmax() == i, "the first quarter is the record itself"
        rows = sum(((picture[:, 1:, c] - picture[:, :-1, c]).abs() > 0.5).any(0) for c in (0, -1))
        assert (rows > 0).sum() <= 1, "at most one edge between upper and lower quarters"


def test_boxes_masks_and_points_are_where_their_things_are():
    """Property: every kept box of a mosaic encloses its mask, lies in its quarter, and has the brightness of its thing under it."""
    count, size = 6, 40
    x, masks, boxes = torch.zeros(count, 1, size, size), torch.zeros(count, 1, size, size, dtype=torch.bool), []
    for i in range(count):
        top, left = 4 + 3 * i, 18 - 2 * i
        masks[i, 0, top : top + 14, left : left + 18] = True
        x[i, 0][masks[i, 0]] = (i + 1) / count
        boxes.append([[left, top, left + 18, top + 14]])
    boxes = torch.tensor(boxes).float()
    batch = {"input": x, "masks": masks, "boxes": boxes, "labels": torch.arange(count)[:, None], "keypoints": ((boxes[..., :2] + boxes[..., 2:]) / 2)}
    out = Mosaic()(batch, keyed(count))
    assert out["boxes"].shape == (count, 4, 4) and out["labels"].shape == (count, 4) and out["masks"].shape == (count, 4, size, size)
    assert out["boxes_mask"].float().mean() > 0.6
    for i in range(count):
        for n in range(4):
            mask, value = out["masks"][i, n], (int(out["labels"][i, n]) + 1) / count
            if not out["boxes_mask"][i, n]:
                assert mask.sum() <= 4
                continue
            rows, columns = mask.nonzero().unbind(1)
            if len(rows) < 12:
                continue
            x1, y1, x2, y2 = out["boxes"][i, n].tolist()
            assert x1 - 1 <= columns.min() and columns.max() + 1 <= x2 + 1 and y1 - 1 <= rows.min() and rows.max() + 1 <= y2 + 1
            apart = (out["input"][i, 0][mask] - value).abs()
            assert apart.median() < (0.02 if len(rows) > 60 else 0.1)  # the rim of a small thing is blended
            if out["keypoints_mask"][i, n]:
                px, py = out["keypoints"][i, n].tolist()
                assert x1 - 0.01 <= px <= x2 + 0.01 and y1 - 0.01 <= py <= y2 + 0.01


def test_impossible_centres_are_refused():
    with pytest.raises(ValueError, match="the lower first"):
        Mosaic(centre=(0.8, 0.2))
    with pytest.raises(ValueError, match="pass num_classes="):
        Mosaic()({"input": torch.zeros(2, 1, 4, 4), "target": torch.tensor([0, 1])}, keyed(2))


def test_corners_meet_at_the_centre():
    """Closed form: the lower right quarter begins with the upper left corner of its picture, and the upper left one ends with the lower right corner."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    ramp = ((rows + columns) / 62).expand(6, 1, 32, 32)  # 0 at the upper left, 1 at the lower right
    out = Mosaic(centre=(0.5, 0.5))({"input": ramp}, keyed(6))["input"][:, 0]
    assert (out[:, 16, 16] < 0.05).all() and (out[:, 15, 15] > 0.95).all() and (out[:, 31, 31] > 0.95).all() and (out[:, 0, 0] < 0.05).all()
