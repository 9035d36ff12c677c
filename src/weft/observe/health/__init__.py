"""What watches the health of a training, says what is wrong with it and how it knows, and checks it before it begins."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "gradient_monitor": "weft.observe.health.gradients:GradientMonitor",
    "activation_monitor": "weft.observe.health.activations:ActivationMonitor",
    "health": "weft.observe.health.listener:Health",
    "weight_monitor": "weft.observe.health.weights:WeightMonitor",
}
KIND = "listener"
EXTRA = {
    "Diagnosis": "weft.observe.health.diagnose:Diagnosis",
    "Finding": "weft.observe.health.diagnose:Finding",
    "Limits": "weft.observe.health.signs:Limits",
    "Remark": "weft.observe.health.lint:Remark",
    "diagnose": "weft.observe.health.diagnose:diagnose",
    "lint": "weft.observe.health.lint:lint",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """A maker for each listener, ``folder -> listener``."""
    from weft.observe.health import activations, gradients, listener, weights

    def within(made: Any, folder: Any) -> Any:
        made.within(folder)
        return made

    return {
        "gradient_monitor": lambda folder: within(gradients.GradientMonitor(every=2), folder),
        "activation_monitor": lambda folder: within(activations.ActivationMonitor(every=2), folder),
        "health": lambda folder: within(listener.Health(every=2), folder),
        "weight_monitor": lambda folder: within(weights.WeightMonitor(every=2), folder),
    }
