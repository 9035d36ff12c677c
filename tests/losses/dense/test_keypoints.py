"""Key-point losses by COCO's formula, by SciPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.losses import Loss, bone_length, heat_map, joint_distance, keypoint_similarity, soft_argmax
from weft.losses.dense.keypoints import procrustes


def test_heat_maps_count_the_points_that_are_seen():
    """Closed form: heat_map is the mean square of each map; unseen points are masked and get no gradient."""
    maps, target, seen = torch.randn(2, 3, 4, 5, requires_grad=True), torch.rand(2, 3, 4, 5), torch.tensor([[True, False, True], [False, False, True]])
    loss = Loss.mean(heat_map(maps, target), seen)
    torch.testing.assert_close(loss.value, (maps - target).square().mean((2, 3))[seen].mean())
    loss.value.backward()
    assert not maps.grad[~seen].any() and maps.grad[seen].any()
    with pytest.raises(ValueError, match=r"maps \(B, K, H, W\)"):
        heat_map(torch.zeros(2, 3), torch.zeros(2, 3))


def test_soft_argmax_is_the_mean_place():
    """Closed form: the expectation over pixels; sharp maps give the largest pixel; the gradient is exact."""
    maps = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    share = maps.flatten(2).softmax(2)
    places = torch.tensor([[x, y] for y in range(4) for x in range(5)], dtype=torch.float64)
    torch.testing.assert_close(soft_argmax(maps), share @ places)
    at = maps.flatten(2).argmax(2)
    torch.testing.assert_close(soft_argmax(maps, sharpness=1e4), torch.stack([at % 5, at // 5], 2).double())
    assert torch.autograd.gradcheck(soft_argmax, maps)


def test_similarity_is_cocos():
    """Closed form: keypoint_similarity against the formula of COCO's evaluation, written in NumPy with its constants, unseen points left out."""
    sigma = np.array([0.26, 0.25, 0.35, 0.79])
    guess, true = torch.rand(3, 4, 2) * 20, torch.rand(3, 4, 2) * 20
    area, seen = torch.tensor([100.0, 400.0, 50.0]), torch.tensor([[True, True, False, True], [True] * 4, [False] * 4])
    found = keypoint_similarity(guess, true, spread=torch.from_numpy(sigma).float(), area=area, visible=seen)
    for row in range(2):
        d = ((guess - true)[row].numpy() ** 2).sum(1)
        e = d / (sigma * 2) ** 2 / area[row].item() / 2
        assert found[row].item() == pytest.approx(1 - np.exp(-e)[seen[row].numpy()].mean(), rel=1e-4)
    assert found[2] == 0
    torch.testing.assert_close(keypoint_similarity(guess, true, area=area, visible=torch.ones(3, 4, dtype=torch.bool)), keypoint_similarity(guess, true, area=area))


def test_aligned_distance_equals_scipy():
    """Parity: procrustes against SciPy's best rotation; property: joint_distance with align ignores shift, turn and scale, not mirrors."""
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    a, b = torch.randn(1, 6, 3, dtype=torch.float64), torch.randn(1, 6, 3, dtype=torch.float64)
    x, y = (a - a.mean(1))[0].numpy(), (b - b.mean(1))[0].numpy()
    best, _ = rotation.align_vectors(y, x)
    turned = best.apply(x)
    scale = (turned * y).sum() / (x**2).sum()
    wanted = np.linalg.norm(scale * turned - y, axis=1)
    np.testing.assert_allclose(joint_distance(a, b, align=True)[0].numpy(), wanted, rtol=1e-6, atol=1e-8)
    turn, size, _ = procrustes(a, b)
    np.testing.assert_allclose(turn[0].T.numpy(), best.as_matrix(), atol=1e-6)
    assert size.item() == pytest.approx(scale)
    moved = 2.5 * torch.from_numpy(rotation.from_euler("xyz", [0.3, 1.0, -2.0]).apply(a[0].numpy()))[None] + torch.tensor([1.0, -2.0, 3.0])
    assert joint_distance(moved, a, align=True).max() < 1e-9
    assert joint_distance(a * torch.tensor([-1.0, 1.0, 1.0]), a, align=True).max() > 0.1


def test_distances_and_bones_by_hand():
    """Closed form: joint_distance and bone_length; where joints agree the gradient is 0, not NaN."""
    joints, true = torch.tensor([[[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]], requires_grad=True), torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]])
    torch.testing.assert_close(joint_distance(joints, true), torch.tensor([[0.0, 29.0**0.5]]))
    torch.testing.assert_close(bone_length(joints, true, torch.tensor([[0, 1]])), torch.tensor([[3.0]]))
    joint_distance(joints, joints.detach()).sum().backward()
    assert not joints.grad.any()
    for loss in (joint_distance, keypoint_similarity):
        with pytest.raises(ValueError, match=r"\(B, K, "):
            loss(torch.zeros(2, 3), torch.zeros(2, 3))
