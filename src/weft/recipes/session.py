"""One call of a recipe: its directory, its seed, where it computes, how much of the data it takes, and how it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from weft.data import Arrays, Codec, Loader, Source, Subset
from weft.data.assemble import encode, is_raw
from weft.data.keyed import shuffled
from weft.engine import Checkpoints, Evaluation, Length, Method, Runtime, State, Steps, Update, evaluate
from weft.observe import Health, Outcome, Run, collect, write_report
from weft.observe.logs import unjson
from weft.recipes.parameters import written
from weft.recipes.settings import Settings
from weft.serve import Bundle

QUICK = 2  # batches of everything in a quick trial
BY_HEART = 200  # steps for each batch that is learned by heart
KEEP_BYTES = 1 << 30  # of encoded records that are kept in memory
PATIENCE = 1 << 16  # bytes in which rank 0 tells the others a path


@dataclass(frozen=True)
class Result:
    """What a recipe ends with. ``method`` is the trained one; None when other processes trained it (``ranks=2``): open the bundle then."""

    metrics: dict[str, float]
    run: Path
    bundle: Path | None = None
    report: Path | None = None
    method: Method | None = None

    def __str__(self) -> str:
        lines = [f"{name:<24} {value:.4f}" for name, value in self.metrics.items()]
        places = {"run": self.run, "report": self.report, "bundle": self.bundle}
        return "\n".join([*lines, *(f"{name:<24} {place}" for name, place in places.items() if place is not None)])

    @classmethod
    def read(cls, run: Path) -> Result:
        """The result of a finished run; raises ValueError for one that is not finished."""
        found = Run.open(run, read_only=True).result
        if found is None:
            raise ValueError(f"The run {run} is not finished. Go on with it: weft resume {run}")
        metrics = {name: float(unjson(value)) for name, value in found["metrics"].items()}
        return cls(metrics, run, there(run / "bundle.weft"), there(run / "report.html"))


def there(path: Path) -> Path | None:
    """The path if it is a file."""
    return path if path.is_file() else None


@dataclass(frozen=True)
class Collated:
    """Stands for a codec whose records are encoded already: it only makes batches of them."""

    codec: Codec

    def fit(self, source: Source) -> Codec:
        return self

    def encode(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    def collate(self, encoded: list[dict[str, Any]]) -> dict[str, Any]:
        return self.codec.collate(encoded)

    def decode(self, prediction: dict[str, Any]) -> list[dict[str, Any]]:
        return self.codec.decode(prediction)

    def schema(self) -> dict[str, Any]:
        return self.codec.schema()

    def spec(self) -> dict[str, Any]:
        return self.codec.spec()


class Replayed:
    """A stage that was trained before, with its weights and nothing else: what ``fit`` returns when a run is only evaluated again."""

    def __init__(self, method: Method, saved: Checkpoints, runtime: Runtime) -> None:
        found = saved.latest()
        if found is None:
            raise ValueError(f"{saved.directory} holds no checkpoint that is whole; train again.")
        state, note = found
        self.method, self.saved, self.metrics = method, saved, dict(state["metrics"])
        self.step, self.epoch, self.stopped = note["step"], note["epoch"], note["stopped"]
        method.runtime = runtime.resolve(method)
        method.to(method.runtime.place).load_state_dict(state["method"])

    def best(self) -> Method:
        """The best weights of the stage, in its method."""
        found = self.saved.best()
        if found is None:
            raise ValueError("No best weights: nothing was monitored. Give fit an evaluate=Evaluation(...), or use the last weights as they are.")
        self.method.load_state_dict(found[0]["method"])
        return self.method


class Session:
    """What a recipe gets as its first argument, so that it says only what is its own.

    ``loaders`` makes the batches (seed, ``quick``, ``overfit``, ``limit``, ``workers``), ``fit`` trains a named stage (run directory,
    device, precision, ranks, resume), ``finish`` evaluates on held-out data and writes result, report and bundle. The run's directory is
    made when it is first needed, so that data that cannot be read leaves nothing behind.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        settings: Settings,
        *,
        code: Sequence[Path] = (),
        data: Any = None,
        run: Run | None = None,
        replay: bool = False,
    ) -> None:
        self.spec, self.settings, self.code, self.data, self.replay = dict(spec), settings, tuple(code), data, replay
        self.runtime = Runtime(device=settings.device, precision=settings.precision, compile=settings.compile)
        self.result: Result | None = None
        self.began = run is None  # whether this call makes the directory
        self._run = run
        self._records: dict[int, tuple[Loader, Source]] = {}

    @property
    def seed(self) -> int:
        return self.settings.seed

    @property
    def rank(self) -> int:
        return dist.get_rank() if dist.is_initialized() else 0

    @property
    def world(self) -> int:
        return dist.get_world_size() if dist.is_initialized() else 1

    @property
    def run(self) -> Run:
        """The run's directory, made at the first call."""
        if self._run is None:
            path = self.settings.run or Path("runs") / str(self.spec["name"]).rpartition(":")[2]
            if self.rank == 0:
                path, fresh = (path, not path.exists()) if self.settings.run else (reserve(path), True)
            path = Path(said_by_first(str(path)))
            data = self.data if self.data is not None else {str(i): source for i, (_, source) in enumerate(self._records.values())} or None
            try:
                self._run = Run.create(path, self.spec, code=self.code, data=data)
            except BaseException:
                if self.rank == 0 and fresh and path.is_dir():
                    shutil.rmtree(path)
                raise
        self._run.show_progress = self.settings.progress and self.rank == 0
        return self._run

    def decided(self, arguments: Mapping[str, Any]) -> None:
        """Write what the recipe chose itself into the call, before the directory is made: spec, report and card then say what was used."""
        self.spec = {**self.spec, "args": {**self.spec["args"], **written(arguments)}}

    def limited(self, source: Source) -> Source:
        """The share of the records that ``limit`` allows, chosen by the seed; at least one."""
        if self.settings.limit == 1:
            return source
        return Subset(source, shuffled(len(source), self.seed, 0)[: max(1, round(len(source) * self.settings.limit))].sort().values)

    def loaders(
        self, parts: Mapping[str, Source], codec: Codec | None, batch_size: int, *, transforms: Sequence[Any] = (), always: Sequence[Any] = (),
        limit: bool = True,
    ) -> list[Loader]:  # fmt: skip
        """A loader for each part, in order; the first is trained on (shuffled, transformed), the others are read as they are.

        ``always``: transforms that the method cannot learn without, such as two views. ``limit=False`` when the parts have been limited before.
        With ``overfit`` every loader reads the same few batches of the first part, without ``transforms``.
        """
        if not parts:
            raise ValueError("loaders needs at least one part of the data, the first to train on.")
        empty = [name for name, source in parts.items() if len(source) == 0]
        if empty:
            raise ValueError(f"The part {empty[0]!r} of the data holds no records; give it a share above 0.")
        first, *rest = [self.limited(source) if limit else source for source in parts.values()]
        if self.settings.overfit:
            first = head(first, self.settings.overfit * batch_size)
            rest, transforms = [first for _ in rest], ()
        if self.settings.quick:
            first, *rest = [head(source, QUICK * batch_size) for source in (first, *rest)]
        made = [self._loader(first, codec, batch_size, (*transforms, *always), shuffle=not self.settings.overfit)]
        return made + [self._loader(source, codec, batch_size, (), shuffle=False) for source in rest]

    def _loader(self, source: Source, codec: Codec | None, batch_size: int, transforms: Sequence[Any], *, shuffle: bool) -> Loader:
        if codec is None:
            loader = Loader(source, None, batch_size, shuffle=shuffle, seed=self.seed, transforms=transforms)
        elif self.settings.workers or any(map(is_raw, transforms)) or bytes_of(encode(source, codec, 0)) * len(source) > KEEP_BYTES:
            loader = Loader(source, codec, batch_size, shuffle=shuffle, seed=self.seed, transforms=transforms, workers=self.settings.workers)
        else:
            kept, reader = keep(source, codec)
            loader = Loader(kept, reader, batch_size, shuffle=shuffle, seed=self.seed, transforms=transforms)
        self._records[id(loader)] = (loader, source)
        return loader

    def records(self, loader: Loader) -> Source:
        """The raw records that a loader's ``index`` counts."""
        return self._records[id(loader)][1] if id(loader) in self._records else loader.source

    def fit(
        self, stage: str, method: Method, data: Any, updates: Update | Mapping[str, Update] | None = None, *,
        until: Length, evaluate: Evaluation | None = None, listeners: Sequence[Callable[..., Any]] = (),
    ) -> State:  # fmt: skip
        """Train one named stage of the run; see ``weft.observe.Run.fit``. Returns the state, whose ``best()`` is the best method."""
        if self.replay:
            return Replayed(method, Checkpoints(self.run.checkpoints(stage)), self.runtime)  # type: ignore[return-value]
        if self.settings.quick:
            until = Steps(QUICK)
        if self.settings.overfit:
            until = Steps(BY_HEART * self.settings.overfit)
            evaluate = replace(evaluate, every=Steps(BY_HEART // 4)) if evaluate else None
        if evaluate is not None:
            evaluate = replace(evaluate, limit=QUICK if self.settings.quick else evaluate.limit, data=self.share(evaluate.data))
        watching = [*listeners, Health(warn=False)]  # weft diagnose RUN reads what it writes
        state = self.run.fit(stage, method, self.share(data), updates, until=until, evaluate=evaluate, listeners=watching, runtime=self.runtime)
        if state.stopped == "interrupted":  # in a notebook the engine gives the state back
            raise KeyboardInterrupt(f"Stopped at step {state.step}. Go on with weft.recipes.resume({str(self.run.path)!r}).")
        return state

    def share(self, data: Any) -> Any:
        """This rank's share of what a loader reads."""
        if self.world == 1 or (callable(data) and not hasattr(data, "__iter__")):
            return data
        if not hasattr(data, "shard"):
            raise ValueError(
                f"{self.world} ranks cannot share a {type(data).__name__}: each would learn from the same batches. "
                "Give a weft.data.Loader, or data with shard(rank, world)."
            )
        return data.shard(self.rank, self.world)

    def finish(
        self, method: Method, data: Loader | Callable[[Method], Mapping[str, float]], metrics: Mapping[str, Any] | None = None, *,
        codec: Any = None, outcome: Callable[[Outcome], Outcome] | None = None, samples: Mapping[str, Any] | None = None, card: str | None = None,
        networks: Mapping[str, nn.Module] | None = None,
    ) -> Result:  # fmt: skip
        """Evaluate on ``data``, which training never saw; write ``result.json``, ``report.html`` and ``bundle.weft``; return the result.

        ``data`` may be a function of the method that returns numbers: a simulation. ``metrics`` may hold numbers, which stand beside the result as
        they are: another network's accuracy on the same data. ``outcome`` may change what the report shows, for instance to original units;
        regression metrics are then taken from it. ``samples``: captions and pictures or texts for the report. ``card``: the bundle's model card.
        ``networks``: what the bundle holds, ``{verb: network}``, instead of ``method.deploy()``. The first rank does it, over the whole data; the
        others wait.
        """
        run = self.run
        if self.rank == 0:
            runtime = replace(method.runtime or self.runtime.resolve(method), group=None)
            beside = {name: value for name, value in (metrics or {}).items() if isinstance(value, float)}
            metrics = {name: metric for name, metric in (metrics or {}).items() if name not in beside}
            found = evaluate(method, data, metrics, runtime=runtime) if isinstance(data, Iterable) else dict(data(method))
            found |= beside
            classes = getattr(codec, "classes", None) or ()
            outcomes = []
            if isinstance(data, Loader) and (classes or outcome is not None):
                shown = collect(method, data, classes=classes, source=self.records(data), name="held out")
                outcomes = [outcome(shown) if outcome else shown]
            if outcome is not None and outcomes:
                found |= {name: value for name, value in in_units(outcomes[0]).items() if name in found}
            if not self.replay:
                # bundle and report first: result.json says that all is there
                self._bundle(networks or method.deploy(), method, found, codec, card or self.card(found))
                run.finish({"metrics": found})
                write_report(run, outcomes, samples=samples)
            self.result = Result(found, run.path, there(run.path / "bundle.weft"), there(run.path / "report.html"), method)
        if self.world > 1:
            dist.barrier()
        if self.rank:
            self.result = replace(Result.read(run.path), method=method)
        assert self.result is not None
        return self.result

    def _bundle(self, networks: Mapping[str, nn.Module], method: Method, found: Mapping[str, float], codec: Any, card: str) -> None:
        precision = method.runtime.precision if method.runtime else "float32"
        Bundle.save(self.run.path / "bundle.weft", networks, codec=codec, metrics=found, card=card, precision=precision, replace=True)

    def card(self, metrics: Mapping[str, float]) -> str:
        """A model card that says how the model was made and how well it does."""
        asked = "\n".join(f"| {name} | {told(value)} |" for name, value in self.spec["args"].items() if value is not None)
        scores = "\n".join(f"| {name} | {value:.6g} |" for name, value in metrics.items())
        name = str(self.spec["name"]).rpartition("/")[2]
        data = told(self.spec["args"].get("data", "the recipe's own data"))
        return (
            f"# {name}\n\nTrained by the recipe `{name}` on {data}. Measured on records that training never saw:\n\n"
            f"| metric | value |\n|---|---|\n{scores}\n\n| parameter | value |\n|---|---|\n{asked}\n\n"
            "Intended use and limits: for inputs like the training data; how it does on others was not measured.\n"
        )

    def abandon(self) -> None:
        """After a failure: remove the directory when this call made it and no step's result is in it."""
        if self.began and self._run is not None and self.rank == 0 and not any(self._run.path.glob("checkpoints/*/*.json")):
            self._run.close()
            shutil.rmtree(self._run.path, ignore_errors=True)
            if self.settings.run is None:  # the default place, runs/, is not left behind empty
                with contextlib.suppress(OSError):
                    self._run.path.parent.rmdir()

    def close(self) -> None:
        if self._run is not None:
            self._run.close()


def told(value: Any) -> Any:
    """An argument as strangers may read it: of a path on this machine its last part only; of a chosen part its name and arguments."""
    if isinstance(value, Mapping):
        args = ", ".join(f"{name}={told(item)}" for name, item in value.get("args", value).items())
        return f"{value['name']}({args})" if "name" in value else args
    if isinstance(value, list):
        return [told(item) for item in value]
    if isinstance(value, str) and os.path.isabs(value) and os.path.exists(value):  # Path.exists raises for a text longer than a file's name
        return os.path.basename(os.path.normpath(value)) or value
    return value


def head(source: Source, count: int) -> Source:
    """The first ``count`` records."""
    return source if len(source) <= count else Subset(source, range(count))


def bytes_of(record: Mapping[str, Any]) -> int:
    return sum(value.numel() * value.element_size() if isinstance(value, torch.Tensor) else 64 for value in record.values())


def keep(source: Source, codec: Codec) -> tuple[Source, Any]:
    """Every record encoded once: as arrays when all have one shape, else as a list that is collated batch by batch."""
    records = [encode(source, codec, i) for i in range(len(source))]
    shapes = {tuple(tuple(value.shape) for value in record.values()) for record in records}
    if len(shapes) > 1:
        return records, Collated(codec)
    return Arrays(codec.collate(records)), None


def in_units(outcome: Outcome) -> dict[str, float]:
    """Errors of a regression in the units of the outcome."""
    errors = (outcome.output - outcome.target).double()
    return {"mae": float(errors.abs().mean()), "mse": float(errors.square().mean()), "rmse": float(errors.square().mean().sqrt())}


def reserve(stem: Path) -> Path:
    """The first free directory of ``STEM-1``, ``STEM-2``, …, made at once so that two calls never take the same."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = stem.with_name(f"{stem.name}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def said_by_first(text: str) -> str:
    """What rank 0 says, on every rank."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return text
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    message = torch.zeros(PATIENCE, dtype=torch.uint8, device=device)
    raw = text.encode()
    message[: len(raw)] = torch.tensor(list(raw), dtype=torch.uint8, device=device)
    dist.broadcast(message, 0)
    return bytes(message.cpu().tolist()).rstrip(b"\0").decode()
