"""``run`` and ``resume``: a recipe from its call to its result, on one process or several."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from weft.observe import Run
from weft.parallel import join, launch, leave
from weft.recipes.recipe import Call, Recipe, find
from weft.recipes.session import Result, Session, reserve


def run(name: str, /, **parameters: Any) -> Result:
    """Run a recipe of the catalogue, or of your own file (``"path/to/mine.py:train"``), and return its result.

    ``parameters`` are the recipe's own and those that every recipe has (``Settings``): ``weft.run("digits", epochs=3, seed=1)``.
    Raises ValueError for an unknown recipe or parameter (with the nearest names) and for values that do not fit.

    >>> import weft
    >>> weft.run("digits", quick=True, run="trial", progress=False).run  # doctest: +SKIP
    PosixPath('trial')
    """
    return start(find(name), parameters)


def start(recipe: Recipe, parameters: Mapping[str, Any]) -> Result:
    """Run a recipe that has been found."""
    call = Call.of(recipe, parameters)
    if call.settings.ranks > 1 and not launched():
        return _launch_run(call)
    return perform(call)


def resume(path: str | Path, *, anyway: bool = False, progress: bool = True) -> Result:
    """Go on with an interrupted run exactly where its last checkpoint was; a finished one gives its result.

    Versions, hardware and threads that differ are said as a warning. Raises ValueError when the data or the recipe's own file have changed, unless
    ``anyway``; FileNotFoundError when there is no run; LockedError when it is still running.
    """
    path = Path(path)
    opened = Run.open(path, read_only=True)
    if opened.result is not None:
        return Result.read(path)
    call = recalled(opened, progress=progress)
    compare(opened, call, anyway=anyway)
    if call.settings.ranks > 1 and not launched():
        return _launch(["resume", str(path), *(["--anyway"] if anyway else [])], call.settings.ranks, path)
    return perform(call, path)


def reevaluate(path: str | Path) -> Result:
    """Evaluate a finished run again on its held-out data, with its best weights; nothing is written."""
    path = Path(path)
    Result.read(path)
    call = recalled(Run.open(path, read_only=True), progress=False)
    return perform(replace(call, settings=replace(call.settings, ranks=1)), path, replay=True)


def recalled(run: Run, *, progress: bool) -> Call:
    """The call that a run's spec writes down."""
    spec = run.spec
    if not isinstance(spec.get("name"), str) or not isinstance(spec.get("args"), dict):
        raise ValueError(f"{run.path / 'spec.json'} is not that of a recipe; expected its name and args.")
    return Call.of(find(spec["name"]), {**spec["args"], "run": run.path, "progress": progress})


def compare(run: Run, call: Call, *, anyway: bool) -> None:
    """Say what has changed since the run was made; stop when it is the data or the recipe."""
    code = [call.recipe.file] if call.recipe.file else []
    changed = run.differences(code=code, data=call.paths() or None)
    serious = [line for line in changed if line.startswith("data") or (call.recipe.file and line.startswith(f"code.{call.recipe.file}"))]
    if serious and not anyway:
        raise ValueError(
            f"Since the run {run.path} was made, this has changed: {'; '.join(serious)}. "
            "Restore it, begin a new run, or go on all the same with --anyway (anyway=True)."
        )
    if changed:
        warnings.warn(
            f"Since the run {run.path} was made, this has changed, so that results may differ in the last digits: {'; '.join(changed)}.", stacklevel=3
        )


def perform(call: Call, path: Path | None = None, *, replay: bool = False) -> Result:
    """Run a settled call in this process, which may be one of several ranks."""
    joined = not dist.is_initialized()
    group = join()
    world = dist.get_world_size(group) if group is not None else 1
    if call.settings.ranks not in (1, world):
        raise ValueError(f"ranks={call.settings.ranks}, but {world} processes were started. Leave ranks out under torchrun, or start one process.")
    settings = replace(call.settings, ranks=world) if not replay else call.settings
    call = replace(call, settings=settings)
    check_device(settings.device)
    seed(settings.seed)
    opened = None if path is None else Run.open(path, read_only=replay)
    session = Session(
        call.spec(), settings, code=[call.recipe.file] if call.recipe.file else [], data=call.paths() or None, run=opened, replay=replay
    )
    try:
        result = call.recipe.function(session, **call.args)
        found = result if isinstance(result, Result) else session.result
        if found is None:
            raise TypeError(
                f"The recipe {call.recipe.name} returned {type(result).__name__}; end it with: return session.finish(method, held_out_data, ...)."
            )
        return found
    except SystemExit:  # the engine has saved a checkpoint and leaves
        if session.rank == 0:
            print(f"Go on with: weft resume {session.run.path}", file=sys.stderr)
        raise
    except BaseException:
        session.abandon()
        raise
    finally:
        session.close()
        if joined:
            leave()


def check_device(name: str) -> None:
    """Raise ValueError for a device that this machine does not have."""
    kind, _, number = name.partition(":")
    counts = {"cuda": torch.cuda.device_count(), "xpu": torch.xpu.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind in counts and int(number or 0) >= counts[kind]:
        there = [f"{other} ({count})" for other, count in counts.items() if count]
        raise ValueError(f"device={name}: this machine has {', '.join(there) or 'no accelerator'}; use one of these, cpu, or auto.")


def seed(value: int) -> None:
    """Every generator that a recipe may draw from."""
    torch.manual_seed(value)
    random.seed(value)
    np.random.seed(value % 2**32)


def launched() -> bool:
    """Whether this process is one of several ranks already."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _launch_run(call: Call) -> Result:
    """Start ranks that make the same call; they agree on the directory, since it is chosen here."""
    name = call.recipe.name.rpartition(":")[2]
    path = call.settings.run or reserve(Path("runs") / name)
    spec = call.spec()
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "call.yaml"
        asked.write_text(json.dumps({**spec["args"], "run": str(path), "progress": call.settings.progress}))  # JSON is YAML
        try:
            return _launch(["run", spec["name"], f"@{asked}"], call.settings.ranks, path)
        finally:
            if call.settings.run is None:
                for made in (path, path.parent):  # left behind only where they hold something
                    with contextlib.suppress(OSError):
                        made.rmdir()


def _launch(words: list[str], ranks: int, path: Path) -> Result:
    status = launch([sys.executable, "-m", "weft", *words, "--quiet"], ranks)
    if status in (130, 143, -2, -15):
        raise SystemExit(abs(status) if status > 0 else 128 - status)
    if status:
        raise RuntimeError(f"One of the {ranks} ranks ended with status {status}; its message stands above.")
    return Result.read(path)
