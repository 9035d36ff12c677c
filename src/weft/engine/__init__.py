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
        "Runtime": "weft.parallel.runtime:Runtime",
        "State": "weft.engine.state:State",
        "Stop": "weft.engine.state:Stop",
        "Evaluation": "weft.engine.evaluate:Evaluation",
        "Metric": "weft.metrics.metric:Metric",
        "evaluate": "weft.engine.evaluate:evaluate",
        "fit": "weft.engine.fit:fit",
        "Checkpoints": "weft.engine.checkpoints:Checkpoints",
        "Damaged": "weft.data.state_files:Damaged",
        "NonFinite": "weft.optim.nonfinite:NonFinite",
        "Length": "weft.optim.lengths:Length",
        "Epochs": "weft.optim.lengths:Epochs",
        "Steps": "weft.optim.lengths:Steps",
        "Seconds": "weft.optim.lengths:Seconds",
        "Progress": "weft.optim.schedules:Progress",
        "Mean": "weft.losses.loss:Mean",
        "Logs": "weft.engine.method:Logs",
        "as_batch": "weft.data.batch:as_batch",
        "write_bytes": "weft.data.state_files:write_bytes",
    },
)
