"""Losses of agents and of preferences: values, policies, distributions of returns, chosen and rejected answers."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "dpo": "weft.losses.policy.preference:dpo",
    "ipo": "weft.losses.policy.preference:ipo",
    "kto": "weft.losses.policy.preference:kto",
    "orpo": "weft.losses.policy.preference:orpo",
    "simpo": "weft.losses.policy.preference:simpo",
    "divergence_estimate": "weft.losses.policy.preference:divergence_estimate",
    "reinforce": "weft.losses.policy.actors:reinforce",
    "actor_critic": "weft.losses.policy.actors:actor_critic",
    "clipped_policy": "weft.losses.policy.actors:clipped_policy",
    "soft_actor": "weft.losses.policy.actors:soft_actor",
    "curiosity": "weft.losses.policy.actors:curiosity",
    "temporal_difference": "weft.losses.policy.values:temporal_difference",
    "clipped_value": "weft.losses.policy.values:clipped_value",
    "categorical_value": "weft.losses.policy.values:categorical_value",
    "quantile_value": "weft.losses.policy.values:quantile_value",
}
KIND = "loss"
EXTRA = {
    "answer_log_probability": "weft.losses.policy.preference:answer_log_probability",
    "entropy_temperature": "weft.losses.policy.actors:entropy_temperature",
    "lambda_returns": "weft.losses.policy.values:lambda_returns",
    "projected_distribution": "weft.losses.policy.values:projected_distribution",
    "step_returns": "weft.losses.policy.values:step_returns",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); further arguments are already bound."""
    import torch

    from weft.losses.policy import actors, preference, values

    a, b = torch.randn(6), torch.randn(6)
    likely, unlikely = -0.5 - torch.rand(6), -0.5 - torch.rand(6)
    lists, more = torch.randn(6, 4), torch.randn(6, 4)

    return {
        "dpo": (lambda x, y: preference.dpo(x, y, (y, 0.5 * y)), a, b),
        "ipo": (lambda x, y: preference.ipo(x, y, (y, 0.5 * y)), a, b),
        "kto": (lambda x, y: preference.kto(x, y, y > 0), a, b),
        "orpo": (preference.orpo, likely, unlikely),
        "simpo": (preference.simpo, likely, unlikely),
        "divergence_estimate": (preference.divergence_estimate, a, b),
        "reinforce": (actors.reinforce, a, b),
        "actor_critic": (lambda x, y: actors.actor_critic(y, 2 * y + 1, x, x), a, b),
        "clipped_policy": (lambda x, y: actors.clipped_policy(x, y, torch.ones_like(y), clip=0.9), 0.1 * a, 0.1 * b),
        "soft_actor": (actors.soft_actor, a, b),
        "curiosity": (lambda x, y: actors.curiosity(x, y, x, y.argmax(1)), lists, more),
        "temporal_difference": (lambda x, y: values.temporal_difference(x, y, 0 * y, y > 9), a, b),
        "clipped_value": (lambda x, y: values.clipped_value(x, y, 0 * y, clip=5.0), a, b),
        "categorical_value": (values.categorical_value, lists, more.softmax(1)),
        "quantile_value": (values.quantile_value, lists, more),
    }
