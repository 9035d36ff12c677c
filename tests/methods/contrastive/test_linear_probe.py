"""The linear probe reaches the optimum that scikit-learn reaches."""

from __future__ import annotations

import pytest
import torch

from weft.methods.contrastive import linear_probe


@pytest.mark.parametrize("l2", [0.1, 1.0, 10.0])
def test_equals_scikit_learn(l2):
    """linear_probe, parity: the same probabilities as scikit-learn's logistic regression on standardised features."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(90, 5, generator=generator) * torch.tensor([1.0, 10.0, 0.1, 1.0, 3.0]) + 4
    y = (x[:, 0] + 0.1 * x[:, 1] > 4.5).long() + (x[:, 2] > 4.05).long()
    with torch.inference_mode():  # features usually come from predict
        layer = linear_probe(x.clone(), y, l2=l2)
    scaled = ((x - x.mean(0)) / x.std(0, correction=0)).numpy()
    reference = linear_model.LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000).fit(scaled, y.numpy())
    torch.testing.assert_close(layer(x).softmax(1).detach(), torch.from_numpy(reference.predict_proba(scaled)).float(), rtol=1e-3, atol=1e-4)


def test_constant_features_and_absent_classes_do_no_harm():
    """linear_probe, property: a feature without variance is ignored; classes without a sample keep their place."""
    x = torch.tensor([[1.0, 7.0], [2.0, 7.0], [8.0, 7.0], [9.0, 7.0]])
    layer = linear_probe(x, torch.tensor([0, 0, 2, 2]), num_classes=4)
    assert layer(x).argmax(1).tolist() == [0, 0, 2, 2]
    assert layer.weight.isfinite().all()
    assert layer.weight[:, 1].abs().max() == 0


def test_impossible_probes_are_refused():
    with pytest.raises(ValueError, match="one class"):
        linear_probe(torch.randn(3, 2), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="3 rows"):
        linear_probe(torch.randn(3, 2), torch.zeros(4, dtype=torch.long))
