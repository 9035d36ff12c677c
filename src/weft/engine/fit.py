"""``fit``: the one training loop. Order of a step: method.step, evaluations that are due, listeners, checkpoint."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from weft.data.batch import Batch, described, move, size
from weft.data.feed import Feed
from weft.optim.lengths import Due, Length
from weft.optim.nonfinite import RollBack
from weft.parallel import graceful, same_everywhere
from weft.parallel.runtime import Runtime, keep_memory

from .checkpoints import Checkpoints
from .evaluate import Evaluation
from .method import Logs, Method
from .state import State, Stop
from .update import Update, bind

Listener = Callable[[State, Logs], "Stop | None"]
SNAPSHOT_STEPS = 50


def fit(
    method: Method,
    data: Iterable[Any],
    updates: Update | Mapping[str, Update] | None = None,
    *,
    until: Length,
    evaluate: Evaluation | Sequence[Evaluation] | None = None,
    listeners: Sequence[Listener] = (),
    run: Checkpoints | str | Path | None = None,
    runtime: Runtime = Runtime(),
) -> State:
    """Train ``method`` on ``data`` and return the state; the method keeps its last weights, ``state.best()`` loads the best.

    ``data``: any iterable of batches (dicts, or ``(x, y)`` as a ``DataLoader`` yields). ``updates``: one update, a dict by name, or None for
    the method's own. ``until``: ``Epochs(10)``, ``Steps(1000)``, ``Seconds(60)``, joined with ``|``. ``run``: a directory (or ``Checkpoints``);
    training goes on from its newest good checkpoint, bit for bit. With it, SIGINT and SIGTERM save a checkpoint before they end the program.
    Raises ``ValueError`` for parameters that no update moves or two do, for data that ends early, for an epoch without a valid target.

    >>> from weft.methods import Supervised
    >>> from weft.losses import cross_entropy
    >>> from weft.engine import Steps
    >>> state = fit(Supervised(torch.nn.Linear(2, 2), cross_entropy), [(torch.eye(2), torch.tensor([0, 1]))], until=Steps(3))
    >>> state.step, state.samples
    (3, 6)
    """
    state = _prepare(method, data, updates, until, listeners, run, runtime)
    evaluations = [evaluate] if isinstance(evaluate, Evaluation) else list(evaluate or ())
    loop = _Loop(state, evaluations)
    state.dues = [*loop.dues, *([state.checkpoints.due] if state.checkpoints else [])]
    if state.checkpoints is not None:
        _resume(state, state.checkpoints)
    with contextlib.ExitStack() as stack:
        for listener in listeners:
            if hasattr(listener, "close"):
                stack.callback(listener.close)  # type: ignore[attr-defined]
        if state.checkpoints is not None:
            stack.enter_context(graceful(loop.interrupt))
        method.train()
        loop.run()
        loop.end()
    if loop.interrupted:
        _leave(loop, state)
    return state


def _prepare(
    method: Method,
    data: Iterable[Any],
    updates: Update | Mapping[str, Update] | None,
    until: Length,
    listeners: Sequence[Listener],
    run: Checkpoints | str | Path | None,
    runtime: Runtime,
) -> State:
    if not isinstance(method, Method):
        raise TypeError(f"fit got a {type(method).__name__}; it trains a Method. For a plain network: weft.methods.Supervised(network, loss).")
    if not isinstance(until, Length):
        raise TypeError(f"until={until!r}: say Epochs(n), Steps(n) or Seconds(n).")
    runtime = runtime.resolve(method)
    if runtime.place.type == "cpu":
        keep_memory()
    method.to(runtime.place)
    if runtime.channels_last:
        method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    method.runtime = runtime
    state = State(method, Feed(data), runtime, until, listeners)
    method.train()
    state.updates = bind(method, updates, runtime, state.progress)
    state.checkpoints = run if isinstance(run, Checkpoints) or run is None else Checkpoints(run)
    if runtime.world > 1:
        assert runtime.group is not None
        same_everywhere([*method.parameters(), *method.buffers()], runtime.group)
        if runtime.rank:
            torch.manual_seed(torch.initial_seed() + runtime.rank)  # equal noise on every rank would be no noise
    return state


def _resume(state: State, checkpoints: Checkpoints) -> None:
    found = checkpoints.latest(state.runtime)
    if found is not None:
        saved, _ = found
        state.load_state_dict(saved)
        if state.stopped in ("interrupted", "done") and not state.until.reached(state):
            state.stopped = None  # it was to go on; what a listener stopped stays stopped
    elif checkpoints.previous is not None:
        earlier = Checkpoints(checkpoints.previous).latest()
        for key, update in state.updates.items():
            if earlier is not None and key in earlier[0]["updates"]:
                changed = update.carry_over(earlier[0]["updates"][key])
                if changed["vanished"] or changed["new"]:
                    warnings.warn(
                        f"Update {key!r}: optimizer state carried over by name; without one: {changed['new'] or 'none'}; dropped:"
                        f" {changed['vanished'] or 'none'}.",
                        stacklevel=3,
                    )


class _Loop:
    """The loop's own bookkeeping: what is due, when it ends, whether somebody asked to leave."""

    def __init__(self, state: State, evaluations: list[Evaluation]):
        self.state, self.evaluations = state, evaluations
        self.dues = [Due(e.every) for e in evaluations]
        self.interrupted: int | None = None
        self.measured_at = self.saved_at = (-1, -1)
        self.last: Batch | None = None
        self.good: dict[str, Any] | None = None

    def interrupt(self, number: int) -> None:
        self.interrupted = number

    def run(self) -> None:
        state = self.state
        state.pause()
        self.saved_at = (state.step, state.epoch)
        while not self._over():
            batch, present = self._next()
            if present is None:
                self._epoch_end()
                continue
            batch = move(batch, state.runtime.place, state.runtime.channels_last)
            for update in state.updates.values():
                update.engine.present = present
            try:
                logs = self._step(batch)
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                error.add_note(f"This was step {state.step + 1}, with the batch: {described(batch)}.")
                raise
            state.step += 1
            state.samples += int(state.runtime.total(size(batch) if present else 0))
            state.tick()
            self._after(logs, epoch_end=False)

    def _over(self) -> bool:
        state = self.state
        reached = state.until.reached(state)
        over = state.runtime.total(float(reached or state.stopped is not None or self.interrupted is not None)) > 0
        if over and state.stopped is None:
            state.stopped = "interrupted" if self.interrupted is not None else "done"
        return over

    def _next(self) -> tuple[Batch, bool | None]:
        """The next batch, and True; or the last batch again and False, to keep other ranks company; or None at the end of the epoch everywhere."""
        state = self.state
        batch = state.feed.next()
        anywhere = state.runtime.total(float(batch is not None)) > 0
        if batch is not None and (state.runtime.world == 1 or self.last is None or size(batch)):
            self.last = batch
        return (self.last, self.last is batch) if anywhere else (None, None)

    def _step(self, batch: Batch) -> Logs:
        state = self.state
        if state.runtime.nonfinite != "rollback":
            return state.method.step(batch, state.updates)
        if self.good is None or state.step % SNAPSHOT_STEPS == 0:
            self.good = state.snapshot()
        try:
            return state.method.step(batch, state.updates)
        except RollBack as reason:
            skips = {k: (u.skips, u.skipped) for k, u in state.updates.items()}
            state.load_state_dict(self.good, data=False)
            for k, (skips_now, skipped) in skips.items():
                state.updates[k].skips, state.updates[k].skipped = skips_now, skipped
            warnings.warn(f"{reason} Rolled back to the snapshot of step {self.good['counters']['step']}; going on behind this batch.", stacklevel=2)
            return {}

    def _after(self, logs: Logs, *, epoch_end: bool) -> None:
        state = self.state
        logs = dict(logs) if self.evaluations else logs
        due = [e for e, d in zip(self.evaluations, self.dues, strict=True) if d(state, epoch_end=epoch_end)]
        improved = self._evaluate(due, logs) if due else False
        for listener in state.listeners:
            said = listener(state, logs)
            if isinstance(said, Stop) and state.stopped is None:
                state.stopped = said.reason
        if state.checkpoints is not None and (state.checkpoints.due(state, epoch_end=epoch_end) or improved):
            self.save()

    def _evaluate(self, due: list[Evaluation], logs: Logs) -> bool:
        state = self.state
        state.tick()
        improved = False
        for evaluation in due:
            results = evaluation(state.method, state.runtime)
            state.metrics = {**state.metrics, **results}
            logs.update(results)
            if evaluation is self.evaluations[0]:
                state.evaluations += 1
                improved = state.remember_best(evaluation.watched(results)[1])
        self.measured_at = (state.step, state.epoch)
        state.pause()
        return improved

    def _epoch_end(self) -> None:
        state = self.state
        self._require_items()
        for update in state.updates.values():
            update.seen_items = False
        state.epoch += 1
        once = state.feed.iterator is state.feed.data
        state.feed.advance()
        self._after({}, epoch_end=True)
        if once and not state.until.reached(state) and state.stopped is None:
            raise ValueError(
                f"The data ended after {state.step} steps{f' of {state.total}' if state.total else ''}: it is an iterator that can be read only once."
                " Give a list, a loader, or a longer stream."
            )

    def _require_items(self) -> None:
        state = self.state
        if all(not u.seen_items for u in state.updates.values()) and any(u.empty for u in state.updates.values()):
            raise ValueError(
                f"Epoch {state.epoch} had no valid target: every mask was empty, so nothing could be learned. Check the masks and the ignored labels."
            )

    def save(self) -> None:
        state = self.state
        if state.checkpoints is not None and self.saved_at != (state.step, state.epoch):
            score, own = state.score if state.best_step == state.step else None, state.own_state()
            try:
                state.checkpoints.save(
                    state.state_dict(),
                    own,
                    {"step": state.step, "epoch": state.epoch, "score": score, "stopped": state.stopped},
                    state.runtime,
                )
                self.saved_at = (state.step, state.epoch)
                state.feed.committed(own["feed"])
            except OSError as error:
                warnings.warn(f"No checkpoint at step {state.step}: {error}. Earlier checkpoints are untouched; training goes on.", stacklevel=2)
            state.pause()

    def end(self) -> None:
        """The last evaluation, unless it has just been made, and the last checkpoint."""
        state = self.state
        if state.epoch == 0 and state.feed.batches:
            self._require_items()
        if self.interrupted is None and self.evaluations and self.measured_at != (state.step, state.epoch) and state.step:
            logs: Logs = {}
            self._evaluate(self.evaluations, logs)
            for listener in state.listeners:
                listener(state, logs)
        self.save()


def _leave(loop: _Loop, state: State) -> None:
    """In a notebook give the state back; in a program leave, with the usual exit status of that signal."""
    assert loop.interrupted is not None and state.checkpoints is not None
    where = f"Stopped at step {state.step}; the checkpoint is in {state.checkpoints.directory}. The same call goes on from there."
    print(where, file=sys.stderr)
    if not (hasattr(sys, "ps1") or "IPython" in sys.modules):
        raise SystemExit(128 + loop.interrupted)
