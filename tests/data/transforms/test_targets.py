"""Boxes, masks and points stay with their picture."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import albumentations, keyed, kornia, picture, torchvision
from weft.data import (
    CenterCrop,
    FilterBoxes,
    MultiScale,
    RandomAffine,
    RandomCrop,
    RandomElastic,
    RandomFlip,
    RandomPerspective,
    RandomResizedCrop,
    Resize,
)
from weft.data.transforms import geometry, targets
from weft.data.transforms.affine import mapped

MOVES = [
    RandomFlip(0.5),
    RandomFlip(0.5, axis=-2),
    RandomCrop(padding=6),
    RandomCrop(padding=0, size=(20, 28)),
    RandomResizedCrop((24, 30), scale=(0.4, 1.0)),
    RandomAffine(degrees=30, scale=0.2, shear=0.2, shift=0.1),
    RandomPerspective(0.4, probability=1.0),
    RandomElastic(alpha=3.0, smooth=16),
    Resize((20, 50)),
    CenterCrop((24, 30)),
    MultiScale((24, 48)),
]


def scene(count=12, height=32, width=40):
    """One bright rectangle a record, its mask, its box, its middle, and a padded box."""
    g = torch.Generator().manual_seed(3)
    corner = torch.stack([torch.randint(4, width - 16, (count,), generator=g), torch.randint(4, height - 14, (count,), generator=g)], 1).float()
    extent = torch.stack([torch.randint(6, 12, (count,), generator=g), torch.randint(5, 10, (count,), generator=g)], 1).float()
    box = torch.cat([corner, corner + extent], 1)
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width)[None, :] + 0.5
    x1, y1, x2, y2 = box[:, :, None, None].unbind(1)
    mask = (rows > y1) & (rows < y2) & (columns > x1) & (columns < x2)
    return {
        "input": mask[:, None].expand(count, 3, height, width).float(),
        "masks": mask[:, None],
        "boxes": torch.stack([box, torch.zeros_like(box)], 1),
        "boxes_mask": torch.tensor([[True, False]]).expand(count, 2),
        "labels": torch.arange(count)[:, None].expand(count, 2),
        "keypoints": (corner + extent / 2)[:, None],
    }


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{type(move).__name__}")
def test_masks_boxes_and_points_follow_the_picture(move):
    """Property: for every geometric transform the moved mask is where the moved picture is bright, inside the moved box, around the moved point."""
    batch = scene()
    before = {key: value.clone() for key, value in batch.items()}
    out = move(batch, keyed(12))
    assert all(torch.equal(batch[key], before[key]) for key in batch)
    assert torch.equal(out["labels"], batch["labels"]) and not out["boxes_mask"][:, 1].any()
    assert out["masks"].dtype == torch.bool and out["masks"].shape[-2:] == out["input"].shape[-2:]
    height, width = out["input"].shape[-2:]
    assert out["boxes"].min() >= 0 and out["boxes"][..., [0, 2]].max() <= width and out["boxes"][..., [1, 3]].max() <= height
    looked = 0
    for i in range(12):
        mask = out["masks"][i, 0]
        assert ((out["input"][i, 0] > 0.5) == mask).float().mean() > 0.97
        if not out["boxes_mask"][i, 0]:
            assert mask.sum() <= 3
            continue
        if mask.sum() < 20:
            continue
        looked += 1
        rows, columns = torch.nonzero(mask).unbind(1)
        x1, y1, x2, y2 = out["boxes"][i, 0].tolist()
        slack = 3.1 if isinstance(move, RandomElastic) else 0.51
        assert x1 - slack <= columns.min() and columns.max() + 1 <= x2 + slack and y1 - slack <= rows.min() and rows.max() + 1 <= y2 + slack
        x, y = out["keypoints"][i, 0].tolist()
        if mask.sum() > 40 and not (columns.min() == 0 or rows.min() == 0 or columns.max() == width - 1 or rows.max() == height - 1):
            assert abs(columns.float().mean() + 0.5 - x) < 1.6 and abs(rows.float().mean() + 0.5 - y) < 1.6
    assert looked >= 6


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{type(move).__name__}")
def test_all_frames_of_a_clip_go_the_same_way(move):
    """Property: a clip (B, T, C, H, W) has one draw: its frames move as the single picture of that record does."""
    batch = scene(4)
    frame = move({"input": batch["input"]}, keyed(4))["input"]
    clip = move({"input": batch["input"][:, None].expand(4, 5, 3, 32, 40)}, keyed(4))["input"]
    assert clip.shape[:3] == (4, 5, 3)
    torch.testing.assert_close(clip, frame[:, None].expand_as(clip), atol=1e-6, rtol=0)
    assert len(move({"input": batch["input"][:0]}, keyed(0))["input"]) == 0


def test_rotated_boxes_and_points_are_torchvisions():
    """Parity: boxes and key points through a rotation against torchvision's, which counts points as we do, from the edge."""
    f = torchvision()
    from torchvision import tv_tensors

    boxes = torch.tensor([[[4.0, 6.0, 20.0, 18.0], [1.0, 1.0, 3.0, 30.0]]])
    matrix = geometry.affine_map(torch.tensor([-25.0]), torch.zeros(1, 2), torch.ones(1), torch.zeros(1, 2), (20, 16))
    batch = {"input": torch.rand(1, 3, 32, 40), "boxes": boxes}
    ours = mapped(matrix, batch["input"].shape[-2:], 0.0)(batch)["boxes"][0]
    theirs = f.rotate(tv_tensors.BoundingBoxes(boxes[0], format="XYXY", canvas_size=(32, 40)), 25.0)
    torch.testing.assert_close(ours, torch.Tensor(f.clamp_bounding_boxes(theirs)), atol=1e-3, rtol=0)


def test_a_box_is_cut_at_the_border_and_dropped_below_a_pixel():
    """Closed form: what is left of boxes at the border; slivers go by FilterBoxes; the order stays."""
    boxes = torch.tensor([[[-4.0, 2.0, 3.0, 5.0], [7.5, 0.0, 12.0, 8.0], [20.0, 20.0, 30.0, 30.0], [0.0, 0.0, 8.0, 8.0]]])
    cut, kept = targets.clipped(boxes, (8, 8))
    assert cut[0].tolist() == [[0, 2, 3, 5], [7.5, 0, 8, 8], [8, 8, 8, 8], [0, 0, 8, 8]]
    assert kept[0].tolist() == [True, True, False, True]
    filtered = FilterBoxes(min_side=1.0)({"boxes": cut, "boxes_mask": kept}, keyed(1))
    assert filtered["boxes_mask"].tolist() == [[True, False, False, True]]
    with pytest.raises(ValueError, match="needs 'boxes'"):
        FilterBoxes()({"input": cut}, keyed(1))


def test_box_forms_go_round():
    """Closed form: the three ways to write a box, there and back."""
    box = torch.tensor([[1.0, 2.0, 5.0, 10.0]])
    assert targets.convert_boxes(box, "xyxy", "xywh").tolist() == [[1, 2, 4, 8]]
    for form in ("xyxy", "xywh", "cxcywh"):
        assert torch.equal(targets.convert_boxes(targets.convert_boxes(box, "xyxy", form), form, "xyxy"), box)
    with pytest.raises(ValueError, match="'xyxy', 'xywh' or 'cxcywh'"):
        targets.convert_boxes(box, "xyxy", "yxyx")


def test_flipping_twice_is_nothing_and_pairs_change_places():
    """Closed form: RandomFlip applied twice gives the same boxes and points; the left eye becomes the right one."""
    batch = {"input": torch.rand(1, 3, 8, 10), "boxes": torch.tensor([[[1.0, 2.0, 4.0, 6.0]]]), "keypoints": torch.tensor([[[[2.0, 1.0], [8.0, 3.0]]]]),
             "keypoints_mask": torch.tensor([[[True, False]]])}  # fmt: skip
    flip = RandomFlip(1.0, swap=((0, 1),))
    once = flip(batch, keyed(1))
    assert once["boxes"].tolist() == [[[6, 2, 9, 6]]]
    assert once["keypoints"].tolist() == [[[[2, 3], [8, 1]]]] and once["keypoints_mask"].tolist() == [[[False, True]]]
    twice = flip(once, keyed(1))
    assert all(torch.equal(twice[key], batch[key]) for key in batch)
    with pytest.raises(ValueError, match=r"-1 \(left-right\) or -2"):
        RandomFlip(axis=1)(batch, keyed(1))


def test_class_maps_are_never_blended():
    """Property: a map of class numbers moved with its picture holds only numbers that were in it; two classes are not averaged to a third."""
    classes = torch.zeros(3, 20, 20, dtype=torch.int64)
    classes[:, 5:15, 5:15] = 10
    for move in (RandomAffine(degrees=40, keys=("input", "target")), Resize(13, keys=("input", "target")), RandomResizedCrop(9, keys=("input", "target"))):
        out = move({"input": torch.rand(3, 3, 20, 20), "target": classes}, keyed(3))["target"]
        assert out.dtype == torch.int64 and set(out.unique().tolist()) <= {0, 10} and out.shape[-1] > 5


def test_points_outside_are_marked():
    out = CenterCrop(4)({"input": torch.zeros(1, 1, 8, 8), "keypoints": torch.tensor([[[4.0, 4.0], [0.5, 4.0]]])}, keyed(1))
    assert out["keypoints"].tolist() == [[[2, 2], [-1.5, 2]]] and out["keypoints_mask"].tolist() == [[True, False]]
    with pytest.raises(ValueError, match=r"\(B, ..., H, W\)"):
        targets.folded(torch.zeros(3, 4), lambda x: x)


BOXES, POINTS = torch.tensor([[[4.0, 6.0, 20.0, 18.0], [10.0, 8.0, 13.0, 30.0]]]), torch.tensor([[[12.0, 9.0], [30.5, 20.25], [20.0, 16.0]]])


def test_boxes_and_points_through_a_map_are_kornias():
    """Parity: boxes, clipped at the border, and key points through a turn with shift, scale and shear against kornia, to 1e-4; its places are half a pixel less."""
    geometric = kornia().geometry
    turn, shift, scale, shear = torch.tensor([25.0]), torch.tensor([[2.0, -3.0]]), torch.tensor([1.2]), torch.tensor([[8.0, 0.0]])
    matrix = geometric.transform.get_affine_matrix2d(shift, torch.tensor([[19.5, 15.5]]), scale.expand(1, 2), turn, *shear.deg2rad().unbind(1))
    batch = {"input": torch.rand(1, 3, 32, 40), "boxes": BOXES, "keypoints": POINTS}
    ours = mapped(geometry.affine_map(turn, shift, scale, shear, (20, 16)), torch.Size((32, 40)), 0.0)(batch)
    torch.testing.assert_close(ours["keypoints"], geometric.transform_points(matrix, POINTS - 0.5) + 0.5, atol=1e-4, rtol=0)
    # "xyxy_plus" keeps corners as they are; its "xyxy" takes a pixel off before the map and adds one after it
    moved = geometric.boxes.Boxes.from_tensor(BOXES - 0.5, mode="xyxy_plus").transform_boxes(matrix).to_tensor("xyxy_plus") + 0.5
    torch.testing.assert_close(ours["boxes"], targets.clipped(moved, (32, 40))[0], atol=1e-4, rtol=0)


def flipped(axis):
    return RandomFlip(1.0, axis=axis)


@pytest.mark.parametrize("name", ["HorizontalFlip", "VerticalFlip", "Resize", "CenterCrop", "Affine"])
def test_pictures_boxes_and_points_are_albumentationss(name):
    """Parity: picture, boxes and key points through the same geometry against an Albumentations pipeline, to 1e-4.

    Conventions: weft counts all places from the edge of the first pixel. Albumentations counts key points from its middle, half a pixel less, except
    in Resize, where it scales them as if from the edge: there ours agree as they are.
    """
    A = albumentations()
    turned = mapped(geometry.affine_map(torch.tensor([-25.0]), torch.tensor([[2.0, -3.0]]), torch.tensor([1.2]), torch.zeros(1, 2), (20, 16)), torch.Size((32, 40)), 0.0)
    moves = {
        "HorizontalFlip": (flipped(-1), A.HorizontalFlip(p=1)),
        "VerticalFlip": (flipped(-2), A.VerticalFlip(p=1)),
        "Resize": (Resize((48, 50)), A.Resize(48, 50, p=1)),
        "CenterCrop": (CenterCrop((24, 30)), A.CenterCrop(24, 30, p=1)),
        "Affine": (lambda batch, _: turned(batch), A.Affine(scale=1.2, rotate=(25, 25), shear=0, translate_px={"x": (2, 2), "y": (-3, -3)}, p=1)),
    }
    move, theirs = moves[name]
    image = picture(1, 32, 40)
    ours = move({"input": image, "boxes": BOXES, "keypoints": POINTS}, keyed(1))
    pipeline = A.Compose(
        [theirs], bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]), keypoint_params=A.KeypointParams("xy", remove_invisible=False)
    )
    half = 0.0 if name == "Resize" else 0.5
    out = pipeline(image=image[0].movedim(0, -1).contiguous().numpy(), bboxes=BOXES[0].numpy(), labels=[0, 1], keypoints=(POINTS[0] - half).numpy())
    torch.testing.assert_close(ours["input"][0], torch.from_numpy(out["image"].copy()).movedim(-1, 0), atol=1e-4, rtol=0)
    torch.testing.assert_close(ours["boxes"][0], torch.from_numpy(out["bboxes"]).float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(ours["keypoints"][0], torch.from_numpy(out["keypoints"]).float() + half, atol=1e-4, rtol=0)
    assert (ours["boxes"] - BOXES).abs().max() > 1
