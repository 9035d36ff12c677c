"""Optimizers, schedules, estimators, gradient transforms and follow-ups: how weights move."""

from __future__ import annotations

import importlib

from weft._lazy import attach

TABLE = {
    "adamw": "weft.optim.optimizers:adamw",
    "adam": "weft.optim.optimizers:adam",
    "sgd": "weft.optim.optimizers:sgd",
    "lbfgs": "weft.optim.optimizers:lbfgs",
    "layerwise": "weft.optim.optimizers:layerwise",
    "by_depth": "weft.optim.groups:by_depth",
    "groups": "weft.optim.groups:groups",
    "constant": "weft.optim.schedules:constant",
    "warmup": "weft.optim.schedules:warmup",
    "cosine": "weft.optim.schedules:cosine",
    "linear": "weft.optim.schedules:linear",
    "exponential": "weft.optim.schedules:exponential",
    "step_decay": "weft.optim.schedules:step_decay",
    "inverse_sqrt": "weft.optim.schedules:inverse_sqrt",
    "plateau": "weft.optim.schedules:plateau",
    "by_epoch": "weft.optim.cycles:by_epoch",
    "cyclic": "weft.optim.cycles:cyclic",
    "multi_step": "weft.optim.schedules:multi_step",
    "one_cycle": "weft.optim.cycles:one_cycle",
    "one_cycle_momentum": "weft.optim.cycles:one_cycle_momentum",
    "polynomial": "weft.optim.schedules:polynomial",
    "restarts": "weft.optim.cycles:restarts",
    "trapezoid": "weft.optim.schedules:trapezoid",
    "sharpness_aware": "weft.optim.estimators:SharpnessAware",
    "zeroth_order": "weft.optim.estimators:ZerothOrder",
    "private": "weft.optim.estimators:Private",
    "memory_fallback": "weft.optim.memory:MemoryFallback",
    "clip_norm": "weft.optim.gradients:ClipNorm",
    "clip_value": "weft.optim.gradients:ClipValue",
    "centralise": "weft.optim.gradients:Centralise",
    "noise": "weft.optim.gradients:Noise",
    "ema": "weft.optim.averages:EMA",
    "copy_every": "weft.optim.averages:CopyEvery",
    "lookahead": "weft.optim.averages:Lookahead",
    "constrain": "weft.optim.averages:Constrain",
    "anneal": "weft.optim.averages:Anneal",
}
KIND = {
    "adamw": "optimizer",
    "adam": "optimizer",
    "sgd": "optimizer",
    "lbfgs": "optimizer",
    "layerwise": "optimizer",
    "by_depth": "optimizer",
    "groups": "optimizer",
    "constant": "schedule",
    "warmup": "schedule",
    "cosine": "schedule",
    "linear": "schedule",
    "exponential": "schedule",
    "step_decay": "schedule",
    "inverse_sqrt": "schedule",
    "plateau": "schedule",
    "by_epoch": "schedule",
    "cyclic": "schedule",
    "multi_step": "schedule",
    "one_cycle": "schedule",
    "one_cycle_momentum": "schedule",
    "polynomial": "schedule",
    "restarts": "schedule",
    "trapezoid": "schedule",
    "sharpness_aware": "estimator",
    "zeroth_order": "estimator",
    "private": "estimator",
    "memory_fallback": "estimator",
    "clip_norm": "gradient",
    "clip_value": "gradient",
    "centralise": "gradient",
    "noise": "gradient",
    "ema": "followup",
    "copy_every": "followup",
    "lookahead": "followup",
    "constrain": "followup",
    "anneal": "followup",
}

EXTRA = {
    "Progress": "weft.optim.schedules:Progress",
    "Schedule": "weft.optim.schedules:Schedule",
    "average_of": "weft.optim.averages:average_of",
    "decay_groups": "weft.optim.optimizers:decay_groups",
    "depths": "weft.optim.groups:depths",
    "in_modules": "weft.optim.groups:in_modules",
    "preview": "weft.optim.cycles:preview",
    "scaled_rate": "weft.optim.cycles:scaled_rate",
}
SHELVES = ("rules",)  # what stands on them is also exported here
for shelf in map(importlib.import_module, [f"{__name__}.{name}" for name in SHELVES]):
    EXTRA |= shelf.EXTRA | {path.partition(":")[2]: path for path in shelf.TABLE.values()}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
