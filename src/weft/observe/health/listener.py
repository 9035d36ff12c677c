"""Watch a training and say at once what goes wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.observe.health.activations import ActivationMonitor
from weft.observe.health.diagnose import Finding, told
from weft.observe.health.evidence import Evidence
from weft.observe.health.gradients import GradientMonitor
from weft.observe.health.signs import Limits
from weft.observe.logs import first_rank, scalars

ROWS = 4096  # of the curves that stay in memory; then every second one is dropped
LATE = 0.6  # of the training, after which its curves are judged too


class Health:
    """Gradient and activation monitor in one, with the rules of ``weft diagnose`` applied while the training runs: each illness warns once.

    In a run it writes what ``weft diagnose RUN`` reads. What can be told early is (a rate that is too high, dead units, an input that is not
    normalised, …); the rest is judged when three fifths of a training of known length are over. ``warn=False`` only writes. ``found`` holds what it
    has said. ``limits``: where healthy ends.

    Use in every training; instead of it, the two monitors where more detail is wanted. Cost: about 1 ms a report
    on a small dense network, 1.3 % of its steps of half a millisecond at the default interval; a smaller share of longer ones.

    >>> from weft.observe.health.diagnose import Finding
    >>> health = Health(every=100, warn=False)
    >>> health.found
    []
    """

    def __init__(self, every: int = 200, *, warn: bool = True, limits: Limits = Limits()) -> None:
        self.gradients, self.activations = GradientMonitor(every), ActivationMonitor(every)
        self.warn, self.limits = warn and first_rank(), limits
        self.found: list[Finding] = []
        self.curves: list[dict[str, Any]] = []
        self.late = self.broken = False

    def within(self, folder: str | Path) -> None:
        """Write into ``folder/health`` (the run's directory)."""
        self.gradients.within(folder)
        self.activations.within(folder)

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if self.broken:
            return
        try:
            self.look(state, logs)
        except Exception as error:  # it watches every recipe unasked: whatever it stumbles over, the training goes on
            self.broken = True
            self.gradients.close()
            self.activations.close()
            warnings.warn(f"Health has stopped watching at step {state.step}, the training goes on: {type(error).__name__}: {error}", stacklevel=2)

    def look(self, state: Any, logs: Mapping[str, Any]) -> None:
        """One step."""
        looked = len(self.gradients.history), self.gradients.seen
        self.gradients(state, logs)
        self.activations(state, logs)
        if not self.warn or not logs:
            return
        fresh = (len(self.gradients.history), self.gradients.seen) != looked and self.gradients.due(state.step)
        measured = bool(state.metrics) and not logs.keys().isdisjoint(state.metrics)
        if not fresh and not measured:
            return
        self.curves.append({"step": state.step, **scalars(logs)})
        if len(self.curves) > ROWS:
            del self.curves[1::2]
        self.late = self.late or bool(state.total and state.step >= LATE * state.total)
        self.judge(state)

    def judge(self, state: Any) -> None:
        """Apply the rules to what is known by now, and warn of what is new."""
        evidence = Evidence(self.curves, [*self.gradients.history, *self.activations.history], state.stage)
        known = {finding.name for finding in self.found}
        for finding in told(evidence, self.limits, early=not self.late):
            if finding.name not in known:
                self.found.append(finding)
                warnings.warn(f"Step {state.step}: {finding}", stacklevel=2)

    def state_dict(self) -> dict[str, Any]:
        return {"gradients": self.gradients.state_dict(), "activations": self.activations.state_dict(), "found": [f.name for f in self.found]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.gradients.load_state_dict(state["gradients"])
        self.activations.load_state_dict(state["activations"])
        self.found = [Finding(name, "", "", ()) for name in state["found"]]

    def close(self) -> None:
        self.gradients.close()
        self.activations.close()
