"""Profile some steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from weft.observe.logs import first_rank


class Profile:
    """Runs ``torch.profiler`` over ``steps`` steps after the first ``start`` and writes ``trace.json`` (Chrome trace) and ``table.txt``.

    Steps count from the first that this process takes, so a resumed run warms up first too. Open the trace at chrome://tracing or ui.perfetto.dev.
    The table is sorted by time spent in the operation itself. On several ranks the first one profiles.

    Use when a step is slower than it should be; instead of it, the progress line's rate to see that it is; cost: the profiled steps are slower.

    >>> listener = Profile(start=20, steps=3)
    >>> listener.directory.name
    'profile'
    """

    def __init__(self, start: int = 10, steps: int = 5, directory: str | Path = "profile", memory: bool = False) -> None:
        if start < 1 or steps < 1:
            raise ValueError(f"Profile needs start >= 1 (a listener is first called after a step) and steps >= 1, got start={start}, steps={steps}.")
        self.start, self.steps, self.directory, self.memory = start, steps, Path(directory), memory
        self.seen, self.step = 0, -1
        self.profiler: Any = None
        self.active = first_rank()

    def within(self, folder: str | Path) -> None:
        """Place the files inside ``folder`` (the run's directory), unless the path is absolute."""
        self.directory = Path(folder) / self.directory

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if state.step == self.step:  # an epoch's end is no step
            return
        self.step, self.seen = state.step, self.seen + 1
        if not self.active or self.seen < self.start:
            return
        if self.seen == self.start:
            self.profiler = profiler(self.memory)
            self.profiler.start()
        elif self.profiler is not None:
            if self.seen == self.start + self.steps:
                self.finish()
            else:
                self.profiler.step()

    def finish(self) -> None:
        """Stop and write what was recorded."""
        running, self.profiler = self.profiler, None
        running.stop()
        self.directory.mkdir(parents=True, exist_ok=True)
        running.export_chrome_trace(str(self.directory / "trace.json"))
        averages = running.key_averages()
        sort = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        (self.directory / "table.txt").write_text(averages.table(sort_by=sort, row_limit=50), encoding="utf-8")

    def close(self) -> None:
        if self.profiler is not None:
            self.finish()


def profiler(memory: bool) -> Any:
    """A profiler of this machine's devices."""
    from torch.profiler import ProfilerAction, ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    # a schedule that always records, for the marks of each step in the trace
    return profile(activities=activities, schedule=lambda step: ProfilerAction.RECORD, profile_memory=memory, acc_events=True)
