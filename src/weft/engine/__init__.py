"""The engine: one way to train. ``Method``, ``Update``, ``Runtime``, ``State``, ``fit``, ``evaluate``."""

from __future__ import annotations

from weft._lazy import attach

TABLE: dict[str, str] = {}
KIND = "engine"

__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "Method": "weft.engine.method:Method",
        "Update": "weft.engine.update:Update",
        "BoundUpdate": "weft.engine.update:BoundUpdate",
        "Runtime": "weft.engine.runtime:Runtime",
        "State": "weft.engine.state:State",
        "Stop": "weft.engine.state:Stop",
        "Evaluation": "weft.engine.evaluate:Evaluation",
        "Metric": "weft.engine.evaluate:Metric",
        "evaluate": "weft.engine.evaluate:evaluate",
        "fit": "weft.engine.fit:fit",
        "Checkpoints": "weft.engine.checkpoints:Checkpoints",
        "Damaged": "weft.engine.files:Damaged",
        "NonFinite": "weft.engine.finite:NonFinite",
        "Length": "weft.engine.until:Length",
        "Epochs": "weft.engine.until:Epochs",
        "Steps": "weft.engine.until:Steps",
        "Seconds": "weft.engine.until:Seconds",
        "Progress": "weft.optim.schedules:Progress",
        "Mean": "weft.losses.loss:Mean",
        "Logs": "weft.engine.method:Logs",
        "as_batch": "weft.engine.batch:as_batch",
        "write_bytes": "weft.engine.files:write_bytes",
    },
)
