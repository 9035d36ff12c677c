"""``State``: everything that a training is, at one moment."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from weft.data import random_state
from weft.data.feed import Feed
from weft.optim.lengths import Clock, Length
from weft.optim.schedules import Progress
from weft.parallel.runtime import Runtime

from .checkpoints import Checkpoints
from .method import Method
from .update import BoundUpdate


@dataclass(frozen=True)
class Stop:
    """A listener returns it to end the training after this step."""

    reason: str


class State(Clock):
    """The method, its bound updates, the data and every counter. ``fit`` returns it; listeners read it.

    ``step`` counts calls of ``method.step``, ``samples`` what they saw over all ranks, ``epoch`` finished passes, ``seconds`` training
    time over all sessions; ``metrics`` holds the latest evaluation, ``stopped`` why training ended, ``skipped`` the number of updates that
    did not happen.
    """

    def __init__(self, method: Method, feed: Feed, runtime: Runtime, until: Length, listeners: Sequence[Any] = ()):
        self.method, self.feed, self.runtime, self.until, self.listeners = method, feed, runtime, until, listeners
        self.updates: dict[str, BoundUpdate] = {}
        self.step = self.epoch = self.samples = self.evaluations = 0
        self.seconds = 0.0
        self.stage = ""
        self.metrics: dict[str, float] = {}
        self.score: float | None = None
        self.best_step: int | None = None
        self.stopped: str | None = None
        self.checkpoints: Checkpoints | None = None
        self.dues: list[Any] = []
        self._best: dict[str, torch.Tensor] | None = None
        self._started = time.monotonic()

    def __repr__(self) -> str:
        return f"State({type(self.method).__name__}: {self.progress()})"

    @property
    def data(self) -> Iterable[Any]:
        return self.feed.data

    @property
    def total(self) -> int | None:
        """The number of steps that this training will have, if that is known."""
        return self.until.steps(self)

    @property
    def skipped(self) -> int:
        return sum(u.skipped for u in self.updates.values())

    def progress(self) -> Progress:
        return Progress(self.step, self.step, self.epoch, self.samples, self.total, self.until.fraction(self), self.metrics, self.evaluations)

    def tick(self) -> None:
        """Count the time since the last tick as training time."""
        now = time.monotonic()
        self.seconds, self._started = self.seconds + now - self._started, now

    def pause(self) -> None:
        """Forget the time since the last tick: it was not training."""
        self._started = time.monotonic()

    def remember_best(self, score: float) -> bool:
        """Note a score (higher is better); True when it is the best so far. NaN never is."""
        if (self.score is not None and not score > self.score) or score != score:
            return False
        self.score, self.best_step = score, self.step
        if self.checkpoints is None:
            self._best = {k: v.detach().cpu().clone() for k, v in self.method.state_dict().items()}
        return True

    def best(self) -> Method:
        """Load the best weights (by the monitored metric) into the method and return it."""
        weights = self._best
        if weights is None and self.checkpoints is not None and self.best_step is not None:
            found = self.checkpoints.best()
            weights = found[0]["method"] if found else None
        if weights is None:
            raise ValueError("No best weights: nothing was monitored. Give fit an evaluate=Evaluation(...), or use the last weights as they are.")
        self.method.load_state_dict(weights)
        return self.method

    def state_dict(self) -> dict[str, Any]:
        """What all ranks share."""
        return {
            "method": self.method.state_dict(),
            "updates": {k: u.state_dict() for k, u in self.updates.items()},
            "counters": {k: getattr(self, k) for k in ("step", "epoch", "samples", "evaluations", "seconds", "score", "best_step", "stopped")},
            "metrics": dict(self.metrics),
            "dues": [d.mark for d in self.dues],
            "listeners": {k: x.state_dict() for k, x in self._remembering()},
        }

    def own_state(self) -> dict[str, Any]:
        """What differs between ranks: the position in the data and the random states."""
        return {"feed": self.feed.state_dict(), "random": random_state.capture()}

    def load_state_dict(self, state: dict[str, Any], *, data: bool = True) -> None:
        """Become what was saved. ``data=False`` keeps the position in the data, for going on behind a bad batch."""
        _check_updates(state["updates"], self.updates)
        self.method.load_state_dict(state["method"])
        for k, u in self.updates.items():
            u.load_state_dict(state["updates"][k])
        if data:
            for k, v in state["counters"].items():
                setattr(self, k, v)
            self.feed.load_state_dict(state["feed"])
            self.metrics = dict(state["metrics"])
            for due, mark in zip(self.dues, state["dues"], strict=False):
                due.mark = mark
            for key, listener in self._remembering():
                if key in state["listeners"]:
                    listener.load_state_dict(state["listeners"][key])
            random_state.restore(state["random"])

    def _remembering(self) -> list[tuple[str, Any]]:
        """Listeners with a memory, each under its class and its number among its kind, so that adding another one does no harm."""
        with_memory = [x for x in self.listeners if hasattr(x, "state_dict")]
        kinds = [type(x).__name__ for x in with_memory]
        return [(f"{k}.{kinds[:i].count(k)}", x) for i, (k, x) in enumerate(zip(kinds, with_memory, strict=True))]

    def snapshot(self) -> dict[str, Any]:
        """A copy in memory of what rolling back returns to: weights, buffers, optimizers, arrows."""
        return copy.deepcopy(self.state_dict())


def _check_updates(saved: dict[str, Any], now: dict[str, BoundUpdate]) -> None:
    if saved.keys() != now.keys():
        raise ValueError(
            f"The checkpoint has updates {sorted(saved)}, this program {sorted(now)}. Resume with the program that wrote it, or train into a new"
            " directory."
        )
