"""Networks that act."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "mlp_policy": "weft.models.control.policies:MLPPolicy",
    "actor_critic": "weft.models.control.policies:ActorCritic",
    "gaussian_policy": "weft.models.control.policies:GaussianPolicy",
    "q_network": "weft.models.control.values:QNetwork",
    "twin_critics": "weft.models.control.values:TwinCritics",
}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE, {"squash": "weft.models.control.policies:squash"})


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.control import policies, values

    observation = torch.randn(3, 4)
    return {
        "mlp_policy": (lambda: policies.MLPPolicy(4, 2, hidden=(8,)), (observation,)),
        "actor_critic": (lambda: policies.ActorCritic(4, 2, hidden=(8,)), (observation,)),
        "gaussian_policy": (lambda: policies.GaussianPolicy(4, 2, hidden=(8,)), (observation,)),
        "q_network": (lambda: values.QNetwork(4, 2, hidden=(8,), dueling=True), (observation,)),
        "twin_critics": (lambda: values.TwinCritics(4, 2, hidden=(8,)), (observation, torch.randn(3, 2))),
    }
