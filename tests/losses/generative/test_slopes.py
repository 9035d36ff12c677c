"""Penalties on slopes, with critics and generators whose slopes are known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.losses import mode_seeking, one_sided_penalty, orthogonality, path_length, perturbed, score_consistency, slope_penalty


@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 4, 4)])
def test_slope_of_a_linear_critic(shape):
    """slope_penalty, closed form: R1 of a linear critic is |w|^2 for every item, and its gradient 2 w an item."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(shape[1] if len(shape) == 2 else 16, 1))
    weight = critic[1].weight
    penalty = slope_penalty(critic, torch.randn(shape))
    torch.testing.assert_close(penalty, weight.square().sum().expand(5).detach())
    penalty.mean().backward()
    torch.testing.assert_close(weight.grad, 2 * weight.detach())


def test_only_steep_slopes_cost():
    """one_sided_penalty, closed form: the critic |x|^2 / 2 has slope |x|; below the limit nothing, above it the squared excess."""
    x = torch.tensor([[0.3, 0.4], [3.0, 4.0]])
    critic = lambda x: 0.5 * x.square().sum(1)  # noqa: E731
    torch.testing.assert_close(one_sided_penalty(critic, x), torch.tensor([0.0, 16.0]))
    torch.testing.assert_close(one_sided_penalty(critic, x, limit=0.2), torch.tensor([0.09, 4.8**2]))
    with pytest.raises(ValueError, match="limit > 0"):
        one_sided_penalty(critic, x, limit=0)


def test_second_order_gradients_are_exact():
    """slope_penalty and one_sided_penalty, property: gradcheck with respect to the critic's weights."""
    weight, x = 3 * torch.randn(3, dtype=torch.float64), torch.randn(4, 3).double()
    weight.requires_grad_()
    for penalty in (slope_penalty, one_sided_penalty):
        assert torch.autograd.gradcheck(lambda w, penalty=penalty: penalty(lambda x: (x @ w).sin(), x), weight)


def test_perturbed_points_lie_around_theirs():
    """perturbed, closed form: x + s u with s uniform in [0, 0.5 std] an item and u uniform in [0, 1], so never below x nor beyond half a deviation."""
    x = torch.randn(500, 20)
    moved = perturbed(x) - x
    assert moved.min() >= 0
    assert moved.max() <= 0.5 * x.std()
    assert moved.mean().item() == pytest.approx(0.125 * x.std().item(), rel=0.1)
    assert moved.mean(1).std() > 0.05  # one share an item


def test_path_of_a_linear_generator():
    """path_length, closed form: for pictures A w, E|A^T y|^2 = |A|^2 / (H W); several styles give the root of the mean square; gradients reach A."""
    matrix = torch.randn(2 * 3 * 3, 4, requires_grad=True)
    style = torch.randn(4000, 4, requires_grad=True)
    lengths = path_length((style @ matrix.T).view(-1, 2, 3, 3), style)
    assert lengths.square().mean().item() == pytest.approx(matrix.square().sum().item() / 9, rel=0.1)
    lengths.mean().backward()
    assert matrix.grad.any()
    both = style.detach()[:, None].repeat(1, 2, 1).requires_grad_()
    torch.manual_seed(1)
    one = path_length((style @ matrix.T).view(-1, 2, 3, 3), style)
    torch.manual_seed(1)
    two = path_length((both.sum(1) @ matrix.T).view(-1, 2, 3, 3), both)
    torch.testing.assert_close(two, one)
    with pytest.raises(ValueError, match="does not depend on the style"):
        path_length(torch.zeros(4000, 1, 3, 3, requires_grad=True), style)


def test_orthogonality_of_known_rows():
    """orthogonality, closed form: a rotation costs nothing; twice one costs only with the diagonal: (4 - 1)^2 a row; equal rows cost their product twice."""
    rotation = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    assert orthogonality(2 * rotation).item() == pytest.approx(0, abs=1e-9)
    assert orthogonality(2 * rotation, diagonal=True).item() == pytest.approx(4 * 9)
    weight = torch.randn(3, 2, 2)
    rows = weight.flatten(1)
    wanted = sum((rows[i] @ rows[j]) ** 2 for i in range(3) for j in range(3) if i != j)
    torch.testing.assert_close(orthogonality(weight), wanted)


def test_consistency_and_modes():
    """score_consistency and mode_seeking, closed form: the squared difference; latents twice as far with the same items cost twice, equal items the bound."""
    a, b = torch.randn(2, 5)
    torch.testing.assert_close(score_consistency(a, b), (a - b) ** 2)
    x, y, z = torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]), torch.zeros(1, 4)
    assert mode_seeking(x, y, z, z + 1).item() == pytest.approx(0.5, rel=1e-4)
    assert mode_seeking(x, y, z, z + 2).item() == pytest.approx(1.0, rel=1e-4)
    assert mode_seeking(x, x, z, z + 1).item() == pytest.approx(1e5, rel=1e-3)
