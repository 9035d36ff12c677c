"""What the losses say about shapes and classes that do not fit."""

from __future__ import annotations

import pytest
import torch

from weft.losses import binary_cross_entropy, binary_focal, focal, gaussian_kl, hinge_critic, huber, kl_distillation, l1, mse
from weft.losses.shapes import full, full_precision, out_of_range, same_shape, unit


@pytest.mark.parametrize("loss", [mse, l1, huber, binary_cross_entropy, binary_focal, kl_distillation, gaussian_kl, hinge_critic])
def test_broadcasting_is_refused_with_both_shapes(loss):
    """Property: (B, 1) against (B,) would broadcast to (B, B) and learn nonsense; it raises and says so."""
    with pytest.raises(ValueError, match=rf"{loss.__name__} needs .*\(4, 1\).*\(4,\)"):
        loss(torch.rand(4, 1), torch.rand(4))


def test_same_shape_takes_what_fits():
    assert same_shape(torch.zeros(2, 3), torch.ones(2, 3), "mse") is None


def test_out_of_range_names_value_and_place():
    error = out_of_range(torch.tensor([[0, 1], [-100, 2]]), 3, "cross_entropy")
    assert "targets lie in 0..2; got -100 at position (1, 0)" in str(error)
    with pytest.raises(ValueError, match=r"focal has 2 classes.*got 5"):
        focal(torch.zeros(2, 2), torch.tensor([0, 5]))


def test_half_precision_is_widened_and_double_left_alone():
    assert full(torch.zeros(1, dtype=torch.float16)).dtype == torch.float32
    assert full(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


def test_unit_vectors_also_of_nothing():
    """Property: length 1, a zero vector stays zero, and its gradient fits into half precision."""
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float16, requires_grad=True)
    found = unit(x)
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    (found @ torch.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.isfinite().all()


def test_products_inside_keep_full_precision():
    """Property: autocast around does not reach inside."""
    x = torch.randn(3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        with full_precision(x):
            assert torch.equal(x @ x, torch.linalg.matmul(x, x)) and (x @ x).dtype == torch.float32
