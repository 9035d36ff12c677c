"""Records far from the others: by column, by robust covariance, by neighbours, by an isolation forest."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

METHODS = ("z", "iqr", "mahalanobis", "knn", "forest")
BLOCK = 1024


def outlier_scores(x: Float[Tensor, "n d"], method: str = "iqr", *, neighbours: int = 10, seed: int = 0) -> Float[Tensor, " n"]:
    """How far each row lies from the rest; larger is stranger.

    ``z``: largest |x - mean| / deviation of a column. ``iqr``: largest distance beyond the quartiles in units of the interquartile range.
    ``mahalanobis``: distance under location and covariance of the half of the rows that fits best, so that outliers do not hide themselves.
    ``knn``: mean distance to the ``neighbours`` nearest rows (standardise the columns first). ``forest``: isolation forest, extra ``samples``.
    Raises ValueError for values that are not finite, too few rows, an unknown method.

    Paper: mahalanobis: Rousseeuw and Van Driessen, 1999, doi:10.1080/00401706.1999.10485670, from one start; knn: Angiulli and Pizzuti, 2002,
    doi:10.1007/3-540-45681-3_2; forest: Liu, Ting, Zhou, 2008, doi:10.1109/ICDM.2008.17.
    Use ``iqr`` for plain columns, ``mahalanobis`` for correlated ones, ``knn`` or ``forest`` for several clusters; for pictures and texts on
    features of a network. Cost: O(N D), O(N D^2), O(N^2 D), O(N log N).

    >>> outlier_scores(torch.tensor([[0.0], [1.0], [2.0], [3.0], [100.0]]), "iqr").argmax()
    tensor(4)
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}; expected one of {', '.join(METHODS)}")
    least = {"mahalanobis": x.shape[1] + 2, "knn": neighbours + 1}.get(method, 2)
    if len(x) < least:
        raise ValueError(f"{len(x)} rows of {x.shape[1]} columns are too few for {method!r}; expected {least} or more")
    bad = ~x.isfinite().all(1)
    if bad.any():
        raise ValueError(f"Row {int(bad.int().argmax())} holds NaN or infinity; impute or drop it first")
    x64 = x.double()
    made = {"z": _z, "iqr": _iqr, "mahalanobis": _mahalanobis}.get(method)
    if made is not None:
        return made(x64).to(x.dtype)
    return (_knn(x64, neighbours) if method == "knn" else _forest(x64, seed)).to(x.dtype)


def outliers(x: Float[Tensor, "n d"], method: str = "iqr", *, share: float | None = None, neighbours: int = 10, seed: int = 0) -> Bool[Tensor, " n"]:
    """Which rows are outliers: True for those beyond the method's usual limit, or the ``share`` of largest scores.

    Limits: ``z`` 3, ``iqr`` 1.5, ``mahalanobis`` the 0.999 quantile of chi with D degrees, ``knn`` the upper quartile of scores plus three
    interquartile ranges, ``forest`` 0.6. See ``outlier_scores``. Raises ValueError for a share outside (0, 1).

    >>> outliers(torch.tensor([[0.0], [1.0], [2.0], [3.0], [100.0]])).tolist()
    [False, False, False, False, True]
    """
    scores = outlier_scores(x, method, neighbours=neighbours, seed=seed)
    if share is not None:
        if not 0 < share < 1:
            raise ValueError(f"share={share}; expected a number between 0 and 1")
        picked = torch.zeros(len(x), dtype=torch.bool)
        picked[scores.argsort(descending=True, stable=True)[: max(1, round(share * len(x)))]] = True
        return picked
    if method == "knn":
        low, high = scores.quantile(0.25), scores.quantile(0.75)
        return scores > high + 3 * (high - low)
    return scores > {"z": 3.0, "iqr": 1.5, "forest": 0.6, "mahalanobis": math.sqrt(chi_square_quantile(0.999, x.shape[1]))}[method]


def _z(x: Tensor) -> Tensor:
    spread = x.std(0, correction=0)
    return ((x - x.mean(0)).abs() / torch.where(spread > 0, spread, torch.inf)).amax(1)


def _iqr(x: Tensor) -> Tensor:
    ranks = x.sort(0).values
    low, high = (quantile(ranks, q) for q in (0.25, 0.75))
    spread = high - low
    beyond = torch.maximum(low - x, x - high).clamp(min=0)
    # a column whose quartiles are equal says nothing about scale; whatever differs there is not called an outlier for it
    return (beyond / torch.where(spread > 0, spread, torch.inf)).amax(1)


def quantile(ranks: Tensor, q: float) -> Tensor:
    """The quantile of sorted columns, between its two neighbours; ``torch.quantile`` refuses more than 16 million values."""
    place = q * (len(ranks) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranks) - 1)
    return ranks[low] + (place - low) * (ranks[high] - ranks[low])


def _mahalanobis(x: Tensor) -> Tensor:
    """Concentration steps from the half nearest to the median until that half stays, then once more with all that are not outliers."""
    n, d = x.shape
    centre = x.median(0).values
    scale = (x - centre).abs().median(0).values
    scale = torch.where(scale > 0, scale, x.std(0).clamp(min=1e-12))
    distance = ((x - centre) / scale).square().sum(1)
    half = (n + d + 1) // 2
    best = distance.argsort()[:half].sort().values
    for _ in range(100):
        distance = distances(x, x[best])
        now = distance.argsort()[:half].sort().values
        if torch.equal(now, best):
            break
        best = now
    # the half's covariance is too small; the median of the squared distances should be that of chi-square
    distance = distance * chi_square_quantile(0.5, d) / distance.median().clamp(min=1e-12)
    good = x[distance <= chi_square_quantile(0.975, d)]
    return (distances(x, good) if len(good) > d + 1 else distance).sqrt()


def distances(x: Tensor, of: Tensor) -> Tensor:
    """Squared Mahalanobis distances of rows under the mean and covariance of others; directions without variance do not count."""
    centred = x - of.mean(0)
    return (centred @ torch.linalg.pinv(torch.cov(of.T).reshape(x.shape[1], x.shape[1]), hermitian=True) * centred).sum(1).clamp(min=0)


def chi_square_quantile(p: float, degrees: int) -> float:
    """Where the chi-square distribution reaches p, by bisection.

    >>> round(chi_square_quantile(0.95, 3), 4)
    7.8147
    """
    low, high = 0.0, 1000.0 + 10 * degrees
    for _ in range(100):
        middle = (low + high) / 2
        below = float(torch.special.gammainc(torch.tensor(degrees / 2).double(), torch.tensor(middle / 2).double())) < p
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def _knn(x: Tensor, neighbours: int) -> Tensor:
    found = []
    for start in range(0, len(x), BLOCK):
        part = torch.cdist(x[start : start + BLOCK], x)
        rows = torch.arange(len(part))
        part[rows, rows + start] = torch.inf
        found.append(part.topk(neighbours, largest=False).values.mean(1))
    return torch.cat(found)


def _forest(x: Tensor, seed: int) -> Tensor:
    try:
        from sklearn.ensemble import IsolationForest
    except ImportError:
        raise ValueError("The isolation forest is scikit-learn's: pip install 'weft[samples]'") from None
    return torch.from_numpy(-IsolationForest(random_state=seed).fit(x.numpy()).score_samples(x.numpy()))
