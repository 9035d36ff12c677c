"""Checkpoints of a run: when they are due, which are kept, which is the newest good one."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weft.data.state_files import Damaged, read_note, read_state, write_state
from weft.optim.lengths import Due, Epochs, Length, Seconds
from weft.parallel.runtime import Runtime


def _together(runtime: Runtime, write: Callable[[], None]) -> None:
    """Write on every rank; all wait for one another and all raise when one could not, or those that could would wait for ever."""
    failure = None
    try:
        write()
    except OSError as error:
        failure = error
    if runtime.total(float(failure is not None)):
        raise failure or OSError("another rank could not write its part")


class Checkpoints:
    """Saved states in one directory: the last ``keep_last``, the best ``keep_best``, and the final one.

    A checkpoint is a pair ``step-N.safetensors`` / ``step-N.json``, written aside, forced to disk and renamed, with checksums; damaged ones
    are passed over with a warning. ``previous`` is the directory of an earlier stage, from which optimizer state is carried over by
    parameter name. Where several ranks train, each writes its own part (``rank-R-step-N``) and rank 0 the whole.

    >>> import tempfile
    >>> Checkpoints(tempfile.mkdtemp()).latest() is None
    True
    """

    def __init__(
        self, directory: str | Path, *, every: Length | None = None, keep_last: int = 2, keep_best: int = 1, previous: str | Path | None = None
    ):
        if keep_last < 1 or keep_best < 0:
            raise ValueError(f"Checkpoints(keep_last={keep_last}, keep_best={keep_best}): keep at least the last one.")
        self.directory, self.keep_last, self.keep_best = Path(directory), keep_last, keep_best
        self.due = Due(every or (Epochs(1) | Seconds(60)))
        self.previous = Path(previous) if previous else None
        if self.directory.exists() and not self.directory.is_dir():
            raise NotADirectoryError(f"{self.directory} is a file; checkpoints need a directory.")

    def save(self, state: dict[str, Any], own: dict[str, Any], note: dict[str, Any], runtime: Runtime) -> None:
        """Write ``state`` (rank 0) and ``own`` (what differs between ranks), then remove what need not be kept.

        Raises ``OSError`` on every rank when one of them cannot write.
        """
        name = f"step-{note['step']:012d}"
        if runtime.world > 1:
            _together(runtime, lambda: write_state(self.directory / f"rank-{runtime.rank}-{name}", own, {}))

        def whole() -> None:
            if runtime.rank == 0:
                write_state(self.directory / name, {"shared": state, "own": own}, {**note, "world": runtime.world})
                self._clean()

        _together(runtime, whole)

    def latest(self, runtime: Runtime | None = None) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The newest checkpoint that is whole, as (state, note); None when there is none."""
        return self._first_good(sorted(self._stems(), reverse=True), runtime)

    def best(self, runtime: Runtime | None = None) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The whole checkpoint with the best monitored metric, as (state, note)."""
        return self._first_good(self._by_score(), runtime)

    def _first_good(self, stems: list[Path], runtime: Runtime | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
        for stem in stems:
            found = self._read(stem, runtime)
            if found is not None if runtime is None else runtime.total(float(found is not None)) == runtime.world:  # all ranks take the same one
                return found
        return None

    def _read(self, stem: Path, runtime: Runtime | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
        try:
            tree, note = read_state(stem)
            if runtime is not None and note["world"] != runtime.world:
                was = f"The checkpoint {stem} was written by {note['world']} ranks; this run has {runtime.world}."
                raise ValueError(f"{was} Resume with as many ranks.")
            own = read_state(stem.with_name(f"rank-{runtime.rank}-{stem.name}"))[0] if runtime is not None and runtime.rank else tree["own"]
        except Damaged as error:
            warnings.warn(f"Passing over a damaged checkpoint: {error}", stacklevel=4)
            return None
        return {**tree["shared"], **own}, note

    def _stems(self) -> list[Path]:
        return [p.with_suffix("") for p in self.directory.glob("step-*.json")]

    def _by_score(self) -> list[Path]:
        scored: list[tuple[float, str, Path]] = []
        for stem in self._stems():
            try:
                score = read_note(stem).get("score")
            except Damaged:
                continue
            if score is not None and not math.isnan(score):
                scored.append((score, stem.name, stem))
        return [stem for *_, stem in sorted(scored, reverse=True)]

    def _clean(self) -> None:
        stems = sorted(self._stems(), reverse=True)
        kept = {*stems[: self.keep_last], *self._by_score()[: self.keep_best]}
        for stem in set(stems) - kept:
            for file in (*self.directory.glob(f"{stem.name}.*"), *self.directory.glob(f"rank-*-{stem.name}.*")):
                file.unlink(missing_ok=True)
