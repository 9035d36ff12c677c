"""Regression metrics against scikit-learn."""

from __future__ import annotations

import math

import pytest
import torch

from weft.metrics import MAE, MAPE, MSE, R2, RMSE, SMAPE, AdjustedR2
from weft.metrics.regression import adjusted_r2, even_shares, r2, shares

sklearn = pytest.importorskip("sklearn.metrics")


def measure(metric, output, target, parts=1):
    for o, t in zip(output.chunk(parts), target.chunk(parts)):
        metric.update({"output": o}, {"target": t})
    return metric.compute()


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_equal_scikit_learn(shape):
    """Parity: one column and several, in three batches."""
    output, target = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    assert measure(MSE(), output, target, 3) == pytest.approx(sklearn.mean_squared_error(target, output))
    assert measure(MAE(), output, target, 3) == pytest.approx(sklearn.mean_absolute_error(target, output))
    assert measure(R2(), output, target, 3) == pytest.approx(sklearn.r2_score(target, output))
    if len(shape) == 1:
        assert measure(RMSE(), output, target, 3) == pytest.approx(sklearn.root_mean_squared_error(target, output))


def test_r2_survives_a_far_away_mean():
    """Property: adding 1e9 to outputs and targets changes nothing, where sums of squares would cancel."""
    output, target = torch.randn(90, dtype=torch.float64), torch.randn(90, dtype=torch.float64)
    far = measure(R2(), output + 1e9, target + 1e9, 7)
    assert far == pytest.approx(measure(R2(), output, target), abs=1e-5)


def test_r2_of_degenerate_sets_equals_scikit_learn():
    """Parity: constant targets met and missed; one item has no variance."""
    constant = torch.full((4,), 2.0)
    assert r2(constant, constant) == sklearn.r2_score(constant, constant) == 1.0
    assert r2(torch.arange(4.0), constant) == sklearn.r2_score(constant, torch.arange(4.0)) == 0.0
    assert math.isnan(r2(torch.ones(1), torch.ones(1)))


def test_shapes():
    assert measure(MSE(), torch.ones(3, 1), torch.zeros(3)) == 1.0
    with pytest.raises(ValueError, match=r"\(3, 2\) do not fit targets of shape \(3,\)"):
        measure(MSE(), torch.ones(3, 2), torch.zeros(3))


def test_percentages_equal_scikit_learn_and_torchmetrics():
    """Parity: MAPE, a target of 0 included, and SMAPE; two zeros are no error."""
    torchmetrics = pytest.importorskip("torchmetrics.functional.regression")
    output, target = torch.randn(40, dtype=torch.float64), torch.randn(40, dtype=torch.float64)
    assert measure(MAPE(), output, target, 3) == pytest.approx(sklearn.mean_absolute_percentage_error(target, output))
    expected = torchmetrics.symmetric_mean_absolute_percentage_error(output, target).item()
    assert measure(SMAPE(), output, target, 3) == pytest.approx(expected)
    output[0] = target[0] = target[1] = 0.0
    assert measure(MAPE(), output, target) == pytest.approx(sklearn.mean_absolute_percentage_error(target, output))
    assert shares(output, target)[0] == 0 and shares(output, target).isfinite().all()
    assert even_shares(output, target)[:2].tolist() == [0.0, 2.0]


def test_adjusted_r2_equals_torchmetrics():
    """Parity: AdjustedR2; with too few items for its features it is undefined."""
    torchmetrics = pytest.importorskip("torchmetrics.functional.regression")
    target = torch.randn(30, dtype=torch.float64)
    output = target + torch.randn(30, dtype=torch.float64) / 2
    assert measure(AdjustedR2(4), output, target, 3) == pytest.approx(torchmetrics.r2_score(output, target, adjusted=4).item())
    assert adjusted_r2(output, target, features=0) == pytest.approx(r2(output, target))
    with pytest.warns(UserWarning, match="AdjustedR2 is NaN"):
        assert math.isnan(adjusted_r2(output[:4], target[:4], features=3))
    with pytest.raises(ValueError, match="number of inputs"):
        AdjustedR2(-1)
