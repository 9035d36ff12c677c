"""Losses beside torch's own, and a large vocabulary's cross-entropy in chunks beside the plain form: seconds and peak memory.

Each computes the mean and its gradient on the same tensors, in turns; the figure is the median, the ratio the median over rounds of ours to
torch's of the same round. weft's losses give a value an item, so torch stands there twice: with its values (reduction="none") and with its fused
mean, which knows no mask. Memory is what a fresh process needs beyond its inputs (on a GPU, what torch allocates). ``python -m benchmarks.losses
[rounds]``.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

import weft.losses as ours
from benchmarks.machine import describe

VOCABULARY, WIDTH = 50_257, 768
PLACE = "cuda" if torch.cuda.is_available() else "cpu"
Objective = Callable[[Tensor], Tensor]
Peer = Callable[[Tensor, str], Tensor]


def pairs(rows: int = 65_536, classes: int = 100) -> dict[str, tuple[Tensor, Objective, Peer]]:
    """By name: the prediction, our values, torch's with a reduction."""
    g = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(rows // 8, classes, generator=g).to(PLACE), torch.randint(classes, (rows // 8,), generator=g).to(PLACE)
    maps, pixels = torch.randn(8, 21, 128, 128, generator=g).to(PLACE), torch.randint(21, (8, 128, 128), generator=g).to(PLACE)
    numbers, goal = torch.randn(rows, 16, generator=g).to(PLACE), torch.randn(rows, 16, generator=g).to(PLACE)
    answers = (goal > 0).float()
    signs, counts, variance = 2 * answers - 1, goal.abs().round(), goal.exp()
    other = logits.roll(1, 0)
    soft = other.softmax(1)
    frames, words = torch.randn(16, 200, 64, generator=g).to(PLACE), torch.randint(1, 64, (16, 40), generator=g).to(PLACE)
    long = torch.full((16,), 200), torch.full((16,), 40)

    def kl(x: Tensor, r: str) -> Tensor:
        found = F.kl_div(x.log_softmax(1), other.log_softmax(1), log_target=True, reduction="none" if r == "none" else "batchmean")
        return found.sum(1) if r == "none" else found

    return {
        "cross_entropy": (logits, lambda x: ours.cross_entropy(x, labels), lambda x, r: F.cross_entropy(x, labels, reduction=r)),
        "cross_entropy, smoothed": (
            logits,
            lambda x: ours.cross_entropy(x, labels, label_smoothing=0.1),
            lambda x, r: F.cross_entropy(x, labels, label_smoothing=0.1, reduction=r),
        ),
        "cross_entropy, probabilities": (logits, lambda x: ours.cross_entropy(x, soft), lambda x, r: F.cross_entropy(x, soft, reduction=r)),
        "cross_entropy, pictures": (maps, lambda x: ours.cross_entropy(x, pixels), lambda x, r: F.cross_entropy(x, pixels, reduction=r)),
        "nll": (logits, lambda x: ours.nll(x, labels), lambda x, r: F.nll_loss(x, labels, reduction=r)),
        "kl": (logits, lambda x: ours.kl(x, other), kl),
        "multiclass_hinge": (
            logits,
            lambda x: ours.multiclass_hinge(x, labels, form="weston_watkins") / classes,
            lambda x, r: F.multi_margin_loss(x, labels, reduction=r),
        ),
        "binary_cross_entropy": (
            numbers,
            lambda x: ours.binary_cross_entropy(x, answers),
            lambda x, r: F.binary_cross_entropy_with_logits(x, answers, reduction=r),
        ),
        "mse": (numbers, lambda x: ours.mse(x, goal), lambda x, r: F.mse_loss(x, goal, reduction=r)),
        "l1": (numbers, lambda x: ours.l1(x, goal), lambda x, r: F.l1_loss(x, goal, reduction=r)),
        "huber": (numbers, lambda x: ours.huber(x, goal), lambda x, r: F.huber_loss(x, goal, reduction=r)),
        "smooth_l1": (numbers, lambda x: ours.smooth_l1(x, goal), lambda x, r: F.smooth_l1_loss(x, goal, reduction=r)),
        "hinge_embedding": (
            numbers,
            lambda x: ours.hinge_embedding(x, signs),
            lambda x, r: F.hinge_embedding_loss(x, signs, reduction=r),
        ),
        "poisson_nll": (numbers, lambda x: ours.poisson_nll(x, counts), lambda x, r: F.poisson_nll_loss(x, counts, reduction=r)),
        "gaussian_nll": (
            numbers,
            lambda x: ours.gaussian_nll(x, goal, goal),
            lambda x, r: F.gaussian_nll_loss(x, goal, variance, reduction=r),
        ),
        "ctc": (
            frames,
            lambda x: ours.ctc(x, words),
            lambda x, r: F.ctc_loss(x.log_softmax(-1).transpose(0, 1), words, *long, reduction=r),
        ),
    }


def once(objective: Objective, x: Tensor) -> float:
    """Seconds of a value and its gradient."""
    leaf = x.detach().requires_grad_()
    start = time.perf_counter()
    objective(leaf).backward()
    if PLACE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def vocabulary(rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, the weight of a language model's last layer, and the right words."""
    g = torch.Generator().manual_seed(0)
    found = torch.randn(rows, WIDTH, generator=g), 0.02 * torch.randn(VOCABULARY, WIDTH, generator=g), torch.randint(VOCABULARY, (rows,), generator=g)
    return found[0].to(PLACE).requires_grad_(), found[1].to(PLACE).requires_grad_(), found[2].to(PLACE)


FORMS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "plain": lambda x, w, y: F.cross_entropy(F.linear(x, w), y),
    "chunks": lambda x, w, y: ours.linear_cross_entropy(x, y, w).mean(),
}


def peak(form: str, rows: int) -> int:
    """Bytes that one step needs beyond its inputs; run in a process of its own."""
    parts = vocabulary(rows)
    F.linear(parts[0][:8], parts[1][:8]).sum().backward()  # what a library sets up once
    parts[0].grad = parts[1].grad = None
    if PLACE == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        FORMS[form](*parts).backward()
        return torch.cuda.max_memory_allocated() - before
    # what is held now, not the most so far: the inputs were larger while they were made
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts from here
    FORMS[form](*parts).backward()
    high = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(high.split()[1]) * 1024 - before


def measured(form: str, rows: int) -> int:
    """``peak`` in a fresh process."""
    out = subprocess.run([sys.executable, "-m", "benchmarks.losses", "peak", form, str(rows)], capture_output=True, text=True, check=True)
    return int(out.stdout)


def main(rounds: int = 15) -> None:
    describe()
    for name, (x, mine, theirs) in pairs().items():
        runs: list[Objective] = [
            lambda x, f=mine: f(x).mean(),
            lambda x, f=theirs: f(x, "none").mean(),
            lambda x, f=theirs: f(x, "mean"),
        ]
        turns = [[once(run, x) for run in runs] for _ in range(rounds + 1)][1:]  # the first round warms up
        middle = [statistics.median(t[i] for t in turns) * 1e3 for i in range(3)]
        like, fused = (statistics.median(t[0] / t[i] for t in turns) for i in (1, 2))
        print(f"{name:30s} {middle[0]:8.2f} ms  torch's values {middle[1]:8.2f} ms, ratio {like:5.2f}", end="")
        print(f"  torch's mean {middle[2]:8.2f} ms, ratio {fused:5.2f}", flush=True)
    for rows in (1024, 4096):
        x, w, y = vocabulary(rows)
        seconds: dict[str, list[float]] = {form: [] for form in FORMS}
        for turn in range(max(3, rounds // 4) + 1):
            for form, step in FORMS.items():
                took = once(lambda x, step=step: step(x, w, y), x)
                w.grad = None
                if turn:  # the first one warms up
                    seconds[form].append(took)
        ratio = statistics.median(a / b for a, b in zip(seconds["chunks"], seconds["plain"], strict=True))
        bytes_ = {form: measured(form, rows) for form in FORMS}
        took = {form: statistics.median(values) for form, values in seconds.items()}
        print(f"linear_cross_entropy, {rows} rows of {WIDTH}, {VOCABULARY} classes")
        print(f"  seconds: chunks {took['chunks']:.3f}, plain {took['plain']:.3f}, ratio {ratio:.2f}")
        share = bytes_["chunks"] / bytes_["plain"]
        print(f"  peak MB: chunks {bytes_['chunks'] / 2**20:.0f}, plain {bytes_['plain'] / 2**20:.0f}, ratio {share:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        print(peak(sys.argv[2], int(sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
