"""What is said of more than one training: seeds, folds, and whether a difference is one."""

from __future__ import annotations

from weft._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {},
    {
        "Comparison": "weft.study.paired:Comparison",
        "Spread": "weft.study.spread:Spread",
        "Trials": "weft.study.trials:Trials",
        "compare_paired": "weft.study.paired:compare_paired",
        "cross_validate": "weft.study.trials:cross_validate",
        "over_seeds": "weft.study.trials:over_seeds",
        "spread": "weft.study.spread:spread",
    },
)
