"""Activations: by name, learned, gated, and layers that shape the gradient."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "activation": "weft.nn.activations.named:activation",
    "switchable_activation": "weft.nn.activations.named:Activation",
    "swish": "weft.nn.activations.learned:Swish",
    "bounded": "weft.nn.activations.learned:Bounded",
    "soft_threshold": "weft.nn.activations.learned:SoftThreshold",
    "piecewise_linear": "weft.nn.activations.learned:PiecewiseLinear",
    "monotone_linear": "weft.nn.activations.learned:MonotoneLinear",
    "rational": "weft.nn.activations.learned:Rational",
    "mixed_activation": "weft.nn.activations.learned:MixedActivation",
    "sine": "weft.nn.activations.sine:Sine",
    "sine_layer": "weft.nn.activations.sine:SineLayer",
    "split_gate": "weft.nn.activations.gated:SplitGate",
    "self_gate": "weft.nn.activations.gated:SelfGate",
    "gated_linear": "weft.nn.activations.gated:GatedLinear",
    "gradient_scale": "weft.nn.activations.gradient_shaping:GradientScale",
    "gradient_reversal": "weft.nn.activations.gradient_shaping:GradientReversal",
    "straight_through_step": "weft.nn.activations.gradient_shaping:StraightThrough",
}
KIND = "layer"
EXTRA = {
    "recommend": "weft.nn.activations.guide:recommend",
    "sampled": "weft.nn.activations.guide:sampled",
    "scale_gradient": "weft.nn.activations.gradient_shaping:scale_gradient",
    "straight_through": "weft.nn.activations.gradient_shaping:straight_through",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch

    from weft.nn.activations import gated, gradient_shaping, learned, named, sine

    x = (torch.randn(2, 4, 3),)
    return {
        "activation": (lambda: named.activation("prelu"), x),
        "switchable_activation": (lambda: named.Activation("elu", {"alpha": 0.5}), x),
        "swish": (lambda: learned.Swish(2, learnable=True), x),
        "bounded": (lambda: learned.Bounded(-1.0, 2.0), x),
        "soft_threshold": (lambda: learned.SoftThreshold(4), x),
        "piecewise_linear": (lambda: learned.PiecewiseLinear(), x),
        "monotone_linear": (lambda: learned.MonotoneLinear(), x),
        "rational": (lambda: learned.Rational(), x),
        "mixed_activation": (lambda: learned.MixedActivation(["relu", "tanh", "silu"]), x),
        "sine": (lambda: sine.Sine(2.0), x),
        "sine_layer": (lambda: sine.SineLayer(3, 5, frequency=3.0), x),
        "split_gate": (lambda: gated.SplitGate("gelu", dim=1), x),
        "self_gate": (lambda: gated.SelfGate(3), x),
        "gated_linear": (lambda: gated.GatedLinear(3, 5, "silu"), x),
        "gradient_scale": (lambda: gradient_shaping.GradientScale(0.5), x),
        "gradient_reversal": (lambda: gradient_shaping.GradientReversal(), x),
        "straight_through_step": (lambda: gradient_shaping.StraightThrough("round"), x),
    }
