"""Losses: functions (prediction, target) -> one value an item, never reduced; ``Loss`` sums and counts them."""

from __future__ import annotations

import importlib
from typing import Any

from weft._lazy import attach

TABLE = {
    "cross_entropy": "weft.losses.cross_entropy:cross_entropy",
    "binary_cross_entropy": "weft.losses.binary_cross_entropy:binary_cross_entropy",
    "focal": "weft.losses.focal:focal",
    "binary_focal": "weft.losses.focal:binary_focal",
    "mse": "weft.losses.regression:mse",
    "l1": "weft.losses.regression:l1",
    "huber": "weft.losses.regression:huber",
    "smooth_l1": "weft.losses.regression:smooth_l1",
    "log_cosh": "weft.losses.regression:log_cosh",
    "rmse": "weft.losses.regression:rmse",
    "quantile": "weft.losses.quantile:quantile",
    "expectile": "weft.losses.quantile:expectile",
    "hinge": "weft.losses.hinge:hinge",
    "multiclass_hinge": "weft.losses.hinge:multiclass_hinge",
    "hinge_embedding": "weft.losses.hinge:hinge_embedding",
    "gaussian_nll": "weft.losses.likelihood:gaussian_nll",
    "poisson_nll": "weft.losses.likelihood:poisson_nll",
    "nll": "weft.losses.likelihood:nll",
    "probability_nll": "weft.losses.likelihood:probability_nll",
    "probability_binary_cross_entropy": "weft.losses.likelihood:probability_binary_cross_entropy",
    "kl": "weft.losses.divergence:kl",
    "symmetric_kl": "weft.losses.divergence:symmetric_kl",
    "jensen_shannon": "weft.losses.divergence:jensen_shannon",
    "kl_distillation": "weft.losses.divergence:kl_distillation",
    "gaussian_kl": "weft.losses.divergence:gaussian_kl",
    "non_saturating_critic": "weft.losses.adversarial:non_saturating_critic",
    "non_saturating_generator": "weft.losses.adversarial:non_saturating_generator",
    "hinge_critic": "weft.losses.adversarial:hinge_critic",
    "wasserstein_critic": "weft.losses.adversarial:wasserstein_critic",
    "wasserstein_generator": "weft.losses.adversarial:wasserstein_generator",
    "logit_adjusted": "weft.losses.imbalance:logit_adjusted",
    "balanced_pixels": "weft.losses.imbalance:balanced_pixels",
    "weighted_sum": "weft.losses.weighted:weighted_sum",
    "info_nce": "weft.losses.contrastive:info_nce",
    "nt_xent": "weft.losses.contrastive:nt_xent",
}
KIND = "loss"
EXTRA = {
    "Loss": "weft.losses.loss:Loss",
    "gradient_penalty": "weft.losses.adversarial:gradient_penalty",
    "check_loss": "weft.losses.checks:check_loss",
    "weighted_terms": "weft.losses.weighted:weighted_terms",
    "keep_valid": "weft.losses.cross_entropy:keep_valid",
    "ordered": "weft.losses.quantile:ordered",
    "log_softmax": "weft.losses.stable:log_softmax",
    "log_sum_exp": "weft.losses.stable:log_sum_exp",
}
SHELVES = ("dense", "generative", "metric", "physics", "policy", "sequence", "tasks", "transfer")  # what stands on them is also exported here
for shelf in map(importlib.import_module, [f"{__name__}.{name}" for name in SHELVES]):
    EXTRA |= shelf.EXTRA | {path.partition(":")[2]: path for path in shelf.TABLE.values()}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
COUPLING = ("info_nce", "nt_xent")      # losses whose items depend on the rest of the batch


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); the target is None for a loss of one argument."""
    from functools import partial

    import torch

    from weft.losses import adversarial, contrastive, divergence, likelihood, regression
    from weft.losses.binary_cross_entropy import binary_cross_entropy
    from weft.losses.cross_entropy import cross_entropy
    from weft.losses.focal import binary_focal, focal
    from weft.losses.hinge import hinge, hinge_embedding, multiclass_hinge
    from weft.losses.imbalance import balanced_pixels, logit_adjusted
    from weft.losses.quantile import expectile, quantile
    from weft.losses.weighted import weighted_sum

    numbers = (torch.randn(6, 3), torch.randn(6, 3))
    scores = (torch.randn(6), torch.randn(6))
    classes = (torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1]))
    answers = (torch.randn(6, 3), (torch.rand(6, 3) > 0.5).float())
    counts = torch.tensor([8, 4, 2, 1])
    return {
        "logit_adjusted": (partial(logit_adjusted, prior=counts), *classes),
        "balanced_pixels": (balanced_pixels, *answers),
        "weighted_sum": (partial(weighted_sum, parts={"mse": 1.0, "l1": 0.1}), *numbers),
        "cross_entropy": (cross_entropy, *classes),
        "binary_cross_entropy": (binary_cross_entropy, *answers),
        "focal": (focal, *classes),
        "binary_focal": (binary_focal, *answers),
        "mse": (regression.mse, *numbers),
        "l1": (regression.l1, *numbers),
        "huber": (regression.huber, *numbers),
        "smooth_l1": (regression.smooth_l1, *numbers),
        "log_cosh": (regression.log_cosh, *numbers),
        "rmse": (regression.rmse, *numbers),
        "quantile": (quantile, numbers[0], scores[1]),
        "expectile": (expectile, *numbers),
        "hinge": (hinge, *answers),
        "multiclass_hinge": (multiclass_hinge, *classes),
        "hinge_embedding": (hinge_embedding, answers[0].abs(), answers[1]),
        "gaussian_nll": (likelihood.gaussian_nll, *numbers),
        "poisson_nll": (likelihood.poisson_nll, numbers[0], numbers[1].abs().ceil()),
        "nll": (likelihood.nll, classes[0].log_softmax(1), classes[1]),
        "probability_nll": (likelihood.probability_nll, classes[0].softmax(1), classes[1]),
        "probability_binary_cross_entropy": (likelihood.probability_binary_cross_entropy, answers[0].sigmoid(), answers[1]),
        "kl": (divergence.kl, *numbers),
        "symmetric_kl": (divergence.symmetric_kl, *numbers),
        "jensen_shannon": (divergence.jensen_shannon, *numbers),
        "kl_distillation": (divergence.kl_distillation, *numbers),
        "gaussian_kl": (divergence.gaussian_kl, *numbers),
        "non_saturating_critic": (adversarial.non_saturating_critic, *scores),
        "non_saturating_generator": (adversarial.non_saturating_generator, scores[0], None),
        "hinge_critic": (adversarial.hinge_critic, *scores),
        "wasserstein_critic": (adversarial.wasserstein_critic, *scores),
        "wasserstein_generator": (adversarial.wasserstein_generator, scores[0], None),
        "info_nce": (contrastive.info_nce, *numbers),
        "nt_xent": (contrastive.nt_xent, *numbers),
    }
