"""What the monitors share: when they look, what they keep, and where they write it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import nn

from weft.observe.metrics_file import MetricsFile

EARLY = (2, 5, 10, 20, 50, 100, 150)  # steps that are looked at whatever the interval is: many illnesses show at once
KEPT = 200  # reports that stay in memory
Chosen = str | Callable[[str], bool] | None


class Monitor:
    """A listener that looks at every ``every``-th step: it prepares after the step before, reads after the step, and keeps what it found.

    Steps 2, 5, 10, 20, 50, 100 and 150 are looked at too, and step 1 where ``read`` needs no preparation (``unprepared``).
    ``history`` holds the last reports, each ``{"step": ..., name: number}``; in a run they are also
    lines of ``health/<name>.jsonl``, cut back on resume like the run's metrics. A report that was being prepared when a checkpoint was
    written is left out after a resume. Subclasses write ``prepare(state)`` and ``read(state, logs)``, and set ``name``.
    """

    name = "monitor"
    unprepared = False

    def __init__(self, every: int = 200) -> None:
        if every < 1:
            raise ValueError(f"{type(self).__name__} looks at every 1 or more steps, got every={every}.")
        self.every = every
        self.history: deque[dict[str, float]] = deque(maxlen=KEPT)
        self.file: MetricsFile | None = None
        self.seen = -1
        self.ready = False

    def within(self, folder: str | Path) -> None:
        """Write into ``folder/health`` (the run's directory)."""
        self.file = MetricsFile((Path(folder) / "health" / f"{self.name}.jsonl").resolve(), every=1)

    def due(self, step: int) -> bool:
        return step in EARLY or step % self.every == 0

    def prepare(self, state: Any) -> None:
        """Called after the step before the one that is looked at."""

    def read(self, state: Any, logs: Mapping[str, Any]) -> dict[str, float]:
        """Called after the step that is looked at: what is reported, as numbers."""
        return {}

    def release(self) -> None:
        """Undo what ``prepare`` did; called after every look and at the end, whatever ended the training."""

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if state.step == self.seen:  # an epoch's end is no step
            return
        self.seen = state.step
        if self.ready or (self.unprepared and state.step == 1):
            try:
                found = self.read(state, logs)
            finally:
                self.ready = False
                self.release()
            if found:
                self.history.append({"step": state.step, **found})
                if self.file is not None:
                    self.file(state, found)
        if self.due(state.step + 1):
            self.prepare(state)
            self.ready = True

    def state_dict(self) -> dict[str, Any]:
        return {"file": self.file.state_dict()} if self.file is not None else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.file is not None and "file" in state:
            self.file.load_state_dict(state["file"])

    def close(self) -> None:
        self.ready = False
        self.release()
        if self.file is not None:
            self.file.close()


def chosen(names: list[str], layers: Chosen, limit: int) -> list[str]:
    """The names that ``layers`` means (a pattern such as ``"*.weight"``, or a predicate), evenly thinned to ``limit``, the ends kept.

    >>> chosen(["a.weight", "a.bias", "b.weight", "c.weight"], "*.weight", 2)
    ['a.weight', 'c.weight']
    """
    picked = names if layers is None else [n for n in names if (fnmatchcase(n, layers) if isinstance(layers, str) else layers(n))]
    if len(picked) <= limit:
        return picked
    return [picked[round(i * (len(picked) - 1) / max(1, limit - 1))] for i in range(limit)]


def main_network(method: nn.Module) -> nn.Module:
    """The network that predicts, as it trains; the method itself where that is not one network."""
    network = getattr(method, "network", None)
    if isinstance(network, nn.Module):
        return network
    children = [child for name, child in method.named_children() if name != "average"]
    return children[0] if len(children) == 1 else method
