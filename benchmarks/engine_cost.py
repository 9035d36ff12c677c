"""Engine cost per step: a 64-128-10 MLP, batch 32, Adam, against a hand-written loop, Lightning, HF Trainer and Keras 3 (torch).

All contenders run the same number of steps in turns, round after round; the figure of each is the median over rounds, and every ratio is to the
hand-written loop of the same run. Peers that are not installed are left out. ``python -m benchmarks.engine_cost [rounds]``.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.machine import describe
from weft.engine import Runtime, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import adam, cosine

STEPS = 400
Contender = Callable[[], float]  # runs STEPS steps, returns seconds


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    g = torch.Generator().manual_seed(0)
    return [(torch.randn(32, 64, generator=g), torch.randint(10, (32,), generator=g)) for _ in range(50)]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def by_hand(schedule: bool) -> Contender:
    data, net = batches(), network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10**6) if schedule else None

    def run() -> float:
        start = time.perf_counter()
        for step in range(STEPS):
            x, y = data[step % 50]
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
        return time.perf_counter() - start

    return run


class Batches:
    """The list of batches as an iterable: Lightning takes a plain list for several loaders."""

    def __init__(self) -> None:
        self.data = batches()

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)


class Clock:
    """A listener that times steps 51 to 50 + STEPS: set-up and the first steps are not the engine's cost per step."""

    def __init__(self) -> None:
        self.start = self.end = 0.0

    def __call__(self, state: Any, logs: Any) -> None:
        if state.step == 50:
            self.start = time.perf_counter()
        elif state.step == 50 + STEPS:
            self.end = time.perf_counter()


def weft_fit(compiled: str | None = None, listeners: Callable[[], list[Any]] = list, schedule: bool = False) -> Contender:
    data = batches()
    method = Supervised(copy.deepcopy(network()), cross_entropy)
    update = Update(adam(1e-3), schedule=cosine() if schedule else None)
    if compiled:
        return _compiled(method, data, update)

    def run() -> float:
        clock = Clock()
        fit(method, data, update, until=Steps(50 + STEPS), listeners=[*listeners(), clock])
        return clock.end - clock.start

    return run


def _compiled(method: Supervised, data: list[Any], update: Update) -> Contender:
    """One fit for all rounds, so that its graph is compiled once: a thread-free generator hands the clock back at every round."""

    def stream() -> Iterator[float]:
        started: list[float] = []

        def forever() -> Iterator[Any]:
            while True:
                yield from data

        state = fit(method, forever(), update, until=Steps(20), runtime=Runtime(compile="step"))
        bound = state.updates["all"]
        while True:
            start = time.perf_counter()
            for step in range(STEPS):
                x, y = data[step % 50]
                method.step({"input": x, "target": y}, {"all": bound})
            started.append(time.perf_counter() - start)
            yield started[-1]

    rounds = stream()
    return lambda: next(rounds)


def default_listeners(folder: str) -> list[Any]:
    from weft.observe import MetricsFile, Progress

    return [Progress(), MetricsFile(os.path.join(folder, "metrics.jsonl"))]


def lightning() -> Contender:
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def training_step(self, batch: Any, index: int) -> Any:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=True)

    class Timer(L.Callback):
        def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
            if trainer.global_step == 50:
                self.start = time.perf_counter()
            elif trainer.global_step == 50 + STEPS:
                self.end = time.perf_counter()

    def run() -> float:
        timer = Timer()
        trainer = L.Trainer(
            max_steps=50 + STEPS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            callbacks=[timer],
        )
        trainer.fit(Module(), Batches())
        return timer.end - timer.start

    return run


def hf_trainer() -> Contender:
    import tempfile

    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.net(x)
            return {"loss": F.cross_entropy(logits, labels), "logits": logits}

    class Timer(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if state.global_step == 50:
                self.start = time.perf_counter()
            elif state.global_step == 50 + STEPS:
                self.end = time.perf_counter()

    rows = [{"x": x[i], "labels": y[i]} for x, y in batches() for i in range(32)]

    def run() -> float:
        timer = Timer()
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, max_steps=50 + STEPS, per_device_train_batch_size=32, optim="adamw_torch_fused", use_cpu=True, report_to=[],
                save_strategy="no", logging_strategy="no", disable_tqdm=True, max_grad_norm=0.0,
            )
            Trainer(Net(), arguments, train_dataset=rows, callbacks=[timer]).train()
        return timer.end - timer.start

    return run


def keras_torch() -> Contender:
    import keras

    data = batches()
    x, y = torch.cat([a for a, _ in data]).numpy(), torch.cat([b for _, b in data]).numpy()

    def run() -> float:
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10)])
        model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, batch_size=32, epochs=1, verbose=0)
        epochs = STEPS // 50
        start = time.perf_counter()
        model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
        return (time.perf_counter() - start) * STEPS / (epochs * 50)

    return run


def contenders(folder: str) -> dict[str, Contender]:
    found: dict[str, Contender] = {
        "by hand": by_hand(False),
        "weft": weft_fit(),
        "weft, whole step compiled": weft_fit("step"),
        "by hand, schedule": by_hand(True),
        "weft, schedule": weft_fit(schedule=True),
        "weft, schedule and default listeners": weft_fit(listeners=lambda: default_listeners(folder), schedule=True),
    }
    for name, make in {"Lightning": lightning, "HF Trainer": hf_trainer, "Keras 3 (torch)": keras_torch}.items():
        try:
            found[name] = make()
        except ImportError as error:
            print(f"{name}: not installed ({error.name})", file=sys.stderr)
    return found


def main(rounds: int = 9) -> dict[str, float]:
    import logging
    import tempfile

    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    describe()
    with tempfile.TemporaryDirectory() as folder:
        runs = contenders(folder)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(rounds + 1):
            for name, run in runs.items():
                seconds = run()
                if turn:  # the first round warms everything up
                    times[name].append(seconds / STEPS * 1e6)
    medians = {name: statistics.median(v) for name, v in times.items()}
    hand = medians["by hand"]
    for name, value in medians.items():
        paired = statistics.median(a / b for a, b in zip(times[name], times["by hand"], strict=True))
        print(f"{name:40s} {value:8.0f} us a step   {value / hand:5.2f} x by hand (median of paired ratios {paired:.2f})")
    return medians


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
