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
    "Check": "weft.observe.health.sanity:Check",
    "Diagnosis": "weft.observe.health.diagnose:Diagnosis",
    "Finding": "weft.observe.health.diagnose:Finding",
    "Limits": "weft.observe.health.signs:Limits",
    "Remark": "weft.observe.health.lint:Remark",
    "apart": "weft.observe.health.sanity:apart",
    "causal": "weft.observe.health.sanity:causal",
    "check_activations": "weft.observe.health.statistics:check_activations",
    "check_data": "weft.observe.health.statistics:check_data",
    "check_finite": "weft.observe.health.statistics:check_finite",
    "check_gradients": "weft.observe.health.statistics:check_gradients",
    "check_method": "weft.observe.health.sanity:check_method",
    "check_weights": "weft.observe.health.statistics:check_weights",
    "compare_precision": "weft.observe.health.precision:compare_precision",
    "diagnose": "weft.observe.health.diagnose:diagnose",
    "first_loss": "weft.observe.health.sanity:first_loss",
    "gradient_check": "weft.observe.health.numeric:gradient_check",
    "gradients_arrive": "weft.observe.health.sanity:gradients_arrive",
    "lint": "weft.observe.health.lint:lint",
    "repeats": "weft.observe.health.sanity:repeats",
    "shuffled_labels": "weft.observe.health.sanity:shuffled_labels",
    "uses_input": "weft.observe.health.sanity:uses_input",
    "watch_finite": "weft.observe.health.statistics:watch_finite",
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
