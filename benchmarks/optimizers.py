"""Optimizers side by side: steps and time to a target with tuned rates, cost of a step at ten million parameters, bytes of state.

``python -m benchmarks.optimizers converge [seeds]`` sweeps five rates for each optimizer on four problems (a quadratic of condition 1,000,
Rosenbrock in ten dimensions, digits, a character model), runs the best with three seeds and prints Markdown tables; with
``--out docs/pictures`` it draws the curves. ``python -m benchmarks.optimizers speed [rounds]`` times one step in turns with torch's Adam in
two forms: medians of paired ratios, and bytes of state for each parameter. Ratios count, not seconds.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import weft.optim as optim
from benchmarks.machine import describe
from weft.observe.charts import STYLE, line_chart

Factory = Callable[[list[tuple[str, nn.Parameter]]], torch.optim.Optimizer]
Problem = Callable[[int], tuple[list[tuple[str, nn.Parameter]], Callable[[int], Tensor], Callable[[], float]]]

# A factory of the rate, and the rate around which to search.
RULES: dict[str, tuple[Callable[[float], Factory], float]] = {
    "sgd, momentum": (lambda lr: optim.sgd(lr, momentum=0.9), 0.03),
    "sgd, Nesterov": (lambda lr: optim.sgd(lr, momentum=0.9, nesterov=True), 0.03),
    "rmsprop": (optim.rmsprop, 3e-3),
    "adagrad": (optim.adagrad, 0.1),
    "adam": (optim.adam, 1e-2),
    "adamw": (lambda lr: optim.adamw(lr, 1e-3), 1e-2),
    "nadam": (optim.nadam, 1e-2),
    "radam": (optim.radam, 1e-2),
    "adabound": (lambda lr: optim.adabound(lr, final_lr=0.1), 1e-2),
    "adan": (optim.adan, 1e-2),
    "lion": (optim.lion, 1e-3),
    "lamb": (lambda lr: optim.lamb(lr, 0.0), 1e-2),
    "adafactor": (optim.adafactor, 3e-2),
    "schedule_free_sgd": (optim.schedule_free_sgd, 0.3),
    "schedule_free_adamw": (optim.schedule_free_adamw, 1e-2),
    "muon": (lambda lr: optim.muon(lr, 0.0, rest_lr=lr / 5), 3e-2),
    "shampoo": (lambda lr: optim.shampoo(lr, every=10), 3e-2),
    "soap": (lambda lr: optim.soap(lr, 0.0, every=10), 1e-2),
    "lbfgs": (lambda lr: optim.lbfgs(lr, max_iter=1, line_search=None), 0.3),
}
FACTORS = (0.1, 0.32, 1.0, 3.2, 10.0)
DRAWN = ("sgd, momentum", "adamw", "lion", "lamb", "schedule_free_adamw", "muon", "shampoo", "soap")


def quadratic(seed: int) -> Any:
    """A matrix of 8 by 8 entries under a rotated quadratic whose curvatures span 1 to 1,000."""
    g = torch.Generator().manual_seed(seed)
    turned = torch.linalg.qr(torch.randn(64, 64, generator=g))[0]
    hessian = turned @ torch.diag(torch.logspace(-3, 0, 64)) @ turned.T
    w, centre = nn.Parameter(torch.randn(8, 8, generator=g)), torch.randn(64, generator=g)  # not at zero, where decay alone would lead

    def loss(step: int) -> Tensor:
        away = w.flatten() - centre
        return away @ hessian @ away / 2

    return [("w", w)], loss, lambda: float(loss(0).detach())


def rosenbrock(seed: int) -> Any:
    """The curved valley in ten dimensions, as a matrix of 2 by 5, from near -1."""
    w = nn.Parameter(-1 + 0.1 * torch.randn(2, 5, generator=torch.Generator().manual_seed(seed)))

    def loss(step: int) -> Tensor:
        x = w.flatten()
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    return [("w", w)], loss, lambda: float(loss(0).detach())


def digits(seed: int) -> Any:
    """An 64-64-10 network on scikit-learn's digits in batches of 64; the value is the loss on the 25 % held out."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(7))
    train, test = order[:1347], order[1347:]
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    g = torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows = train[torch.randint(len(train), (64,), generator=g)]
        return F.cross_entropy(net(x[rows]), y[rows])

    @torch.no_grad()
    def value() -> float:
        return float(F.cross_entropy(net(x[test]), y[test]))

    return list(net.named_parameters()), loss, value


class Characters(nn.Module):
    """Two blocks of causal attention, width 32, over characters."""

    def __init__(self, vocabulary: int, length: int = 32, width: int = 32):
        super().__init__()
        self.embed, self.places = nn.Embedding(vocabulary, width), nn.Parameter(torch.zeros(length, width))
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(width, 2, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True) for _ in range(2))
        self.head = nn.Linear(width, vocabulary)
        self.register_buffer("ahead", torch.triu(torch.ones(length, length, dtype=torch.bool), 1))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.places
        for block in self.blocks:
            x = block(x, src_mask=self.ahead)
        return self.head(x)


def characters(seed: int) -> Any:
    """Tiny Shakespeare (from the folder WEFT_MIRROR) in windows of 32 characters, batches of 16; the value is the loss on a held-out part."""
    found = next(Path(os.environ["WEFT_MIRROR"], "tinyshakespeare").glob("*.txt"))
    text = found.read_text(encoding="utf-8")[:400_000]
    letters = sorted(set(text))
    codes = torch.tensor([letters.index(c) for c in text])
    torch.manual_seed(seed)
    net = Characters(len(letters))
    g = torch.Generator().manual_seed(seed)

    def of(starts: Tensor) -> Tensor:
        windows = codes[starts[:, None] + torch.arange(33)]
        return F.cross_entropy(net(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())

    held = torch.randint(360_000, 400_000 - 40, (64,), generator=torch.Generator().manual_seed(3))

    def loss(step: int) -> Tensor:
        return of(torch.randint(360_000, (16,), generator=g))

    @torch.no_grad()
    def value() -> float:
        return float(of(held))

    return list(net.named_parameters()), loss, value


# Problem, steps, target, measured every so many steps.
PROBLEMS: dict[str, tuple[Problem, int, float, int]] = {
    "quadratic": (quadratic, 500, 1e-4, 5),
    "rosenbrock": (rosenbrock, 1500, 1e-1, 10),
    "digits": (digits, 300, 0.15, 5),
    "characters": (characters, 200, 2.5, 10),
}


def take(optimizer: torch.optim.Optimizer, loss: Callable[[int], Tensor], step: int) -> None:
    """One step, gradient and all."""

    def closure() -> Tensor:
        optimizer.zero_grad()
        now = loss(step)
        now.backward()
        return now.detach()

    if isinstance(optimizer, torch.optim.LBFGS):
        optimizer.step(closure)  # type: ignore[arg-type]
    else:
        closure()
        optimizer.step()


def run(problem: str, make: Factory, seed: int) -> list[tuple[float, float]]:
    """The measured values by step."""
    begin, steps, _, every = PROBLEMS[problem]
    named, loss, value = begin(seed)
    optimizer = make(named)
    curve = [(0.0, value())]
    for step in range(1, steps + 1):
        try:
            take(optimizer, loss, step)
        except ArithmeticError:  # a preconditioner that overflowed: this rate is too large
            return [*curve, (float(step), math.inf)]
        if step % every == 0:
            curve.append((float(step), _judged(optimizer, named, value)))
            if not math.isfinite(curve[-1][1]):
                break
    return curve


def costs(problem: str, rounds: int = 9) -> dict[str, float]:
    """Seconds of processor time that a step takes under each rule, gradient and all: ten steps in turns (of ten one refreshes), medians."""
    made = {}
    for name, (rule, around) in RULES.items():
        named, loss, _ = PROBLEMS[problem][0](0)
        made[name] = (rule(around * 0.1)(named), loss)
    spent: dict[str, list[float]] = {name: [] for name in made}
    for turn in range(rounds + 1):
        for name, (optimizer, loss) in made.items():
            start = time.process_time()
            for step in range(10):
                take(optimizer, loss, step)
            if turn:  # the first round warms up
                spent[name].append((time.process_time() - start) / 10)
    return {name: statistics.median(seconds) for name, seconds in spent.items()}


def _judged(optimizer: Any, named: list[tuple[str, nn.Parameter]], value: Callable[[], float]) -> float:
    """The value at the weights that one would keep: for a schedule-free rule its average."""
    if not isinstance(optimizer, optim.rules.schedule_free.ScheduleFree):
        return value()
    kept = [p.detach().clone() for _, p in named]
    with torch.no_grad():
        for _, p in named:
            p.copy_(torch.lerp(optimizer.state[p]["z"], p, 1 / optimizer.param_groups[0]["beta"]))
        found = value()
        for (_, p), old in zip(named, kept, strict=True):
            p.copy_(old)
    return found


def best(curve: list[tuple[float, float]]) -> float:
    """How good the end is: the median of the last five values, the worst there is when one is no number."""
    last = [y for _, y in curve[-5:]]
    return statistics.median(last) if all(math.isfinite(y) for y in last) else math.inf


def reached(curve: list[tuple[float, float]], target: float) -> float:
    """The first step from which on the value stays at or below the target at two measurements in a row."""
    for (step, a), (_, b) in zip(curve, curve[1:] + curve[-1:], strict=True):
        if a <= target and b <= target:
            return step
    return math.inf


def converge(seeds: int, out: Path | None, problems: list[str]) -> None:
    describe()
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for problem in problems:
        target = PROBLEMS[problem][2]
        tuning = (100, 101, 102) if problem in ("quadratic", "rosenbrock") else (100,)  # where one start may diverge and another not
        rows, cost = [], costs(problem)
        for name, (rule, around) in RULES.items():
            if name == "lbfgs" and problem in ("digits", "characters"):
                continue  # it needs the same objective at every step
            ends = {around * f: max(best(run(problem, rule(around * f), seed)) for seed in tuning) for f in FACTORS}
            lr = min(ends, key=lambda rate: ends[rate])
            found = [run(problem, rule(lr), seed) for seed in range(seeds)]
            steps = statistics.median(reached(curve, target) for curve in found)
            rows.append((steps, statistics.median(best(curve) for curve in found), name, lr))
            curves.setdefault(problem, {})[name] = found[0]
        print(f"\n| {problem}, target {target:g} | rate | steps | seconds | a step, AdamW = 1 | final value |\n|---|---|---|---|---|---|")
        for steps, final, name, lr in sorted(rows):
            there = f"{steps:.0f} | {steps * cost[name]:.2g}" if math.isfinite(steps) else "not reached | "
            print(f"| {name} | {lr:.3g} | {there} | {cost[name] / cost['adamw']:.2f} | {final:.3g} |", flush=True)
    if out is not None:
        for problem, found in curves.items():
            (out / f"optimizers-{problem}.svg").write_text(drawn(problem, {n: found[n] for n in DRAWN}), encoding="utf-8")


def drawn(problem: str, curves: dict[str, list[tuple[float, float]]]) -> str:
    """The curves at about thirty of their points, few enough not to be smoothed."""
    few = {name: curve[:: max(1, len(curve) // 30)] for name, curve in curves.items()}
    return standing_alone(str(line_chart(f"{problem}: value by step, tuned rates", few, 640, 340)))


def standing_alone(picture: str) -> str:
    """A chart with its own style sheet, for a page that has none."""
    style = str(STYLE).replace(".weft svg", ".weft").replace("max-width:100%;", "")
    head, _, rest = picture.partition(">")
    return f'{head} class="weft"><style>{style}</style>{rest}\n'


def ten_million() -> list[tuple[str, nn.Parameter]]:
    """Ten layers of 1,000 by 1,000 with biases."""
    torch.manual_seed(0)
    shapes = (("weight", (1000, 1000)), ("bias", (1000,)))
    named = [(f"layers.{i}.{n}", nn.Parameter(torch.randn(shape) * 0.03)) for i in range(10) for n, shape in shapes]
    for _, p in named:
        p.grad = torch.randn_like(p) * 0.01
    return named


def speed(rounds: int) -> None:
    describe()
    contenders: dict[str, Factory] = {
        "torch Adam, foreach": lambda named: torch.optim.Adam([p for _, p in named], foreach=True),
        "torch Adam, fused": lambda named: torch.optim.Adam([p for _, p in named], fused=True),
        **{name: rule(around * 0.1) for name, (rule, around) in RULES.items() if name != "lbfgs"},
        "lars": optim.lars(1e-3),
        "sophia": optim.sophia(1e-4),
        "swats": optim.swats(1e-4),
    }
    slow = {"shampoo", "soap", "muon"}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    state: dict[str, float] = {}
    for name, make in contenders.items():  # one after the other in memory, each against the two references in turns
        runs = {other: contenders[other] for other in ("torch Adam, foreach", "torch Adam, fused")} | {name: make}
        parameters = {n: ten_million() for n in runs}
        made = {n: f(parameters[n]) for n, f in runs.items()}
        # the first step creates state; of the preconditioned rules ten steps contain one refresh
        count = 10 if name in slow else 1
        turns = max(2, rounds // 5) if name in slow else rounds
        seconds: dict[str, list[float]] = {n: [] for n in runs}
        for turn in range(turns + 1):
            for n, optimizer in made.items():
                times_now = count if n == name else 1
                start = time.process_time()
                for _ in range(times_now):
                    optimizer.step()
                if turn:
                    seconds[n].append((time.process_time() - start) / times_now)
        times[name] = [a / b for a, b in zip(seconds[name], seconds["torch Adam, foreach"], strict=True)]
        fused = statistics.median(a / b for a, b in zip(seconds[name], seconds["torch Adam, fused"], strict=True))
        state[name] = optim.state_bytes(made[name]) / sum(p.numel() for _, p in parameters[name])
        print(f"| {name} | {statistics.median(times[name]):.2f} | {fused:.2f} | {state[name]:.1f} |", flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("converge", "speed"))
    parser.add_argument("rounds", type=int, nargs="?", default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS))
    given = parser.parse_args()
    if given.what == "converge":
        converge(given.rounds or 3, given.out, given.problems)
    else:
        speed(given.rounds or 15)
