"""Losses: functions (prediction, target) -> one value an item, never reduced; ``Loss`` sums and counts them."""

from __future__ import annotations

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
    "kl_distillation": "weft.losses.divergence:kl_distillation",
    "gaussian_kl": "weft.losses.divergence:gaussian_kl",
    "non_saturating_critic": "weft.losses.adversarial:non_saturating_critic",
    "non_saturating_generator": "weft.losses.adversarial:non_saturating_generator",
    "hinge_critic": "weft.losses.adversarial:hinge_critic",
    "wasserstein_critic": "weft.losses.adversarial:wasserstein_critic",
    "wasserstein_generator": "weft.losses.adversarial:wasserstein_generator",
    "info_nce": "weft.losses.contrastive:info_nce",
    "nt_xent": "weft.losses.contrastive:nt_xent",
}
KIND = "loss"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "Loss": "weft.losses.loss:Loss",
        "gradient_penalty": "weft.losses.adversarial:gradient_penalty",
    },
)
COUPLING = ("info_nce", "nt_xent")      # losses whose items depend on the rest of the batch


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); the target is None for a loss of one argument."""
    import torch

    from weft.losses import adversarial, contrastive, divergence, regression
    from weft.losses.binary_cross_entropy import binary_cross_entropy
    from weft.losses.cross_entropy import cross_entropy
    from weft.losses.focal import binary_focal, focal

    numbers = (torch.randn(6, 3), torch.randn(6, 3))
    scores = (torch.randn(6), torch.randn(6))
    classes = (torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1]))
    answers = (torch.randn(6, 3), (torch.rand(6, 3) > 0.5).float())
    return {
        "cross_entropy": (cross_entropy, *classes),
        "binary_cross_entropy": (binary_cross_entropy, *answers),
        "focal": (focal, *classes),
        "binary_focal": (binary_focal, *answers),
        "mse": (regression.mse, *numbers),
        "l1": (regression.l1, *numbers),
        "huber": (regression.huber, *numbers),
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
