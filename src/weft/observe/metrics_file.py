"""The metrics of a run as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.engine import write_bytes
from weft.observe.logs import Averages, first_rank, jsonable, learning_rates, unjson

FIXED = ("stage", "step", "epoch", "samples", "time")
PATIENCE = 10.0  # seconds after which a line is written even when fewer than ``every`` steps have passed
STRICT = json.JSONEncoder(allow_nan=False)
FLUSH = 1.0  # seconds that written lines may wait in memory


class MetricsFile:
    """Writes ``{"stage", "step", "epoch", "samples", "time", <name>: <value>, ...}`` every ``every`` steps, after 10 s, and at each evaluation.

    Without ``every`` there are about 200 lines, at most one a step and at least one in 50 steps.

    A value is the weighted mean over the steps since the last line: sum of sums / sum of counts, so ragged batches weigh what they hold.
    ``time`` is seconds of training, over all resumes. The learning rate is added. A number that is not finite is written as the string NaN,
    Infinity or -Infinity.

    On its first call the file is cut back to what it held at the checkpoint that training goes on from (in a training that begins: to
    nothing of this stage), and a torn last line is dropped. What was gathered since the last line is part of the listener's state, so the
    file of a resumed run equals that of an uninterrupted one. On several ranks the first one writes.

    Use when a run should be looked at afterwards; instead of it, ``TensorBoard`` for its interface; cost: about a microsecond a step.

    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> state = SimpleNamespace(stage="", step=1, epoch=0, samples=8, seconds=0.5, total=10, metrics={}, updates={})
    >>> listener = MetricsFile(Path(tempfile.mkdtemp()) / "metrics.jsonl")
    >>> listener(state, {"loss": 0.25})
    >>> listener.close()
    >>> read_metrics(listener.path)
    [{'stage': '', 'step': 1, 'epoch': 0, 'samples': 8, 'time': 0.5, 'loss': 0.25}]
    """

    def __init__(self, path: str | Path = "metrics.jsonl", every: int | None = None) -> None:
        if every is not None and every < 1:
            raise ValueError(f"MetricsFile writes every 1 or more steps, got every={every}.")
        self.path, self.every = Path(path), every
        self.interval = every or 1
        self.averages = Averages()
        self.file: Any = None
        self.active = first_rank()
        self.kept: int | None = None  # lines of this stage that belong to the checkpoint we go on from
        self.lines = 0
        self.since = 0
        self.last: Any = None
        self.written_at = self.flushed_at = 0.0

    def within(self, folder: str | Path) -> None:
        """Place the file inside ``folder`` (the run's directory), unless its path is absolute."""
        self.path = Path(folder) / self.path

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if not self.active or not logs:  # an epoch's end without an evaluation has no logs
            return
        now = time.monotonic()
        if self.file is None:
            self.open(state, now)
        self.averages.add(logs)
        self.last = state
        self.since += 1
        if self.since >= self.interval or now - self.written_at > PATIENCE or not logs.keys().isdisjoint(state.metrics):
            self.write(state, now)

    def open(self, state: Any, now: float) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.every is None:
            self.interval = max(1, min(50, state.total // 200)) if state.total else 20
        self.lines = cut_back(self.path, state.stage, self.kept if self.kept is not None else 0)
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115  closed by close()
        self.written_at = self.flushed_at = now

    def write(self, state: Any, now: float) -> None:
        """One line of what was gathered; nothing when nothing was."""
        self.since, self.written_at = 0, now
        means = self.averages.means()
        if not means:
            return
        line = {"stage": state.stage, "step": state.step, "epoch": state.epoch, "samples": state.samples, "time": round(state.seconds, 3)}
        line |= learning_rates(state) | means
        try:
            text = STRICT.encode(line)
        except (ValueError, TypeError):  # a number that is not finite, a value of another kind: rare, so not looked for beforehand
            text = STRICT.encode(jsonable(line))
        self.file.write(text + "\n")
        self.lines += 1
        if now - self.flushed_at > FLUSH:
            self.file.flush()
            self.flushed_at = now

    def state_dict(self) -> dict[str, Any]:
        """What was gathered since the last line, and how many lines there are; those are flushed, as the checkpoint counts on them."""
        if self.file is not None:
            self.file.flush()
        return {"averages": self.averages.state_dict(), "since": self.since, "lines": self.lines}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.averages.load_state_dict(state["averages"])
        self.since, self.kept = int(state["since"]), int(state["lines"])

    def close(self) -> None:
        if self.file is None:
            return
        self.write(self.last, time.monotonic())
        self.file.close()
        self.file = None


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a metrics file. A torn last line is left out; a broken line elsewhere raises ValueError naming it.

    >>> read_metrics("no/such/metrics.jsonl")
    []
    """
    path = Path(path)
    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict) and line.endswith("\n"):
            rows.append({key: unjson(value) for key, value in row.items()})
        elif number < len(lines):
            raise ValueError(f"Line {number} of {path} is not a JSON object: {line[:80]!r}. Remove it or restore the file.")
    return rows


def cut_back(path: Path, stage: str, keep: int) -> int:
    """Keep the first ``keep`` lines of ``stage`` and the whole lines of other stages; return how many of ``stage`` there are."""
    if not path.is_file():
        return 0
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept, found = [], 0
    for line in lines:
        its = stage_of(line)
        if its == stage:
            found += 1
        if its is not None and (its != stage or found <= keep):
            kept.append(line)
    if len(kept) < len(lines):
        write_bytes(path, "".join(kept).encode())
    return min(found, keep)


def stage_of(line: str) -> str | None:
    """The stage of a line; None for one that is not whole."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return str(row.get("stage", "")) if isinstance(row, dict) and line.endswith("\n") else None
