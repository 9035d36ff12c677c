from __future__ import annotations

import pytest
import torch

import weft
from tests.recipes.measured import trial
from weft.data import TableCodec, breast_cancer
from weft.recipes.table import shares_of

linear_model = pytest.importorskip("sklearn.linear_model")


def test_a_quick_trial_ends_in_a_bundle_that_answers(tmp_path):
    """Contract: breast_cancer_lbfgs goes from rows to a bundle that answers one."""
    result, answer = trial("breast_cancer_lbfgs", tmp_path, breast_cancer()[0])
    assert answer["label"] in ("benign", "malignant") and {"auroc", "accuracy", "log_loss"} < set(result.metrics)


def test_it_ends_at_the_optimum_of_scikit_learn(tmp_path):
    """lbfgs, learned: breast_cancer_lbfgs has scikit-learn's coefficients to 0.002 and its AUROC, above 0.99 as the mean of 5 splits."""
    from sklearn.metrics import roc_auc_score

    found = []
    for split in range(5):
        result = weft.run("breast_cancer_lbfgs", split=split, run=tmp_path / str(split), progress=False)
        codec = weft.Bundle.open(result.bundle).codec
        shares = shares_of(breast_cancer(), TableCodec("diagnosis", task="classification"), test=0.2, validation=0.0, split=split)
        (x, y), (held_out, answers) = (encoded(codec, shares[name]) for name in ("train", "test"))
        model = linear_model.LogisticRegression(C=2 / (5e-3 * len(y)), tol=1e-10, max_iter=10_000).fit(x, y)
        benign, malignant = result.method.network.layers[0].weight.detach().cpu()
        torch.testing.assert_close(malignant - benign, torch.from_numpy(model.coef_[0]).float(), atol=2e-3, rtol=0)
        found.append(result.metrics["auroc"])
        assert found[-1] == pytest.approx(roc_auc_score(answers, model.predict_proba(held_out)[:, 1]), abs=1e-4)
    assert sum(found) / len(found) > 0.99


def encoded(codec, part):
    """Standardised measurements and classes of rows as arrays."""
    records = [codec.encode(part[i]) for i in range(len(part))]
    return torch.stack([record["input"] for record in records]).double().numpy(), torch.stack([record["target"] for record in records]).numpy()
