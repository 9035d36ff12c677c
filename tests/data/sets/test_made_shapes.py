"""Made pictures: boxes, masks and key points fit the pixels, and a simple baseline tells the shapes apart."""

from __future__ import annotations

import pytest
import torch

from weft.data.sets.made_shapes import SHAPES, shapes


@pytest.mark.parametrize(("side", "objects"), [(32, 1), (48, 3), (9, 1)])
def test_boxes_masks_and_points_fit_the_picture(side, objects):
    """Brute force: on shapes without noise, masks are exactly what is bright, boxes their extent, key points the middle of the box."""
    columns = shapes(60, side, objects=objects, noise=0.0, seed=2).columns
    assert torch.equal(columns["image"].amax(1) > 0, columns["masks"].any(1))
    assert bool((columns["masks"].sum(1) <= 1).all())
    for n in range(60):
        for k in range(objects):
            rows, places = columns["masks"][n, k].nonzero().T
            box = [places.min(), rows.min(), places.max() + 1, rows.max() + 1]
            assert columns["boxes"][n, k].tolist() == box
            assert columns["keypoints"][n, k].tolist() == [(box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2]
    assert torch.equal(columns["label"], columns["labels"][:, 0]) and columns["image"].min() >= 0 and columns["image"].max() <= 1


def test_how_much_of_its_box_a_shape_fills_tells_it():
    """Learned: the filled share of the bright box alone is right above 0.9 on shapes against a chance of 1/3, in spite of the noise."""
    columns = shapes(600, noise=0.1).columns
    bright = columns["image"].amax(1) > 0.3
    fill = []
    for picture in bright:
        rows, places = picture.nonzero().T
        fill.append(float(picture.sum()) / float((rows.max() - rows.min() + 1) * (places.max() - places.min() + 1)))
    fill = torch.tensor(fill)
    found = torch.where(fill > 0.95, 1, torch.where(fill > 0.6, 0, 2))
    assert (found == columns["label"]).float().mean() > 0.9
    assert columns["label"].bincount(minlength=3).min() > 150 and SHAPES[1] == "square"


def test_the_same_seed_gives_the_same_pictures():
    one, two = shapes(20, seed=5).columns, shapes(8, seed=5).columns
    assert all(torch.equal(one[key][:8], two[key]) for key in one)
    with pytest.raises(ValueError, match="at least 9"):
        shapes(2, 32, objects=4)
