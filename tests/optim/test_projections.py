"""Projections: what they promise, that they change nothing twice, and that they are the nearest point."""

from __future__ import annotations

import pytest
import torch

from weft.optim.projections import PROJECTIONS, projection

OPTIONS = {"max_norm": {"most": 0.7}, "bounded": {"low": -0.2, "high": 0.4}}


def holds(name, w):
    rows = w.flatten(1)
    small = min(rows.shape)
    product = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
    return {
        "max_norm": lambda: bool((rows.norm(dim=1) <= 0.7 + 1e-5).all()),
        "unit_norm": lambda: torch.allclose(rows.norm(dim=1), torch.ones(len(rows))),
        "non_negative": lambda: bool((w >= 0).all()),
        "bounded": lambda: bool((w >= -0.2).all() and (w <= 0.4).all()),
        "orthogonal": lambda: torch.allclose(product, torch.eye(small), atol=1e-5),
    }[name]()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3, 3)])
@pytest.mark.parametrize("name", PROJECTIONS)
def test_it_holds_and_is_the_nearest(name, shape):
    """max_norm, unit_norm, non_negative, bounded and orthogonal, property: the set holds, a second projection changes nothing, and no other point of the set is nearer."""
    torch.manual_seed(0)
    project = projection(name, OPTIONS.get(name, {}))
    for _ in range(5):
        w = torch.randn(shape)
        found = project(w)
        assert found.shape == w.shape and holds(name, found) and not holds(name, w)
        torch.testing.assert_close(project(found), found, rtol=1e-4, atol=1e-5)
        others = [project(found + 0.3 * torch.randn(shape)) for _ in range(20)]
        assert all((w - found).norm() <= (w - other).norm() + 1e-5 for other in others)


@pytest.mark.parametrize("name", ["max_norm", "unit_norm", "orthogonal"])
def test_those_of_rows_leave_biases_and_zero_rows_finite(name):
    """max_norm, unit_norm and orthogonal, property: a bias is returned as it is; rows of zeros stay finite."""
    bias = torch.tensor([5.0, -3.0])
    assert projection(name, {})(bias) is bias
    assert torch.isfinite(projection(name, {})(torch.zeros(2, 3))).all()


def test_unknown_names_and_options_are_said():
    """Property: the nearest are listed."""
    with pytest.raises(ValueError, match=r"Unknown projection 'maxnorm'. Did you mean 'max_norm'"):
        projection("maxnorm", {})
    with pytest.raises(ValueError, match=r"'max_norm' has no option 'max'. .*most"):
        projection("max_norm", {"max": 1.0})
