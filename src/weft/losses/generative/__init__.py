"""Losses of generative models: adversarial games, penalties on slopes, evidence bounds, denoising, codes, flows, scores."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "saturating_generator": "weft.losses.generative.games:saturating_generator",
    "smoothed_critic": "weft.losses.generative.games:smoothed_critic",
    "least_squares_critic": "weft.losses.generative.games:least_squares_critic",
    "least_squares_generator": "weft.losses.generative.games:least_squares_generator",
    "relativistic_critic": "weft.losses.generative.games:relativistic_critic",
    "relativistic_generator": "weft.losses.generative.games:relativistic_generator",
    "score_consistency": "weft.losses.generative.slopes:score_consistency",
    "identity_translation": "weft.losses.generative.translation:identity_translation",
    "paired_translation": "weft.losses.generative.translation:paired_translation",
    "cycle_consistency": "weft.losses.generative.translation:cycle_consistency",
    "reconstruction": "weft.losses.generative.evidence:reconstruction",
    "evidence_bound": "weft.losses.generative.evidence:evidence_bound",
    "denoising": "weft.losses.generative.denoising:denoising",
    "consistency": "weft.losses.generative.denoising:consistency",
    "level_nll": "weft.losses.generative.denoising:level_nll",
    "codebook": "weft.losses.generative.likelihoods:codebook",
    "flow_nll": "weft.losses.generative.likelihoods:flow_nll",
    "denoising_score_matching": "weft.losses.generative.score:denoising_score_matching",
}
KIND = "loss"
EXTRA = {
    "add_noise": "weft.losses.generative.denoising:add_noise",
    "auxiliary_classifier": "weft.losses.generative.translation:auxiliary_classifier",
    "bits_per_dimension": "weft.losses.generative.likelihoods:bits_per_dimension",
    "clean_sample": "weft.losses.generative.denoising:clean_sample",
    "denoising_target": "weft.losses.generative.denoising:denoising_target",
    "dequantised": "weft.losses.generative.likelihoods:dequantised",
    "feature_matching": "weft.losses.generative.translation:feature_matching",
    "latent_information": "weft.losses.generative.translation:latent_information",
    "mode_seeking": "weft.losses.generative.slopes:mode_seeking",
    "moved_codes": "weft.losses.generative.likelihoods:moved_codes",
    "nearest_code": "weft.losses.generative.likelihoods:nearest_code",
    "noise_weight": "weft.losses.generative.denoising:noise_weight",
    "one_sided_penalty": "weft.losses.generative.slopes:one_sided_penalty",
    "orthogonality": "weft.losses.generative.slopes:orthogonality",
    "path_length": "weft.losses.generative.slopes:path_length",
    "perturbed": "weft.losses.generative.slopes:perturbed",
    "projection_score": "weft.losses.generative.translation:projection_score",
    "reparameterise": "weft.losses.generative.evidence:reparameterise",
    "reverse_step": "weft.losses.generative.denoising:reverse_step",
    "score_matching": "weft.losses.generative.score:score_matching",
    "sliced_score_matching": "weft.losses.generative.score:sliced_score_matching",
    "slope_penalty": "weft.losses.generative.slopes:slope_penalty",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
COUPLING = ("relativistic_critic", "relativistic_generator")  # losses whose items depend on the rest of the batch


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); further arguments are already bound."""
    import torch

    from weft.losses.generative import evidence, games, likelihoods, score, slopes, translation
    from weft.losses.generative.denoising import consistency, denoising, level_nll

    a, b = torch.randn(6, 4), torch.randn(6, 4)
    real, fake = torch.randn(6), torch.randn(6)
    shares = torch.rand(6, 4)
    return {
        "saturating_generator": (games.saturating_generator, fake, None),
        "smoothed_critic": (games.smoothed_critic, real, fake),
        "least_squares_critic": (games.least_squares_critic, real, fake),
        "least_squares_generator": (games.least_squares_generator, fake, None),
        "relativistic_critic": (games.relativistic_critic, real, fake),
        "relativistic_generator": (games.relativistic_generator, fake, real),
        "score_consistency": (slopes.score_consistency, real, fake),
        "identity_translation": (translation.identity_translation, a, b),
        "paired_translation": (lambda x, y: translation.paired_translation(score=x, picture=x, wanted=y), a, b),
        "cycle_consistency": (lambda x, y: translation.cycle_consistency(first=y, first_again=x, second=-y, second_again=-x), a, b),
        "reconstruction": (evidence.reconstruction, a, shares),
        "evidence_bound": (lambda x, y: evidence.evidence_bound(x, y, x, -x), a, shares),
        "denoising": (denoising, a, b),
        "consistency": (consistency, a, b),
        "level_nll": (lambda x, y: level_nll(y, x, 0 * x), a, shares.mul(1.8).sub(0.9)),
        "codebook": (lambda x, y: likelihoods.codebook(y, x, commitment=0.0), a, b),
        "flow_nll": (likelihoods.flow_nll, a, fake),
        "denoising_score_matching": (lambda x, y: score.denoising_score_matching(x, y, torch.full_like(x[:, 0], 0.5)), a, b),
    }
