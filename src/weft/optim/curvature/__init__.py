"""The second derivative: products with it, what is solved with it, its spectrum, and the estimators that step by it."""

from __future__ import annotations

from weft._lazy import attach

TABLE = {
    "hessian_free": "weft.optim.curvature.steps:HessianFree",
    "kfac": "weft.optim.curvature.kfac:KFAC",
    "natural_gradient": "weft.optim.curvature.steps:NaturalGradient",
    "newton": "weft.optim.curvature.steps:Newton",
}
KIND = "estimator"
EXTRA = {
    "FisherProduct": "weft.optim.curvature.products:FisherProduct",
    "GaussNewtonProduct": "weft.optim.curvature.products:GaussNewtonProduct",
    "HessianProduct": "weft.optim.curvature.products:HessianProduct",
    "conjugate_gradient": "weft.optim.curvature.solve:conjugate_gradient",
    "density": "weft.optim.curvature.spectrum:density",
    "eigenvalues": "weft.optim.curvature.spectrum:eigenvalues",
    "trace": "weft.optim.curvature.spectrum:trace",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
