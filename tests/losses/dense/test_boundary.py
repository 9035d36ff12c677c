"""The boundary loss from distances that can be counted."""

from __future__ import annotations

import itertools

import pytest
import torch

from weft.losses import boundary, signed_distance

pytest.importorskip("scipy")


def test_distances_are_those_to_the_nearest_pixel_across():
    """Brute force: outside, the distance to the nearest pixel inside; inside, minus that to the nearest outside, + 1; nothing there: 0."""
    mask = torch.zeros(1, 2, 5, 6)
    mask[0, 0, 1:4, 2:5] = 1
    found = signed_distance(mask)
    pixels = list(itertools.product(range(5), range(6)))
    for y, x in pixels:
        inside = bool(mask[0, 0, y, x])
        nearest = min(((y - v) ** 2 + (x - u) ** 2) ** 0.5 for v, u in pixels if bool(mask[0, 0, v, u]) != inside)
        assert found[0, 0, y, x].item() == pytest.approx(1 - nearest if inside else nearest)
    assert not found[0, 1].any()


def test_is_the_mean_of_shares_times_distances():
    """Closed form: boundary for several classes, labels, and one; the same with distances made before; it falls as the region fits."""
    logits, target = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    one_hot = torch.nn.functional.one_hot(target, 3).movedim(-1, 1)
    distance = signed_distance(one_hot)
    wanted = (logits.softmax(1) * distance).mean((1, 2, 3))
    torch.testing.assert_close(boundary(logits, target), wanted)
    torch.testing.assert_close(boundary(logits, target, distance=distance), wanted)
    torch.testing.assert_close(boundary(logits, one_hot), (logits.sigmoid() * distance).mean((1, 2, 3)))
    flat = boundary(logits[:, 0], one_hot[:, 0], form="binary")
    torch.testing.assert_close(flat, (logits[:, 0].sigmoid() * distance[:, 0]).mean((1, 2)))
    assert (boundary(100.0 * one_hot, target) < boundary(logits, target)).all()
    with pytest.raises(ValueError, match="distance of"):
        boundary(logits, target, distance=distance[:, :1])
