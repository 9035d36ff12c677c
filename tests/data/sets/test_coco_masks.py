"""COCO's masks, against hand-made ones and pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.references import reference
from weft.data.sets.coco_masks import coco_mask, from_polygon, runs_of_text, to_runs


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_runs_come_back_as_the_mask(height, width, seed):
    """coco_mask, property: to_runs and back is the mask, whatever it begins with."""
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    runs = to_runs(mask)
    assert sum(runs["counts"]) == mask.size and np.array_equal(coco_mask(runs, height, width), mask)


def test_a_mask_by_hand():
    """coco_mask, closed form: three runs down the columns, as COCO defines them; polygons take the pixels whose centres they hold."""
    assert coco_mask({"size": [3, 2], "counts": [2, 3, 1]}, 3, 2).tolist() == [[False, True], [False, True], [True, False]]
    square = [1, 1, 3, 1, 3, 2, 1, 2]
    assert np.argwhere(from_polygon(square, 4, 5)).tolist() == [[1, 1], [1, 2]]
    assert np.argwhere(coco_mask([square, [4.4, 2.4, 5, 2.4, 5, 4, 4.4, 4]], 4, 5)).tolist() == [[1, 1], [1, 2], [2, 4], [3, 4]]
    assert not from_polygon([-1e9, -1e9, -1e8, -1e9, -1e8, -1e8], 4, 5).any() and from_polygon([-1e9, -1e9, 1e9, -1e9, 1e9, 1e9, -1e9, 1e9], 4, 5).all()


def test_polygons_hold_what_a_test_of_each_centre_says():
    """coco_mask, brute force: random polygons against the crossing rule written for one point."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        corners = rng.uniform(-3, 15, (rng.integers(3, 8), 2))
        mask = from_polygon(corners.reshape(-1).tolist(), 11, 12)
        for row in range(11):
            for column in range(12):
                x, y = column + 0.5, row + 0.5
                odd = False
                for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, 0), strict=True):
                    if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x:
                        odd = not odd
                assert mask[row, column] == odd


def test_runs_and_polygons_are_those_of_pycocotools():
    """coco_mask, parity: packed and plain runs are exactly pycocotools', polygons up to the pixels of their edge."""
    peer = reference("pycocotools.mask")
    rng = np.random.default_rng(1)
    for density in (0.0, 0.02, 0.5, 0.98, 1.0):
        for shape in ((1, 1), (7, 5), (40, 60), (300, 200)):
            mask = rng.random(shape) < density
            packed = peer.encode(np.asfortranarray(mask.astype(np.uint8)))
            text = packed["counts"].decode("ascii")
            assert np.array_equal(coco_mask({"size": list(shape), "counts": text}, *shape), mask)
            assert runs_of_text(text) == to_runs(mask)["counts"]
            plain = peer.frPyObjects(to_runs(mask), *shape)
            assert np.array_equal(peer.decode(plain).astype(bool), mask)
    for _ in range(10):
        turn = np.sort(rng.uniform(0, 2 * np.pi, 9))
        polygon = np.stack([50 + 30 * np.cos(turn), 40 + 30 * np.sin(turn)], 1).reshape(-1).tolist()
        theirs = peer.decode(peer.merge(peer.frPyObjects([polygon], 80, 100))).astype(bool)
        ours = from_polygon(polygon, 80, 100)
        assert (ours & theirs).sum() > 0.93 * (ours | theirs).sum()


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ({"size": [2, 2], "counts": [1, 2]}, "do not add up"),
        ({"size": [2, 2], "counts": [-1, 5]}, "no whole numbers"),
        ({"size": [2, 2], "counts": [1.5, 2.5]}, "no whole numbers"),
        ({"size": [2, 2], "counts": [10**30]}, "do not add up"),
        ({"size": [2, 2], "counts": None}, "no whole numbers"),
        ({"size": [99999, 99999], "counts": [4]}, "the picture has"),
        ({"size": [2, 2], "counts": "\u00e9"}, "the letter"),
        ({"size": [2, 2], "counts": "oooooooooooo0"}, "the letter"),
        ({"size": [2, 2], "counts": "o"}, "end within a number"),
        ([[0, 0, 1, 1]], "three corners"),
        ([[0, 0, 1, 1, 2]], "three corners"),
        ([[0, 0, 1, 1, float("nan"), 2]], "three corners"),
        ([["a"] * 6], "three corners"),
        ([[[0, 0], [1]]], "three corners"),
        ([], "expected polygons"),
        (None, "expected polygons"),
    ],
)
def test_what_is_no_mask_is_said(segmentation, words):
    """Hostile: runs that lie about their size, letters that are none, polygons without area or number."""
    with pytest.raises(ValueError, match=words):
        coco_mask(segmentation, 2, 2)


def test_a_huge_picture_is_refused_before_it_is_made():
    with pytest.raises(ValueError, match="the limit is 50,000,000"):
        coco_mask([[0, 0, 1, 0, 1, 1]], 10**6, 10**6)
