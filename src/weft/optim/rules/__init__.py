"""Optimizers beyond the everyday ones: torch's by name, and rules of weft's own, a file each."""

from __future__ import annotations

from weft._lazy import attach

TABLE = {
    "adabound": "weft.optim.rules.adabound:adabound",
    "adadelta": "weft.optim.rules.from_torch:adadelta",
    "adafactor": "weft.optim.rules.from_torch:adafactor",
    "adagrad": "weft.optim.rules.from_torch:adagrad",
    "adamax": "weft.optim.rules.from_torch:adamax",
    "adan": "weft.optim.rules.adan:adan",
    "asgd": "weft.optim.rules.from_torch:asgd",
    "by_parts": "weft.optim.rules.by_parts:by_parts",
    "classical_momentum": "weft.optim.rules.momentum:classical_momentum",
    "lamb": "weft.optim.rules.lamb:lamb",
    "lars": "weft.optim.rules.lars:lars",
    "lion": "weft.optim.rules.lion:lion",
    "muon": "weft.optim.rules.by_parts:muon",
    "nadam": "weft.optim.rules.from_torch:nadam",
    "radam": "weft.optim.rules.from_torch:radam",
    "rmsprop": "weft.optim.rules.from_torch:rmsprop",
    "rprop": "weft.optim.rules.from_torch:rprop",
    "schedule_free_adamw": "weft.optim.rules.schedule_free:schedule_free_adamw",
    "schedule_free_sgd": "weft.optim.rules.schedule_free:schedule_free_sgd",
    "shampoo": "weft.optim.rules.shampoo:shampoo",
    "soap": "weft.optim.rules.soap:soap",
    "sophia": "weft.optim.rules.sophia:sophia",
    "sparse_adam": "weft.optim.rules.from_torch:sparse_adam",
    "swats": "weft.optim.rules.swats:swats",
    "gauss_newton_diagonal": "weft.optim.rules.sophia:GaussNewtonDiagonal",
    "hutchinson_diagonal": "weft.optim.rules.sophia:HutchinsonDiagonal",
}
KIND = {
    "adabound": "optimizer",
    "adadelta": "optimizer",
    "adafactor": "optimizer",
    "adagrad": "optimizer",
    "adamax": "optimizer",
    "adan": "optimizer",
    "asgd": "optimizer",
    "by_parts": "optimizer",
    "classical_momentum": "optimizer",
    "lamb": "optimizer",
    "lars": "optimizer",
    "lion": "optimizer",
    "muon": "optimizer",
    "nadam": "optimizer",
    "radam": "optimizer",
    "rmsprop": "optimizer",
    "rprop": "optimizer",
    "schedule_free_adamw": "optimizer",
    "schedule_free_sgd": "optimizer",
    "shampoo": "optimizer",
    "soap": "optimizer",
    "sophia": "optimizer",
    "sparse_adam": "optimizer",
    "swats": "optimizer",
    "gauss_newton_diagonal": "estimator",
    "hutchinson_diagonal": "estimator",
}
EXTRA = {
    "Rule": "weft.optim.rules.rule:Rule",
    "ScheduleFreeAverage": "weft.optim.rules.schedule_free:ScheduleFreeAverage",
    "state_estimate": "weft.optim.rules.rule:state_estimate",
    "state_bytes": "weft.optim.rules.rule:state_bytes",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
