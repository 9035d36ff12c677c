"""What watches a run and changes nothing: listeners, the run directory, the report, and pictures of batches and results."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from weft._lazy import attach

TABLE = {
    "progress": "weft.observe.progress:Progress",
    "metrics_file": "weft.observe.metrics_file:MetricsFile",
    "tensorboard": "weft.observe.tensorboard:TensorBoard",
    "samples": "weft.observe.samples:Samples",
    "early_stop": "weft.observe.early_stop:EarlyStop",
    "stop_when_all": "weft.observe.early_stop:StopWhenAll",
    "profile": "weft.observe.profile:Profile",
}
KIND = "listener"

EXTRA = {
    "Run": "weft.observe.run:Run",
    "Lock": "weft.observe.lock:Lock",
    "LockedError": "weft.observe.lock:LockedError",
    "Outcome": "weft.observe.outcome:Outcome",
    "collect": "weft.observe.outcome:collect",
    "draw_activations": "weft.observe.activation_plots:draw_activations",
    "write_data_report": "weft.observe.data_report:write_data_report",
    "write_report": "weft.observe.report:write_report",
    "show_batch": "weft.observe.look:show_batch",
    "show_results": "weft.observe.look:show_results",
    "compare": "weft.observe.compare:compare",
    "environment": "weft.observe.environment:environment",
    "fingerprint": "weft.observe.environment:fingerprint",
    "read_metrics": "weft.observe.metrics_file:read_metrics",
    "Summary": "weft.observe.summary:Summary",
    "summary": "weft.observe.summary:summary",
}
SHELVES = ("find", "health")  # what stands on them is also exported here
for shelf in map(importlib.import_module, [f"{__name__}.{name}" for name in SHELVES]):
    EXTRA |= shelf.EXTRA | {path.partition(":")[2]: path for path in shelf.TABLE.values()}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """A maker for each listener, ``folder -> listener``; those that write, write into the folder."""
    from weft.observe.early_stop import EarlyStop, StopWhenAll
    from weft.observe.metrics_file import MetricsFile
    from weft.observe.profile import Profile
    from weft.observe.progress import Progress
    from weft.observe.samples import Samples
    from weft.observe.tensorboard import TensorBoard

    def within(listener: Any, folder: Path) -> Any:
        listener.within(folder)
        return listener

    return {
        "progress": lambda folder: Progress(),
        "metrics_file": lambda folder: within(MetricsFile(every=1), folder),
        "tensorboard": lambda folder: within(TensorBoard(every=1), folder),
        "samples": lambda folder: within(Samples(lambda method: "a sample", every=1), folder),
        "early_stop": lambda folder: EarlyStop("val/loss", patience=2),
        "stop_when_all": lambda folder: StopWhenAll(EarlyStop("val/loss", patience=2)),
        "profile": lambda folder: within(Profile(start=1, steps=1), folder),
    }
