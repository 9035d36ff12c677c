"""The directory of a run: what was asked, on what it ran, what it measured, and what it can go on from."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.engine import Checkpoints, Evaluation, Method, Runtime, State, Steps, Update, write_bytes
from weft.engine.fit import fit
from weft.observe.environment import MATTERS, changes, environment, fingerprint
from weft.observe.lock import Lock
from weft.observe.logs import first_rank, jsonable
from weft.observe.metrics_file import MetricsFile, read_metrics
from weft.observe.progress import Progress

STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


class Run:
    """A directory that belongs to one run, locked while this process works in it.

    ``spec.json`` the call with every default written out, ``environment.json`` versions, code, hardware and data, ``metrics.jsonl`` a line per
    interval, ``checkpoints/<stage>/`` what training goes on from, ``failed.json`` why it ended with an error, ``result.json`` once it is finished,
    ``report.html``, and what listeners write.
    Make one with ``Run.create`` or ``Run.open``; as a context manager it frees the lock at the end. On several ranks the first one locks and writes.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "digits"
    >>> with Run.create(folder, {"name": "digits", "args": {"lr": 0.1}}) as run:
    ...     _ = run.finish({"accuracy": 0.98})
    >>> Run.open(folder, read_only=True).result
    {'accuracy': 0.98}
    """

    def __init__(self, path: str | Path, lock: Lock | None = None) -> None:
        self.path, self.lock = Path(path), lock
        self.show_progress = True
        self.save_every: Any = None  # how often fit saves; None: the default of Checkpoints
        self.stages: list[str] = []  # those that this process has begun, in order

    @classmethod
    def create(cls, path: str | Path, spec: Mapping[str, Any], *, code: Sequence[str | Path] = (), data: Any = None) -> Run:
        """Begin a run in a directory that is new or empty.

        ``spec``: the call, JSON values only, with every default written out. ``code``: the user's own files, ``data``: what is trained on (a path, a
        source, or a dict of them); their hashes are kept to notice a change at resume.
        Raises FileExistsError when the directory holds a run or anything else, LockedError when another process works in it.
        """
        path = Path(path)
        body = encoded(spec)
        run = cls(path)
        if not first_rank():
            return run
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"{path} is a file; a run needs a directory of its own.")
        path.mkdir(parents=True, exist_ok=True)
        run.lock = Lock(path)
        try:
            if (path / "spec.json").exists():
                raise FileExistsError(f"{path} already holds a run. Resume it (Run.open, or weft resume {path}), or choose another directory.")
            others = sorted(item.name for item in path.iterdir() if item.name != "lock")
            if others:
                raise FileExistsError(f"{path} is not empty (it holds {', '.join(others[:3])}); a run needs a directory of its own.")
            around = environment(code) | {"data": None if data is None else fingerprint(data), "created": time.strftime("%Y-%m-%d %H:%M:%S")}
            write_bytes(path / "environment.json", encoded(around))
            write_bytes(path / "spec.json", body)  # last: with it the directory is a run
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Run:
        """Open a run to go on with it, or only to read it (then nothing is locked).

        Raises FileNotFoundError when there is no run, LockedError when another process works in it.
        """
        path = Path(path)
        if not (path / "spec.json").is_file():
            near = sorted(str(spec.parent) for spec in path.parent.glob("*/spec.json")) if path.parent.is_dir() else []
            hint = f" Runs nearby: {', '.join(near[:5])}." if near else ""
            raise FileNotFoundError(f"{path} holds no run (there is no spec.json).{hint}")
        return cls(path, None if read_only or not first_rank() else Lock(path))

    @property
    def spec(self) -> dict[str, Any]:
        return self.read("spec.json")

    @property
    def environment(self) -> dict[str, Any]:
        return self.read("environment.json")

    @property
    def result(self) -> dict[str, Any] | None:
        """What ``finish`` wrote; None while the run is unfinished."""
        return self.read("result.json") if (self.path / "result.json").is_file() else None

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        return read_metrics(self.path / "metrics.jsonl")

    def checkpoints(self, stage: str) -> Path:
        """The directory of a stage's checkpoints."""
        if not STAGE.match(stage):
            raise ValueError(
                f"A stage's name is a directory's: letters, digits, '_', '-' and '.', at most 64, beginning with a letter or digit; got {stage!r}."
            )
        return self.path / "checkpoints" / stage

    def finished(self, stage: str) -> dict[str, Any] | None:
        """How a stage ended (step, reason, metrics); None when it has not."""
        note = self.checkpoints(stage) / "finished.json"
        return json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None

    def fit(
        self,
        stage: str,
        method: Method,
        data: Iterable[Any],
        updates: Update | Mapping[str, Update] | None = None,
        *,
        until: Any,
        evaluate: Evaluation | Sequence[Evaluation] | None = None,
        listeners: Sequence[Callable[..., Any]] = (),
        runtime: Runtime = Runtime(),
    ) -> State:
        """Train one named stage of this run with checkpoints, metrics file and progress; see ``weft.engine.fit``.

        A stage that was finished before loads its result and trains no step; one that was begun goes on where its last checkpoint was;
        optimizer state is carried over from the stage before by parameter name. Listeners that write files (they have ``within``) write into
        the run's directory.
        ``run.save_every`` and ``run.show_progress`` are settings of the whole run.
        """
        folder = self.checkpoints(stage)
        self.usable()
        previous = self.checkpoints(self.stages[-1]) if self.stages and self.stages[-1] != stage else None
        if stage not in self.stages:
            self.stages.append(stage)
        saved = Checkpoints(folder, every=self.save_every, previous=previous)
        done = self.complete(stage, saved)
        if done is not None:  # the engine goes on from the last checkpoint and has nothing left to do
            return fit(method, data, updates, until=Steps(done), run=saved, runtime=runtime)
        for listener in listeners:
            if hasattr(listener, "within"):
                listener.within(self.path)
        # the metrics file first, the progress last: listeners' states are saved by position, and only the progress may come and go
        shown = (Progress(),) if self.show_progress and not any(isinstance(listener, Progress) for listener in listeners) else ()
        watching = (functools.partial(name_stage, stage), MetricsFile((self.path / "metrics.jsonl").resolve()), *listeners, *shown)
        noted = self.path / "failed.json"
        try:
            state = fit(method, data, updates, until=until, evaluate=evaluate, listeners=watching, run=saved, runtime=runtime)
        except Exception as error:
            if first_rank():  # for weft diagnose
                with contextlib.suppress(OSError):
                    write_bytes(noted, encoded({"stage": stage, "error": type(error).__name__, "message": str(error)}))
            raise
        if first_rank():
            noted.unlink(missing_ok=True)
        if first_rank() and state.stopped != "interrupted":
            note = {"step": state.step, "epoch": state.epoch, "stopped": state.stopped, "metrics": state.metrics, "best_step": state.best_step}
            write_bytes(folder / "finished.json", encoded(note))
        return state

    def complete(self, stage: str, saved: Checkpoints) -> int | None:
        """The step at which a stage ended, if it did and its last checkpoint is whole; a stage whose result is lost is trained again."""
        done, found = self.finished(stage), saved.latest()
        last = found[1] if found else {"step": -1, "stopped": None}
        if done is None:  # killed after the last checkpoint, before the stage was marked
            return last["step"] if last["stopped"] not in (None, "interrupted") else None
        if last["step"] == done["step"]:
            return done["step"]
        warnings.warn(
            f"Stage {stage!r} of {self.path} was finished at step {done['step']}, but that checkpoint is gone or damaged: "
            f"going on from step {max(0, last['step'])}.",
            stacklevel=3,
        )
        return None

    def differences(self, *, spec: Mapping[str, Any] | None = None, code: Sequence[str | Path] = (), data: Any = None) -> list[str]:
        """What is not as it was when the run was made, one line each: package versions, source hashes, hardware, threads, data, and the call.

        Bitwise resume is promised only when there is none. Nothing is said about what is not given.
        """
        before, now = self.environment, jsonable(environment(code))
        now["code"] = {name: digest for name, digest in now["code"].items() if name in before.get("code", {})}
        known = {name: before[name] for name in MATTERS if name in before}
        known["code"] = {name: digest for name, digest in known.get("code", {}).items() if name in now["code"]}
        lines = changes(known, {name: now[name] for name in known})
        if data is not None and before.get("data") is not None:
            lines += changes({"data": before["data"]}, {"data": fingerprint(data)})
        if spec is not None:
            lines += changes({"spec": self.spec}, {"spec": jsonable(spec)})
        return lines

    def finish(self, result: Mapping[str, Any]) -> Path:
        """Write ``result.json``, whole or not at all, and return its path."""
        self.usable()
        target = self.path / "result.json"
        if first_rank():
            write_bytes(target, encoded(result))
        return target

    def read(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"The run {self.path} has no {name}; it was not made by Run.create, or the file was removed.") from error
        except ValueError as error:
            raise ValueError(f"{self.path / name} is not valid JSON ({error}); restore it, or begin a new run.") from error
        if not isinstance(value, dict):
            raise ValueError(f"{self.path / name} holds a {type(value).__name__}; expected a JSON object.")
        return value

    def usable(self) -> None:
        if self.lock is None and first_rank():
            raise PermissionError(f"The run {self.path} was opened to read only, or is closed. Open it with Run.open(path) to go on with it.")

    def close(self) -> None:
        """Free the lock; a second call does nothing."""
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def name_stage(stage: str, state: State, logs: Mapping[str, Any]) -> None:
    """The first listener: tell the others which stage they see."""
    state.stage = stage


def encoded(value: Mapping[str, Any]) -> bytes:
    """Strict JSON, readable."""
    return (json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
