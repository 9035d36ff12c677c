"""weft: every deep-learning system as a working part that fits the others, on PyTorch.

Names arrive when they are first used, so that ``import weft`` is quick and does not import torch.

>>> import weft
>>> "fit" in dir(weft)
True
"""

from weft._lazy import attach

__version__ = "0.1.0"

EXPORTS = {
    # the engine
    "fit": "weft.engine:fit",
    "evaluate": "weft.engine:evaluate",
    "Method": "weft.engine:Method",
    "Update": "weft.engine:Update",
    "Runtime": "weft.engine:Runtime",
    "State": "weft.engine:State",
    "Stop": "weft.engine:Stop",
    "Progress": "weft.engine:Progress",
    "Evaluation": "weft.engine:Evaluation",
    "Checkpoints": "weft.engine:Checkpoints",
    "Epochs": "weft.engine:Epochs",
    "Steps": "weft.engine:Steps",
    "Seconds": "weft.engine:Seconds",
    "Loss": "weft.losses:Loss",
    # the way of the data
    "Loader": "weft.data:Loader",
    "Run": "weft.observe:Run",
    "Bundle": "weft.serve:Bundle",
    # names
    "build": "weft.catalogue:build",
    "own": "weft.catalogue:own",
    "spec_of": "weft.catalogue:spec_of",
    "list": "weft.catalogue:list",
    "show": "weft.catalogue:show",
    "run": "weft.recipes:run",
    # packages
    "nn": "weft.nn",
    "losses": "weft.losses",
    "metrics": "weft.metrics",
    "data": "weft.data",
    "scratch": "weft.scratch",
    "optim": "weft.optim",
    "study": "weft.study",
    "models": "weft.models",
    "surgery": "weft.surgery",
    "parallel": "weft.parallel",
    "engine": "weft.engine",
    "methods": "weft.methods",
    "observe": "weft.observe",
    "catalogue": "weft.catalogue",
    "serve": "weft.serve",
    "recipes": "weft.recipes",
    "cli": "weft.cli",
}

__getattr__, __dir__ = attach(__name__, {}, EXPORTS)
