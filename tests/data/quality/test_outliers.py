"""Outliers: planted ones are found, and the scores are those of others' libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import outlier_scores, outliers
from weft.data.quality.outliers import chi_square_quantile


def planted(method):
    """2,000 rows of which 20 are strange in the way that the method is for."""
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal([0, 0, 0], [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 2000)
    strange = rng.choice(2000, 20, replace=False)
    if method in ("z", "iqr"):
        x[strange, 1] = rng.choice([-7, 8], 20)
    elif method == "mahalanobis":
        x[strange, :2] = [2.0, -2.0]  # ordinary in each column, not together
    else:
        x[1000:] += 12  # two clusters, and something between them
        x[strange] = 6 + rng.uniform(-2, 2, (20, 3))
    truth = np.zeros(2000, bool)
    truth[strange] = True
    return torch.from_numpy(x), torch.from_numpy(truth)


@pytest.mark.parametrize("method", ["z", "iqr", "mahalanobis", "knn", "forest"])
def test_one_percent_of_outliers_is_found(method):
    """outliers, learned: recall above 0.9 among as many as were planted."""
    if method == "forest":
        pytest.importorskip("sklearn")
    x, truth = planted(method)
    picked = outliers(x, method, share=0.01, neighbours=25)  # more than there are outliers together
    assert picked.sum() == 20 and (picked & truth).sum() > 18
    usual = outliers(x, method)
    if method in ("z", "mahalanobis"):
        assert (usual & truth).sum() > 18 and (usual & ~truth).sum() < 40


def test_robust_distances_do_not_hide_the_outliers():
    """A tenth of the rows far away draw mean and covariance to themselves; the half that fits best does not."""
    x, _ = planted("z")
    x[:200] = torch.tensor([4.0, -4.0, 0.0])
    plain = (x - x.mean(0)) @ torch.linalg.inv(torch.cov(x.T)) * (x - x.mean(0))
    assert outliers(x, "mahalanobis")[:200].all() and plain.sum(1).sqrt()[:200].max() < chi_square_quantile(0.999, 3) ** 0.5


def test_robust_distances_are_near_those_of_scikit_learn():
    """outlier_scores, parity with MinCovDet (another search for the same half): rank correlation above 0.99."""
    covariance, stats = pytest.importorskip("sklearn.covariance"), pytest.importorskip("scipy.stats")
    x, _ = planted("mahalanobis")
    theirs = covariance.MinCovDet(random_state=0).fit(x.numpy()).mahalanobis(x.numpy()) ** 0.5
    ours = outlier_scores(x, "mahalanobis").numpy()
    assert stats.spearmanr(ours, theirs).statistic > 0.99 and np.median(ours / theirs) == pytest.approx(1, abs=0.05)


def test_scores_equal_those_of_scipy_and_scikit_learn():
    """outlier_scores, parity: z with scipy.stats.zscore, knn with NearestNeighbors, forest with IsolationForest."""
    stats, neighbours, ensemble = pytest.importorskip("scipy.stats"), pytest.importorskip("sklearn.neighbors"), pytest.importorskip("sklearn.ensemble")
    x = planted("knn")[0]
    assert np.allclose(outlier_scores(x, "z"), np.abs(stats.zscore(x.numpy())).max(1))
    distance, _ = neighbours.NearestNeighbors(n_neighbors=11).fit(x.numpy()).kneighbors(x.numpy())
    assert np.allclose(outlier_scores(x, "knn"), distance[:, 1:].mean(1))
    assert np.allclose(outlier_scores(x, "forest", seed=3), -ensemble.IsolationForest(random_state=3).fit(x.numpy()).score_samples(x.numpy()))


def test_fences_by_hand():
    """outliers, closed form: quartiles 2.5 and 7.5 of 0 … 10, fences at -5 and 15."""
    x = torch.cat([torch.arange(11.0), torch.tensor([5.0, 5.0])])[:11, None]
    assert outlier_scores(x, "iqr").max() == pytest.approx(0.5)
    assert outliers(torch.tensor([[1.0]] * 50 + [[2.0]])).sum() == 0  # no spread, no outlier
    assert chi_square_quantile(0.999, 5) == pytest.approx(20.515, abs=1e-3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="Row 1 holds NaN"):
        outliers(torch.tensor([[1.0], [float("nan")]]))
    with pytest.raises(ValueError, match="too few for 'knn'"):
        outliers(torch.zeros(5, 1), "knn")
    with pytest.raises(ValueError, match="method='odd'"):
        outliers(torch.zeros(5, 1), "odd")
    with pytest.raises(ValueError, match="share=2"):
        outliers(torch.zeros(5, 1), share=2)
