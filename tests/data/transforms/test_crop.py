"""Random crops."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.data.transforms.peers import albumentations, each, keyed, kornia, picture
from weft.data import Random, RandomCrop, RandomResizedCrop
from weft.data.transforms import geometry
from weft.data.transforms.crop import rectangle, rectangles


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_every_result_is_a_window_of_the_padded_picture(mode):
    """Brute force: RandomCrop against slicing at all 25 offsets, each of which occurs."""
    x = torch.rand(400, 2, 5, 6)
    out = RandomCrop(padding=2, mode=mode)({"input": x}, Random(0, 0, torch.arange(400)))["input"]
    padded = F.pad(x, (2, 2, 2, 2), mode=mode)
    seen = set()
    for i in range(400):
        fits = [(r, c) for r in range(5) for c in range(5) if torch.equal(out[i], padded[i, :, r : r + 5, c : c + 6])]
        assert len(fits) == 1
        seen.update(fits)
    assert len(seen) == 25


def test_another_size_is_cut_everywhere_and_what_does_not_fit_raises_or_is_padded():
    """Brute force: RandomCrop to 3 x 4 of 5 x 9 against slicing at all 18 offsets; a larger crop names both sizes."""
    x = torch.rand(300, 1, 5, 9)
    out = RandomCrop(padding=0, size=(3, 4))({"input": x}, keyed(300))["input"]
    windows = x.unfold(2, 3, 1).unfold(3, 4, 1)
    fits = (windows[:, 0] == out[:, :, None]).flatten(3).all(3)  # out (300, 1, 3, 4) beside windows (300, 3, 6, 3, 4)
    assert fits.flatten(1).sum(1).eq(1).all() and fits.any(0).all()
    with pytest.raises(ValueError, match="8 x 8 does not fit into a picture of 5 x 9"):
        RandomCrop(padding=0, size=8)({"input": x}, keyed(300))
    padded = RandomCrop(padding=0, size=8, pad=True, fill=2.0)({"input": x}, keyed(300))["input"]
    assert padded.shape[-2:] == (8, 8) and (padded == 2).sum() == 300 * 3 * 8


def test_fill_and_shared_offsets():
    x = torch.ones(30, 1, 4, 4)
    out = RandomCrop(padding=1, fill=-3.0, keys=("input", "target"))({"input": x, "target": x * 2}, Random(0, 0, torch.arange(30)))
    assert set(out["input"].unique().tolist()) == {-3.0, 1.0}
    assert torch.equal(out["input"] == 1, out["target"] == 2)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="at least 1 pixel"):
        RandomCrop(padding=0)
    with pytest.raises(ValueError, match="'constant' or 'reflect'"):
        RandomCrop(mode="wrap")
    for wrong in ({"scale": (0.0, 1.0)}, {"scale": (0.5, 0.2)}, {"ratio": (2.0, 1.0)}):
        with pytest.raises(ValueError, match="the lower first"):
            RandomResizedCrop(8, **wrong)


def test_rectangles_keep_area_and_proportions():
    """Property: rectangles of RandomResizedCrop lie inside, with the stated area and ratio up to rounding, spread over both ranges."""
    corner, extent = rectangles(keyed(2000), (250, 240), (0.2, 0.6), (0.5, 2.0))
    assert (corner >= 0).all() and (corner + extent <= torch.tensor([250.0, 240.0])).all()
    assert torch.equal(extent, extent.round()) and torch.equal(corner, corner.round())
    area, ratio = extent.prod(1) / 60000, extent[:, 1] / extent[:, 0]
    assert area.min() > 0.195 and area.max() < 0.605 and abs(area.mean() - 0.4) < 0.01
    assert ratio.min() > 0.49 and ratio.max() < 2.03 and abs(ratio.log().mean()) < 0.1
    left = corner[:, 1] / (240 - extent[:, 1]).clamp(min=1)
    assert abs(left.mean() - 0.5) < 0.02 and left.min() < 0.02 and left.max() > 0.98


def test_a_thin_picture_has_rectangles_that_fit():
    """Property: in a picture 400 times as wide as high the ratio gives way and the area stays."""
    corner, extent = rectangles(keyed(50), (2, 800), (0.5, 0.5), (3 / 4, 4 / 3))
    assert (extent[:, 0] == 2).all() and (extent[:, 1] == 400).all() and corner[:, 1].std() > 50


def test_the_batch_is_each_record_cut_and_resized():
    """Brute force: RandomResizedCrop against cutting each rectangle and resizing it alone."""
    x = torch.rand(6, 3, 20, 26)
    corner, extent = rectangles(keyed(6), (20, 26), (0.08, 1.0), (3 / 4, 4 / 3))
    out = RandomResizedCrop((7, 9))({"input": x}, keyed(6))["input"]
    for i in range(6):
        (t, l), (h, w) = corner[i].int().tolist(), extent[i].int().tolist()
        torch.testing.assert_close(out[i : i + 1], geometry.resize(x[i : i + 1, :, t : t + h, l : l + w], (7, 9)), atol=1e-5, rtol=0)


def test_one_rectangle_by_numbers_is_that_of_the_batch():
    """Property: the same place and extent, for pictures of many shapes and for extreme proportions."""
    for size, scale, ratio in (((256, 256), (0.08, 1.0), (3 / 4, 4 / 3)), ((37, 500), (0.3, 0.9), (0.1, 9.0)), ((900, 11), (0.01, 0.02), (2.0, 2.0))):
        random = Random(0, 0, torch.arange(500))
        corners, extents = rectangles(random, size, scale, ratio)
        draws = Random(0, 0, torch.arange(500)).uniform(4).tolist()
        assert [rectangle(draw, size, scale, ratio) for draw in draws] == [
            (tuple(map(int, corner)), tuple(map(int, extent))) for corner, extent in zip(corners.tolist(), extents.tolist(), strict=True)
        ]


def test_windows_are_kornias():
    """Parity: RandomCrop and RandomResizedCrop against kornia's cuts of the same rectangles, the second resized without anti-aliasing, for it only enlarges."""
    transform = kornia().geometry.transform
    x = picture(4, 20, 26)
    zero = torch.zeros(4, 1, 2)
    out = RandomCrop(padding=0, size=(9, 12))({"input": x, "keypoints": zero}, keyed(4))
    left, top = -out["keypoints"][:, 0].T
    corners = torch.stack([left, top, left + 11, top, left + 11, top + 8, left, top + 8], 1).reshape(4, 4, 2)  # the last pixels count
    torch.testing.assert_close(out["input"], transform.crop_and_resize(x, corners, (9, 12)), atol=2e-5, rtol=0)
    corner, extent = rectangles(keyed(4), (20, 26), (0.08, 1.0), (3 / 4, 4 / 3))
    resized = RandomResizedCrop((24, 30))({"input": x}, keyed(4))["input"]
    for i, ((row, column), (height, width)) in enumerate(zip(corner.int().tolist(), extent.int().tolist(), strict=True)):
        part = x[i : i + 1, :, row : row + height, column : column + width]
        torch.testing.assert_close(resized[i : i + 1], transform.resize(part, (24, 30)), atol=1e-5, rtol=0)


def test_windows_and_what_is_in_them_are_albumentationss():
    """Parity: RandomResizedCrop's picture, boxes and points against Albumentations' Crop and Resize of the same rectangle, to 1e-4."""
    A = albumentations()
    x = picture(4, 20, 26)
    boxes, points = torch.tensor([[[5.0, 4.0, 15.0, 13.0]]]).expand(4, 1, 4), torch.tensor([[[11.0, 9.5]]]).expand(4, 1, 2)
    corner, extent = rectangles(keyed(4), (20, 26), (0.5, 1.0), (3 / 4, 4 / 3))
    out = RandomResizedCrop((24, 30), scale=(0.5, 1.0))({"input": x, "boxes": boxes, "keypoints": points}, keyed(4))
    for i, ((row, column), (height, width)) in enumerate(zip(corner.int().tolist(), extent.int().tolist(), strict=True)):
        steps = [A.Crop(column, row, column + width, row + height, p=1), A.Resize(24, 30, p=1)]
        theirs = A.Compose(steps, bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]), keypoint_params=A.KeypointParams("xy", remove_invisible=False))
        # key points count from the edge here: neither a cut nor its Resize has half pixels
        made = theirs(image=x[i].movedim(0, -1).contiguous().numpy(), bboxes=boxes[i].numpy(), labels=[0], keypoints=points[i].numpy())
        torch.testing.assert_close(out["input"][i], torch.from_numpy(made["image"].copy()).movedim(-1, 0), atol=1e-4, rtol=0)
        torch.testing.assert_close(out["boxes"][i], torch.from_numpy(made["bboxes"]).float(), atol=1e-4, rtol=0)
        torch.testing.assert_close(out["keypoints"][i], torch.from_numpy(made["keypoints"]).float(), atol=1e-4, rtol=0)
    window = RandomCrop(padding=3, fill=0.0)({"input": x, "keypoints": torch.zeros(4, 1, 2)}, keyed(4))
    for i, (left, top) in enumerate((3 - window["keypoints"][:, 0]).int().tolist()):
        steps = A.Compose([A.Pad(3, p=1), A.Crop(left, top, left + 26, top + 20, p=1)])
        assert torch.equal(window["input"][i], each(x[i : i + 1], lambda image, steps=steps: steps(image=image)["image"])[0])
