"""Weights of several tasks: fixed, learned within bounds, or following how the losses fall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft._lazy import unknown
from weft.losses.loss import Loss, Mean, Term
from weft.losses.shapes import full

KINDS = ("plain", "regression", "classification")


def weighed(loss: Loss, weights: Mapping[str, float | Tensor]) -> Loss:
    """A loss with its named terms multiplied by fixed weights; a term without a weight keeps its own.

    Errors: ``ValueError`` for a weight of no term; ``TypeError`` for a weight that could be trained: descending on a plain learned weight takes it
    to minus infinity.
    Use for weights from a configuration, ``{"ce": 1.0, "dice": 0.5}``; instead of it, ``UncertaintyWeights`` to learn them.

    >>> two = Loss.mean(torch.ones(2), name="a") + Loss.mean(torch.ones(2), name="b")
    >>> float(weighed(two, {"a": 0.5}).value)
    1.5
    """
    for name, weight in weights.items():
        if name not in loss.terms:
            raise unknown("term", name, loss.terms)
        if isinstance(weight, Tensor) and weight.requires_grad:
            raise TypeError(f"The weight of {name!r} could be trained, and would fall without end. Use UncertaintyWeights or SoftmaxWeights.")
    terms = {k: Term(t.total, t.count, t.weight * float(weights.get(k, 1.0))) for k, t in loss.terms.items()}
    return Loss(terms, loss.logs, loss.couples)


def _scaled(loss: Loss, names: Sequence[str], factors: Float[Tensor, " k"], who: str) -> Loss:
    """The terms times factors that carry gradients, and the factors as logs."""
    if set(names) != set(loss.terms):
        raise ValueError(f"{who} was made for the terms {', '.join(names)}; the loss has {', '.join(loss.terms)}.")
    terms, logs = {}, dict(loss.logs)
    for name, factor in zip(names, factors, strict=True):
        t = loss.terms[name]
        terms[name] = Term(factor.to(t.total.device) * t.total, t.count, t.weight)
        logs[f"weight/{name}"] = Mean(factor.detach())
    return Loss(terms, logs, loss.couples)


class UncertaintyWeights(nn.Module):
    """Tasks weighed by learned noise: a log-variance s a task, and the price of claiming much of it.

    "plain": exp(-s) L + s; "regression" (L a squared error): (exp(-s) L + s) / 2; "classification": exp(-s) L + s / 2. Least at s = log L, log L and
    log 2L.

    Shapes: a ``Loss`` with the named terms -> the same with weighed terms and a penalty ``uncertainty``. The parameters are the method's, without
    weight decay. s stays within +-``limit``. Logs ``weight/TASK``.
    Errors: ``ValueError`` for an unknown kind or a loss with other terms.
    Paper: Kendall et al., 2017, arXiv:1705.07115.
    Use when losses have units of their own; cost nothing. Instead of it, ``weft.optim.GradientBalance`` or ``ProjectConflicts`` act on gradients.

    >>> weights = UncertaintyWeights({"depth": "regression", "class": "classification"})
    >>> loss = Loss.mean(torch.full((2,), 3.0), name="depth") + Loss.mean(torch.ones(2), name="class")
    >>> weights(loss).value.item()
    2.5
    """

    def __init__(self, kinds: Mapping[str, str] | Sequence[str], *, limit: float = 10.0):
        super().__init__()
        chosen = dict(kinds) if isinstance(kinds, Mapping) else dict.fromkeys(kinds, "plain")
        for kind in chosen.values():
            if kind not in KINDS:
                raise unknown("kind of task", kind, KINDS)
        self.kinds, self.limit = chosen, limit
        self.log_variance = nn.Parameter(torch.zeros(len(chosen)))

    def forward(self, loss: Loss) -> Loss:
        with torch.no_grad():
            self.log_variance.clamp_(-self.limit, self.limit)
        s = full(self.log_variance)
        half = s.new_tensor([0.5 if kind == "regression" else 1.0 for kind in self.kinds.values()])
        price = s.new_tensor([1.0 if kind == "plain" else 0.5 for kind in self.kinds.values()])
        return _scaled(loss, list(self.kinds), half * (-s).exp(), "UncertaintyWeights") + Loss.penalty((price * s).sum(), name="uncertainty")


class SoftmaxWeights(nn.Module):
    """Learned weights that add up to the number of tasks, none below a least share: K (least + (1 - K least) softmax(w)).

    Trained by the loss itself they favour the task that is cheapest, so ``least`` holds the others; train them by a validation loss where you can.

    Shapes: a ``Loss`` with the named terms -> the same with weighed terms. Logs ``weight/TASK``.
    Errors: ``ValueError`` unless 0 <= least < 1 / K, or for a loss with other terms.
    Use for learned weights that cannot run away; instead of it, ``UncertaintyWeights``.

    >>> SoftmaxWeights(["a", "b"]).weights()
    tensor([1., 1.])
    """

    def __init__(self, names: Sequence[str], *, least: float = 0.05):
        super().__init__()
        if not 0 <= least < 1 / len(names):
            most = 1 / len(names)
            raise ValueError(f"SoftmaxWeights(least={least}): every one of {len(names)} tasks keeps that share, so it lies in [0, {most:g}).")
        self.names, self.least = list(names), least
        self.logits = nn.Parameter(torch.zeros(len(names)))

    def weights(self) -> Float[Tensor, " k"]:
        """The present weights, without gradient."""
        return self._weights().detach()

    def _weights(self) -> Tensor:
        count = len(self.names)
        return count * (self.least + (1 - count * self.least) * full(self.logits).softmax(0))

    def forward(self, loss: Loss) -> Loss:
        return _scaled(loss, self.names, self._weights(), "SoftmaxWeights")


class DynamicAverage(nn.Module):
    """Tasks that fall slowly weigh more: K softmax(r / T), r_k the mean loss of the last period over that of the one before.

    A period is ``every`` training steps, an epoch as a rule. The first two weigh all alike. No weight falls below ``least`` of its share.

    Shapes: a ``Loss`` with the named terms -> the same with weighed terms. In training mode it adds to its running sums; the sums are buffers, saved
    with the method. Logs ``weight/TASK``.
    Errors: ``ValueError`` for a period below 1, a temperature that is not positive, a least share outside [0, 1), or a loss with other terms.
    Paper: Liu et al., 2018 (DWA), arXiv:1803.10704 (T 2).
    Use for weights without a gradient a task; instead of it, ``weft.optim.GradientBalance``, which looks at gradients.

    >>> DynamicAverage(["a", "b"], every=10).weights()
    tensor([1., 1.])
    """

    sums: Tensor
    means: Tensor
    steps: Tensor

    def __init__(self, names: Sequence[str], *, every: int, temperature: float = 2.0, least: float = 0.0):
        super().__init__()
        if every < 1 or temperature <= 0 or not 0 <= least < 1:
            given = f"every={every}, temperature={temperature}, least={least}"
            raise ValueError(f"DynamicAverage({given}): a period of at least 1, a temperature above 0, a least share in [0, 1).")
        self.names, self.every, self.temperature, self.least = list(names), every, temperature, least
        self.register_buffer("sums", torch.zeros(len(names)))
        self.register_buffer("means", torch.ones(2, len(names)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def weights(self) -> Float[Tensor, " k"]:
        """The present weights."""
        count = len(self.names)
        shares = (self.means[1] / self.means[0].clamp(min=1e-12) / self.temperature).softmax(0)
        return torch.where(self.steps >= 2 * self.every, guarded(count * shares, self.least), torch.ones_like(shares))

    def forward(self, loss: Loss) -> Loss:
        changed = _scaled(loss, self.names, self.weights(), "DynamicAverage")
        if self.training:
            self._remember(loss)
        return changed

    @torch.no_grad()
    def _remember(self, loss: Loss) -> None:
        self.sums += torch.stack([Loss({n: loss.terms[n]}).value.detach().float() for n in self.names]).to(self.sums)
        self.steps += 1
        turn = self.steps % self.every == 0
        self.means.copy_(torch.where(turn, torch.stack([self.means[1], self.sums / self.every]), self.means))
        self.sums *= ~turn


def guarded(weights: Float[Tensor, " k"], least: float) -> Float[Tensor, " k"]:
    """Weights of which none starves: each at least ``least`` times the mean, the rest scaled so that their sum stays.

    Errors: ``ValueError`` for a least share outside [0, 1).

    >>> guarded(torch.tensor([0.0, 2.0]), 0.2)
    tensor([0.2000, 1.8000])
    """
    if not 0 <= least < 1:
        raise ValueError(f"guarded holds every weight at a share of the mean in [0, 1); got {least}.")
    return least * weights.mean() + (1 - least) * weights


def magnitude_weights(values: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Weights that make all losses equal, adding up to their number: K (1 / L_k) / sum (1 / L_j).

    Shapes: running means of the losses (K,), positive -> (K,), without gradient.
    Errors: ``ValueError`` for a loss that is not positive.
    Use when losses differ in unit only.

    >>> magnitude_weights(torch.tensor([1.0, 3.0]))
    tensor([1.5000, 0.5000])
    """
    if (values <= 0).any():
        raise ValueError(f"magnitude_weights needs positive losses; got {values.tolist()}.")
    inverse = 1 / values.detach()
    return len(values) * inverse / inverse.sum()


def progress_weights(progress: Float[Tensor, " k"], *, gamma: float = 1.0) -> Float[Tensor, " k"]:
    """More weight for tasks whose metric is far from done: -(1 - p)^gamma log p.

    Shapes: metrics such as accuracies in (0, 1] (K,) -> (K,), without gradient.
    Errors: ``ValueError`` for a value outside (0, 1].
    Paper: Guo et al., 2018 (dynamic task prioritisation), doi:10.1007/978-3-030-01270-0_17.
    Use when metrics, not losses, say how difficult a task is; update them at evaluations.

    >>> progress_weights(torch.tensor([1.0, 0.5])).abs()
    tensor([0.0000, 0.3466])
    """
    if ((progress <= 0) | (progress > 1)).any():
        raise ValueError(f"progress_weights needs metrics in (0, 1]; got {progress.tolist()}.")
    p = progress.detach()
    return -((1 - p) ** gamma) * p.log()


def chebyshev(loss: Loss, preference: Mapping[str, float], ideal: Mapping[str, float] | None = None) -> Loss:
    """The worst task alone: max_k w_k (L_k - z_k), with z_k the best value that task k could have (0 unless given).

    Which task is worst is a matter of the whole batch, so the loss is marked as coupled.
    Errors: ``ValueError`` unless every term has a preference, and a positive one.
    Paper: Steuer and Choo, 1983, doi:10.1007/BF02591870 (weighted Tchebycheff).
    Use to reach parts of a Pareto front that no weighted sum reaches: where it is not convex.

    >>> two = Loss.mean(torch.ones(2), name="a") + Loss.mean(3 * torch.ones(2), name="b")
    >>> chebyshev(two, {"a": 1.0, "b": 0.5}).value.item()
    1.5
    """
    if set(preference) != set(loss.terms) or min(preference.values()) <= 0:
        raise ValueError(f"chebyshev needs a positive preference for each of {', '.join(loss.terms)}; got {dict(preference)}.")
    floor = ideal or {}
    excess = {k: preference[k] * (float(Loss({k: t}).value.detach()) - floor.get(k, 0.0)) for k, t in loss.terms.items()}
    worst = max(excess, key=lambda k: -math.inf if math.isnan(excess[k]) else excess[k])
    t = loss.terms[worst]
    offset = torch.full((), -preference[worst] * floor.get(worst, 0.0), device=t.total.device)
    chosen = Loss({worst: Term(t.total, t.count, t.weight * preference[worst])}, loss.logs)
    return (chosen + Loss.penalty(offset, name="ideal") if floor.get(worst) else chosen).coupled()


def constrained(loss: Loss, main: str, limits: Mapping[str, float], *, weight: float = 10.0) -> Loss:
    """One task, the others held below limits: L_main + weight sum_k max(0, L_k - limit_k).

    Whether a limit is kept is a matter of the whole batch, so the loss is marked as coupled. Terms without a limit only appear in the logs.
    Errors: ``ValueError`` for an unknown term.
    Paper: Haimes et al., 1971 (epsilon-constraint), On a Bicriterion Formulation; as an exact penalty.
    Use when one objective matters and others must merely be good enough.

    >>> two = Loss.mean(torch.ones(2), name="a") + Loss.mean(3 * torch.ones(2), name="b")
    >>> constrained(two, "a", {"b": 2.5}, weight=2.0).value.item()
    2.0
    """
    for name in (main, *limits):
        if name not in loss.terms:
            raise unknown("term", name, loss.terms)
    held = Loss({main: loss.terms[main]}, {**loss.logs, **{k: Mean(Loss({k: t}).value.detach()) for k, t in loss.terms.items() if k != main}})
    for name, limit in limits.items():
        t = loss.terms[name]
        if float(Loss({name: t}).value.detach()) > limit:
            offset = torch.full((), -weight * limit, device=t.total.device)
            held = held + Loss({name: Term(t.total, t.count, t.weight * weight)}) + Loss.penalty(offset, name=f"{name}_limit")
    return held.coupled()
