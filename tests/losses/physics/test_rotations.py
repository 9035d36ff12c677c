"""Rotations against scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from weft.losses import quaternion_distance, rotation_angle


def turns(count=30):
    return [Rotation.random(count, random_state=seed) for seed in (0, 1)]


def test_angles_equal_scipy():
    """rotation_angle and quaternion_distance, parity: scipy's angle of the rotation between, and sin^2 of its half."""
    one, two = turns()
    theirs = torch.tensor((one.inv() * two).magnitude())
    torch.testing.assert_close(rotation_angle(torch.tensor(one.as_matrix()), torch.tensor(two.as_matrix())), theirs)
    torch.testing.assert_close(quaternion_distance(torch.tensor(one.as_quat()), torch.tensor(two.as_quat())), (theirs / 2).sin() ** 2)


def test_neither_frame_nor_sign_matters():
    """rotation_angle and quaternion_distance, property: a turn of both sides from either side, and a quaternion's sign and length, change nothing."""
    one, two = turns()
    turn = Rotation.random(random_state=5)
    base = rotation_angle(torch.tensor(one.as_matrix()), torch.tensor(two.as_matrix()))
    for a, b in ((turn * one, turn * two), (one * turn, two * turn), (two, one)):
        torch.testing.assert_close(rotation_angle(torch.tensor(a.as_matrix()), torch.tensor(b.as_matrix())), base)
    p, q = torch.tensor(one.as_quat()), torch.tensor(two.as_quat())
    torch.testing.assert_close(quaternion_distance(-3 * p, q), quaternion_distance(p, q))


@pytest.mark.parametrize("angle", [0.0, 1e-4, 1e-2, math.pi - 1e-3, math.pi])
def test_slopes_are_finite_from_nothing_to_half_a_turn(angle):
    """rotation_angle, closed form: the angle about an axis, to the float32 digit near 0 where an arc cosine loses half of them; finite gradients."""
    axis = np.array([1.0, 2.0, -2.0]) / 3
    matrix = torch.tensor(Rotation.from_rotvec(angle * axis).as_matrix(), dtype=torch.float32)[None].requires_grad_()
    got = rotation_angle(matrix, torch.eye(3)[None])
    assert got.item() == pytest.approx(angle, rel=1e-3, abs=1e-6)
    got.sum().backward()
    assert matrix.grad.isfinite().all()


def test_errors_teach():
    with pytest.raises(ValueError, match=r"matrices \(B, ..., 3, 3\); got \(2, 4, 4\)"):
        rotation_angle(torch.zeros(2, 4, 4), torch.zeros(2, 4, 4))
    with pytest.raises(ValueError, match="four numbers"):
        quaternion_distance(torch.zeros(2, 3), torch.zeros(2, 3))
