"""Scalars for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.observe.logs import Averages, first_rank, learning_rates


class TensorBoard:
    """Writes each value's weighted mean over ``every`` steps, the learning rates and each evaluation as TensorBoard scalars.

    The step axis goes on over a resume: events from the resumed step on are hidden (TensorBoard's ``purge_step``). On several ranks the first one
    writes. Raises ImportError with the remedy when the package ``tensorboard`` is missing.

    Use when you want TensorBoard's interface; instead of it, ``MetricsFile`` and the report need nothing installed; cost: about a microsecond a step.

    >>> listener = TensorBoard("runs/digits/tensorboard", every=100)  # doctest: +SKIP
    """

    def __init__(self, directory: str | Path = "tensorboard", every: int = 50) -> None:
        if every < 1:
            raise ValueError(f"TensorBoard writes every 1 or more steps, got every={every}.")
        self.directory, self.every = Path(directory), every
        self.averages = Averages()
        self.writer: Any = None
        self.active = first_rank()
        self.last: Any = None
        self.since = 0
        if self.active:
            writer_class()  # a missing package is said now, not after the first step

    def within(self, folder: str | Path) -> None:
        """Place the events inside ``folder`` (the run's directory), unless the path is absolute."""
        self.directory = Path(folder) / self.directory

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if not self.active or not logs:  # an epoch's end without an evaluation has no logs
            return
        if self.writer is None:
            self.writer = writer_class()(str(self.directory / state.stage), purge_step=state.step if state.step > 1 else None)
        self.averages.add(logs)
        self.last = state
        self.since += 1
        if self.since >= self.every or not logs.keys().isdisjoint(state.metrics):
            self.write(state)

    def write(self, state: Any) -> None:
        self.since = 0
        means = self.averages.means()
        for name, value in (means | (learning_rates(state) if means else {})).items():
            self.writer.add_scalar(name, value, state.step)

    def state_dict(self) -> dict[str, Any]:
        return {"averages": self.averages.state_dict(), "since": self.since}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.averages.load_state_dict(state["averages"])
        self.since = int(state["since"])

    def close(self) -> None:
        if self.writer is not None:
            self.write(self.last)
            self.writer.close()
            self.writer = None


def writer_class() -> Any:
    """TensorBoard's writer; ImportError with the remedy where it is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError("The TensorBoard listener needs the package tensorboard: pip install 'weft[tensorboard]'.") from error
    return SummaryWriter
