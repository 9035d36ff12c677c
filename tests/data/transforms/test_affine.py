"""Random affine maps."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import albumentations, keyed, kornia, picture
from weft.data import Random, RandomAffine, RandomElastic, RandomPerspective
from weft.data.transforms import geometry


class Fixed(Random):
    """Every draw is the same number."""

    def __init__(self, value, count):
        super().__init__(0, 0, torch.arange(count))
        self.value = value

    def uniform(self, *shape):
        return torch.tensor(self.value).expand(len(self.key), *shape)


def test_a_quarter_turn_and_a_shift_by_whole_pixels():
    """RandomAffine, closed form: 90 degrees is torch.rot90, also in a picture that is not square; a shift of two pixels of eight moves by two."""
    x = torch.rand(3, 2, 8, 8)
    turned = RandomAffine(degrees=90, scale=0, shear=0, shift=0)({"input": x}, Fixed(1.0, 3))["input"]
    assert any(torch.allclose(turned, torch.rot90(x, k, (2, 3)), atol=1e-5) for k in (1, 3))
    wide = torch.zeros(1, 1, 5, 9)
    wide[0, 0, 2, 4:7] = 1.0  # three pixels to the right of the centre become three above or below
    upright = RandomAffine(degrees=90, scale=0, shear=0, shift=0)({"input": wide}, Fixed(1.0, 1))["input"]
    column = upright[0, 0, :, 4]
    assert torch.allclose(column, torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0]), atol=1e-5) or torch.allclose(column, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]), atol=1e-5)
    moved = RandomAffine(degrees=0, scale=0, shear=0, shift=0.25)({"input": x}, Fixed(1.0, 3))["input"]
    torch.testing.assert_close(moved[:, :, :-2, :-2], x[:, :, 2:, 2:], rtol=1e-4, atol=1e-5)
    assert moved[:, :, -2:].abs().max() < 1e-5


def test_records_move_differently_and_keys_together():
    """RandomAffine, property: keyed by the record, so a batch's order and company do not matter; picture and mask move alike."""
    x = torch.rand(1, 1, 8, 8).expand(6, 1, 8, 8)
    transform = RandomAffine(keys=("input", "target"))
    out = transform({"input": x, "target": 2 * x}, Random(0, 0, torch.arange(6)))
    assert len({float(picture.sum()) for picture in out["input"]}) == 6
    torch.testing.assert_close(out["target"], 2 * out["input"])
    alone = transform({"input": x[:1], "target": x[:1]}, Random(0, 0, torch.tensor([4])))
    torch.testing.assert_close(alone["input"][0], out["input"][4])
    assert len(transform({"input": x[:0]}, Random(0, 0, torch.arange(0)))["input"]) == 0


def test_impossible_ranges_are_refused():
    with pytest.raises(ValueError, match="scale below 1"):
        RandomAffine(scale=1.0)
    with pytest.raises(ValueError, match="distortion below 1"):
        RandomPerspective(distortion=1.0)
    with pytest.raises(ValueError, match="at least one pixel"):
        RandomElastic(smooth=0)


def test_outside_is_the_fill_without_a_dark_rim():
    """Closed form: a white picture turned in a white surrounding stays white; the border is not blended with black."""
    out = RandomAffine(degrees=40, fill=1.0)({"input": torch.ones(8, 3, 16, 16)}, keyed(8))["input"]
    torch.testing.assert_close(out, torch.ones_like(out))


def test_perspective_moves_corners_inwards_at_its_rate():
    """Property: RandomPerspective leaves about half of the records as they are; the others hold what the map of their four corners says."""
    x = picture(400, 12, 16, 1) + 1
    out = RandomPerspective(0.5, probability=0.5)({"input": x}, keyed(400))["input"]
    same = (out - x).abs().flatten(1).amax(1) < 1e-4
    assert abs(same.float().mean() - 0.5) < 0.08
    assert (out[~same].flatten(1).amin(1) < 1).all(), "what lies outside is the fill"
    middle = out[~same][:, 0, 5:7, 7:9]
    assert middle.min() > 0.9, "the centre stays covered"


def test_elastic_moves_no_farther_than_alpha():
    """Property: RandomElastic reads a ramp at most alpha pixels away, differently from place to place, and by nothing for alpha 0."""
    ramp = torch.arange(32.0).expand(4, 1, 32, 32)
    moved = RandomElastic(alpha=3.0)({"input": ramp}, keyed(4))["input"]
    inner = (moved - ramp)[..., 4:-4, 4:-4]
    assert inner.abs().max() <= 3.001 and inner.abs().max() > 1 and inner.flatten(1).std(1).min() > 0.3
    torch.testing.assert_close(RandomElastic(alpha=0.0)({"input": ramp}, keyed(4))["input"], ramp, atol=1e-4, rtol=0)


def test_the_draw_is_the_pure_map():
    """Closed form: RandomAffine with a turn alone is the warp by affine_map of that turn, which runs the other way."""
    x = picture(2, 14, 20)
    ours = RandomAffine(degrees=30, scale=0, shear=0, shift=0)({"input": x}, Fixed(0.75, 2))["input"]
    pure = geometry.warp(x, geometry.affine_map(torch.tensor([-15.0] * 2), torch.zeros(2, 2), torch.ones(2), torch.zeros(2, 2), (10, 7)))
    torch.testing.assert_close(ours, pure, atol=1e-4, rtol=0)


def bent(x):
    """A batch bent by RandomElastic, and the field (B, 2, H, W) by which it was: what the middles of all pixels moved."""
    count, _, height, width = x.shape
    places = torch.stack(torch.meshgrid(torch.arange(width) + 0.5, torch.arange(height) + 0.5, indexing="xy"), -1).reshape(1, -1, 2).expand(count, -1, 2)
    out = RandomElastic(alpha=3.0)({"input": x, "keypoints": places}, keyed(count))
    return out["input"], (places - out["keypoints"]).reshape(count, height, width, 2).movedim(-1, 1)


def test_bending_by_a_field_is_kornias():
    """Parity: RandomElastic against kornia's elastic_transform2d for the field that it drew (Kornia blurs noise for one, ours is interpolated), to 1e-5."""
    x = picture(2, 24, 33)
    ours, field = bent(x)
    part = field * 2 / torch.tensor([33.0, 24.0])[:, None, None]  # Kornia's field is in halves of the picture
    theirs = kornia().geometry.transform.elastic_transform2d(x, part, (1, 1), (1.0, 1.0), (1.0, 1.0))
    assert (ours - x).abs().max() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_bending_by_a_field_is_albumentationss():
    """Parity: RandomElastic against the remapping of Albumentations' ElasticTransform for the field that it drew, to 1e-4."""
    A, cv2 = albumentations(), pytest.importorskip("cv2")
    x = picture(2, 24, 33)
    ours, field = bent(x)
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(33.0), indexing="ij")
    elastic = A.ElasticTransform(border_mode=cv2.BORDER_CONSTANT, p=1)
    for mine, one, (right, down) in zip(ours, x, field, strict=True):
        theirs = elastic.apply(one.movedim(0, -1).contiguous().numpy(), map_x=(columns + right).numpy(), map_y=(rows + down).numpy())
        torch.testing.assert_close(mine, torch.from_numpy(theirs).movedim(-1, 0), atol=1e-4, rtol=0)
