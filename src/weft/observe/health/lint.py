"""What is wrong with a training before it begins."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from weft.data import random_state
from weft.data.batch import move
from weft.engine import Epochs, Evaluation, Length, Method, Progress, Runtime, Update, as_batch
from weft.engine.evaluate import undisturbed
from weft.observe.health.activations import BATCH_NORMS, norm_first, watched
from weft.observe.health.gradients import frozen
from weft.observe.health.monitor import main_network
from weft.optim import ClipNorm, ClipValue
from weft.optim.schedules import Schedule
from weft.optim.selection import select

COMPARED = 20  # batches of validation data that are compared with those of the test
RATES = {"adam": (1e-6, 0.05), "sgd": (1e-5, 2.0)}  # beyond which a rate is unusual
UNIT = 1e-3


@dataclass(frozen=True)
class Remark:
    """One thing that looks wrong: the rule's name, how serious ("error", "warning", "note"), what it is, and what mends it."""

    name: str
    severity: str
    says: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.says} {self.fix}"


class Plan:
    """A training that has not begun, as the rules see it."""

    def __init__(
        self,
        method: Method,
        data: Iterable[Any],
        updates: Update | Mapping[str, Update] | None,
        until: Length,
        evaluate: Evaluation | Sequence[Evaluation] | None,
        test: Iterable[Any] | None,
    ) -> None:
        self.method, self.data, self.until, self.test = method, data, until, test
        self.evaluations = [evaluate] if isinstance(evaluate, Evaluation) else list(evaluate or ())
        given = method.updates() if updates is None else updates
        self.updates = dict(given) if isinstance(given, Mapping) else {next(iter(method.updates())): given}
        self.network = main_network(method)

    @cached_property
    def batch(self) -> Any:
        """The first batch, read without moving the data's position; None when the data can be read only once."""
        return next(iter(first(self.data, 1)), None)

    @cached_property
    def output(self) -> Tensor | None:
        """What the network answers to the first batch; None when it does not take ``input`` alone."""
        if not isinstance(self.batch, dict) or "input" not in self.batch:
            return None
        with undisturbed(self.method), torch.no_grad(), contextlib.suppress(TypeError):  # a network with other inputs
            made = self.network(self.batch["input"])
            return made if isinstance(made, Tensor) else None
        return None

    @property
    def steps(self) -> int | None:
        clock: Any = SimpleNamespace(data=self.data, step=0, epoch=0, seconds=0.0, samples=0)
        return self.until.steps(clock)

    def named(self, key: str) -> list[tuple[str, nn.Parameter]]:
        """The parameters of an update."""
        on = self.updates[key].on
        return select(self.method, on if on is not None else key if key in dict(self.method.named_modules()) else "")

    @property
    def criterion(self) -> str:
        """The name of the loss function, empty when it is not known."""
        loss: Any = getattr(self.method, "criterion", None)
        while isinstance(loss, partial):
            loss = loss.func
        return (getattr(loss, "__name__", "") or type(loss).__name__).lower() if loss is not None else ""


def lint(
    method: Method,
    data: Iterable[Any],
    updates: Update | Mapping[str, Update] | None = None,
    *,
    until: Length = Epochs(1),
    evaluate: Evaluation | Sequence[Evaluation] | None = None,
    test: Iterable[Any] | None = None,
    runtime: Runtime = Runtime(),
) -> list[Remark]:
    """Look at a training before it begins: the arguments of ``fit``, and ``test``, the data kept for the result. Errors come first.

    One batch is read and passed through the network once; weights, gradients, random states and the position of the data stay as they are.
    Use before a long training; instead of it, ``diagnose`` afterwards.

    >>> method = Method.__new__(Method); nn.Module.__init__(method); method.network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    >>> [remark.name for remark in lint(method, [(torch.randn(2, 2), torch.tensor([0, 1]))])]
    ['tiny_batch_norm', 'no_validation', 'no_schedule']
    """
    plan = Plan(method, data, updates, until, evaluate, test)
    if plan.batch is not None:
        device = next((p.device for p in method.parameters()), torch.device("cpu"))
        plan.batch = move(plan.batch, device)
    found = [remark for rule in RULES for remark in rule(plan)]
    order = ("error", "warning", "note")
    return sorted(found, key=lambda remark: order.index(remark.severity))


def no_validation(plan: Plan) -> Iterable[Remark]:
    """Nothing is measured on data that is not trained on."""
    if not plan.evaluations:
        yield Remark("no_validation", "warning", "Nothing is measured on held-out data.", "Give fit an evaluate=Evaluation(validation, …).")


def selection(plan: Plan) -> Iterable[Remark]:
    """What chooses the best weights is the training or the test data, or shares records with the test."""
    for evaluation in plan.evaluations[:1]:
        if evaluation.data is plan.data:
            yield Remark(
                "trained_on_validation", "error", "The data that is trained on also chooses the best weights.", "Split off a part for validation."
            )
        elif plan.test is not None and evaluation.data is plan.test:
            yield Remark(
                "selected_on_test",
                "error",
                "The test data chooses the best weights, so its result will be too good.",
                "Split off a part for validation.",
            )
        elif plan.test is not None and not callable(evaluation.data):
            shared = len(prints(evaluation.data) & prints(plan.test))
            if shared:
                yield Remark(
                    "selected_on_test",
                    "error",
                    f"{shared} records of the validation data are in the test data too.",
                    "Split by group or by hash: weft.data.split_by_hash.",
                )


def order(plan: Plan) -> Iterable[Remark]:
    """The training data comes in a fixed order, or sorted by class."""
    batches = list(first(plan.data, 6))
    classes = [batch["target"] for batch in batches if isinstance(batch, dict) and is_classes(batch.get("target"))]
    if getattr(plan.data, "shuffle", None) is False:
        yield Remark("not_shuffled", "warning", "The training data comes in the same order in every epoch.", "Loader(…, shuffle=True).")
    elif len(classes) > 1 and all(len(c.unique()) == 1 for c in classes) and len(classes[0]) > 2:
        yield Remark("not_shuffled", "warning", "Each of the first batches holds a single class: the data is sorted.", "Shuffle it.")


def rate(plan: Plan) -> Iterable[Remark]:
    """A learning rate outside of what the optimizer usually gets."""
    for key, update in plan.updates.items():
        optimizer = update.optimizer(plan.named(key))
        family = "sgd" if "sgd" in type(optimizer).__name__.lower() else "adam" if "adam" in type(optimizer).__name__.lower() else ""
        if not family:
            continue
        low, high = RATES[family]
        for value in {float(group["lr"]) for group in optimizer.param_groups}:
            if not low <= value <= high:
                yield Remark(
                    "rate_out_of_range",
                    "warning",
                    f"Update {key!r} has the rate {value:g}; {low:g} to {high:g} is usual for {type(optimizer).__name__}.",
                    "Change it, unless it is meant.",
                )


def clipping(plan: Plan) -> Iterable[Remark]:
    """A recurrent network without clipping."""
    recurrent = any("weight_hh" in name for name, _ in plan.method.named_parameters())
    clipped = any(isinstance(g, ClipNorm | ClipValue) or "clip" in type(g).__name__.lower() for u in plan.updates.values() for g in u.gradients)
    if recurrent and not clipped:
        yield Remark(
            "no_clipping",
            "warning",
            "A recurrent network is trained without clipping; its gradients may explode.",
            "Update(…, gradients=[ClipNorm(1.0)]).",
        )


def bounded(plan: Plan) -> Iterable[Remark]:
    """Sigmoid or tanh between layers."""
    layers = [m for m in plan.network.modules() if next(m.children(), None) is None]
    inner = [m for m in layers[:-1] if isinstance(m, nn.Sigmoid | nn.Tanh)]
    if inner:
        yield Remark(
            "bounded_hidden",
            "note",
            f"{len(inner)} hidden layers end in {type(inner[0]).__name__}, which saturates.",
            "Use ReLU or GELU, with a norm before it.",
        )


def schedules(plan: Plan) -> Iterable[Remark]:
    """No schedule; a warm-up that never arrives; one that is over, or whose rate is gone, long before the end."""
    total = plan.steps
    for key, update in plan.updates.items():
        given = update.schedule
        if given is None:
            yield Remark("no_schedule", "note", f"Update {key!r} keeps its rate to the end.", "schedule=warmup(500) | cosine() usually ends better.")
            continue
        chosen = given if callable(given) else given.get("lr")
        if chosen is None or total is None:
            continue
        values = [chosen(Progress(step, step, 0, 0, total, step / total)) for step in (round(total * i / 20) for i in range(20))]
        if isinstance(chosen, Schedule):
            chosen.begin()  # one with a memory forgets this
        if values[-1] < 0.99 and all(b >= a for a, b in itertools.pairwise(values)) and values[-1] > values[0]:
            yield Remark(
                "warmup_too_long",
                "error",
                f"After {total} steps the rate of update {key!r} is still rising: {values[-1]:.0%} of the one asked for.",
                "Shorten the warm-up; it counts steps.",
            )
        elif max(values) > 0 and values[10] < UNIT * max(values):
            yield Remark(
                "schedule_too_short",
                "error",
                f"Half way the rate of update {key!r} is gone.",
                "Its length counts steps, not epochs; leave it out to use that of the run.",
            )


def batch_norm(plan: Plan) -> Iterable[Remark]:
    """Batch norm over two samples or fewer."""
    norms = [name for name, (part, _) in watched(plan.method, None, 10**6).items() if isinstance(part, BATCH_NORMS) and part.training]
    if norms and plan.batch is not None:
        each = -(-len(next(iter(plan.batch.values()))) // max(u.microbatches for u in plan.updates.values())) if isinstance(plan.batch, dict) else 99
        if each <= 4:
            severity = "error" if each <= 2 else "warning"
            yield Remark(
                "tiny_batch_norm",
                severity,
                f"Batch norm ({norms[0]}) sees {each} samples at a time; its statistics are noise.",
                "Larger batches, or group norm.",
            )


def softmax(plan: Plan) -> Iterable[Remark]:
    """A cross-entropy that is given probabilities."""
    made = plan.output
    if (
        made is None
        or made.ndim != 2
        or made.shape[1] < 2
        or "cross_entropy" not in plan.criterion.replace("crossentropy", "cross_entropy")
        or "binary" in plan.criterion
    ):
        return
    if bool((made >= 0).all()) and torch.allclose(made.float().sum(1), torch.ones(len(made), device=made.device), atol=1e-3):
        yield Remark(
            "softmax_before_cross_entropy",
            "error",
            "The network ends in a softmax, and cross entropy takes one itself: the gradient is squashed twice.",
            "Let the network end in its logits.",
        )


def targets(plan: Plan) -> Iterable[Remark]:
    """Classes that the network has no output for."""
    target = plan.batch.get("target") if isinstance(plan.batch, dict) else None
    if (
        plan.output is None
        or plan.output.ndim != 2
        or "entropy" not in plan.criterion
        or target is None
        or not is_classes(target)
        or target.ndim != 1
    ):
        return
    if int(target.max()) >= plan.output.shape[1]:
        yield Remark(
            "target_out_of_range",
            "error",
            f"A target is {int(target.max())}, and the network has {plan.output.shape[1]} outputs.",
            "Classes count from 0; give the network one output a class.",
        )


def scale(plan: Plan) -> Iterable[Remark]:
    """An input far from mean 0 and deviation 1."""
    given = plan.batch.get("input") if isinstance(plan.batch, dict) else None
    if not isinstance(given, Tensor) or not given.is_floating_point() or norm_first(plan.network):
        return
    size = given.float().square().mean().sqrt().item()
    if not 0.01 <= size <= 10:
        yield Remark(
            "unnormalised_input",
            "warning",
            f"The input's root mean square is {size:.3g}; about 1 is expected.",
            "Normalise it in the codec, with the mean and deviation of the training data.",
        )


def idle(plan: Plan) -> Iterable[Remark]:
    """Weights that the loss does not depend on, or that nobody trains and nobody marked."""
    share = frozen(plan.network)
    if share["frozen/share"] > 0.05:
        yield Remark(
            "frozen_unmarked",
            "warning",
            f"{share['frozen/share']:.0%} of the network needs no gradient, and is not marked: its batch norms still move.",
            "weft.surgery.freeze(part), or requires_grad_(True).",
        )
    if plan.batch is None or type(plan.method).loss is Method.loss or any(targets(plan)):
        return
    named = [(n, p) for key in plan.updates for n, p in plan.named(key)]
    with undisturbed(plan.method), torch.enable_grad():
        value = plan.method.loss(plan.batch).value
        if not value.requires_grad:
            yield Remark(
                "no_gradient",
                "error",
                "The loss does not depend on any weight.",
                "Look for .detach(), torch.no_grad() or argmax between the network and the loss.",
            )
            return
        grads = torch.autograd.grad(value, [p for _, p in named], allow_unused=True)
    unused = [name for (name, _), grad in zip(named, grads, strict=True) if grad is None]
    if unused:
        yield Remark(
            "unused_parameters",
            "warning",
            f"The loss does not depend on {', '.join(unused[:3])}{f' and {len(unused) - 3} more' if len(unused) > 3 else ''}.",
            "Use them, take them out, or freeze them.",
        )


RULES = (softmax, targets, selection, schedules, batch_norm, no_validation, order, rate, clipping, scale, idle, bounded)


def is_classes(target: Any) -> bool:
    """Whether a target holds numbers of classes."""
    return isinstance(target, Tensor) and not target.is_floating_point() and target.dtype != torch.bool


def first(data: Any, count: int) -> list[Any]:
    """The first batches of data that can be read again, its position and all random states put back; nothing of a stream."""
    if not isinstance(data, Iterable) or isinstance(data, Mapping) or iter_once(data):
        return []
    keeps = hasattr(data, "state_dict") and hasattr(data, "load_state_dict")
    before: Any = data.state_dict() if keeps else None  # type: ignore[attr-defined]
    with random_state.untouched():
        batches = [as_batch(raw) for raw in itertools.islice(data, count)]
    if keeps:
        data.load_state_dict(before)  # type: ignore[attr-defined]
    return batches


def iter_once(data: Any) -> bool:
    """Whether the data is its own iterator."""
    return hasattr(data, "__next__")


def prints(data: Any) -> set[bytes]:
    """Hashes of the inputs in the first batches."""
    return {
        row.detach().cpu().contiguous().numpy().tobytes()
        for batch in first(data, COMPARED)
        if isinstance(batch, dict) and isinstance(batch.get("input"), Tensor) and batch["input"].dtype != torch.bfloat16
        for row in batch["input"]
    }  # fmt: skip
