"""Optimizers of torch by name: their arithmetic, batched over parameters, with decay on matrices and kernels only."""

from __future__ import annotations

import torch

from weft.optim.optimizers import Factory
from weft.optim.rules.rule import made_by

FOREACH = {"foreach": True}


def rmsprop(
    lr: float = 1e-3, alpha: float = 0.99, momentum: float = 0.0, weight_decay: float = 0.0, eps: float = 1e-8, centered: bool = False
) -> Factory:
    """RMSprop: v <- alpha v + (1 - alpha) g^2, w <- w - lr g / (sqrt(v) + eps); eps outside the root, as in torch.

    ``centered`` subtracts the square of the mean gradient. Decay is coupled. Paper: Tieleman and Hinton, 2012; Graves, 2013, arXiv:1308.0850.
    Use for recurrent nets and reinforcement learning; instead of it ``adam``. Cost: one number of state per parameter, one more for each of
    momentum and centring.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); rmsprop(0.1, alpha=0.75)([("w", w)]).step(); round(w.item(), 4)
    -0.2
    """
    options = {"lr": lr, "alpha": alpha, "momentum": momentum, "weight_decay": weight_decay, "eps": eps, "centered": centered}
    return made_by(torch.optim.RMSprop, "rmsprop", options, FOREACH)


def adagrad(lr: float = 0.01, lr_decay: float = 0.0, weight_decay: float = 0.0, initial: float = 0.0, eps: float = 1e-10) -> Factory:
    """Adagrad: s <- s + g^2, w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps), with s starting at ``initial``.

    Takes sparse gradients: only rows that were looked up move (without decay, which touches all). Decay is coupled.
    Paper: Duchi et al., 2011. Use for sparse features and embeddings; instead of it ``sparse_adam``. Cost: one number of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.full((1,), 5.0); adagrad(0.1)([("w", w)]).step(); round(w.item(), 4)
    -0.1
    """
    options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "initial_accumulator_value": initial, "eps": eps}
    return made_by(torch.optim.Adagrad, "adagrad", options, FOREACH)


def adadelta(lr: float = 1.0, rho: float = 0.9, weight_decay: float = 0.0, eps: float = 1e-6) -> Factory:
    """Adadelta: w <- w - lr sqrt(u + eps) / sqrt(v + eps) g, where v averages g^2 and u the squares of the steps.

    Decay is coupled. Paper: Zeiler, 2012, arXiv:1212.5701. Use when no rate is known at all; instead of it ``adam``, which is faster with one.
    Cost: two numbers of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); adadelta(rho=0.75, eps=1e-6)([("w", w)]).step(); round(w.item(), 4)
    -0.002
    """
    return made_by(torch.optim.Adadelta, "adadelta", {"lr": lr, "rho": rho, "weight_decay": weight_decay, "eps": eps}, FOREACH)


def nadam(
    lr: float = 2e-3,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
    decoupled: bool = True,
) -> Factory:
    """NAdam: Adam that looks ahead along its momentum, whose weight rises as b1 (1 - 0.96^(t momentum_decay) / 2).

    ``decoupled`` takes decay as AdamW does. Paper: Dozat, 2016. Use in place of ``adam`` where Nesterov's momentum helps SGD.
    Cost: two numbers of state per parameter.

    >>> from torch import nn
    >>> type(nadam()([("w", nn.Parameter(torch.ones(1)))])).__name__
    'NAdam'
    """
    options = {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps, "momentum_decay": momentum_decay}
    return made_by(torch.optim.NAdam, "nadam", options | {"decoupled_weight_decay": decoupled}, FOREACH)


def radam(
    lr: float = 1e-3, weight_decay: float = 0.0, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, decoupled: bool = True
) -> Factory:
    """RAdam: Adam that takes plain momentum's step while the variance of its second moment is not yet tractable (five steps by default).

    Afterwards the step is scaled by r_t of the paper: a warm-up without a number to choose. ``decoupled`` takes decay as AdamW does.
    Paper: Liu et al., 2020, arXiv:1908.03265. Use when no warm-up is known; instead of it ``adamw`` with ``warmup``.
    Cost: two numbers of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.full((1,), 5.0); radam(0.1)([("w", w)]).step(); round(w.item(), 4)
    -0.5
    """
    options = {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps, "decoupled_weight_decay": decoupled}
    return made_by(torch.optim.RAdam, "radam", options, FOREACH)


def adamax(lr: float = 2e-3, weight_decay: float = 0.0, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> Factory:
    """Adamax: Adam divided by the largest recent gradient, u <- max(b2 u, |g| + eps), instead of the root of a mean square.

    Decay is coupled. Paper: Kingma and Ba, 2015, arXiv:1412.6980, section 7.1. Use for embeddings and gradients with rare large entries;
    instead of it ``adam``. Cost: two numbers of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); adamax(0.1)([("w", w)]).step(); round(w.item(), 4)
    -0.1
    """
    return made_by(torch.optim.Adamax, "adamax", {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps}, FOREACH)


def rprop(lr: float = 0.01, etas: tuple[float, float] = (0.5, 1.2), step_sizes: tuple[float, float] = (1e-6, 50.0)) -> Factory:
    """Rprop: each entry has its own step, which grows by ``etas[1]`` while its gradient keeps its sign and shrinks by ``etas[0]`` when it turns.

    Paper: Riedmiller and Braun, 1993. Use for small problems with the whole data in one batch; instead of it ``lbfgs``. Noise of
    minibatches turns signs and stops it. Cost: two numbers of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.full((1,), 5.0); rprop(0.1)([("w", w)]).step(); round(w.item(), 4)
    -0.1
    """
    return made_by(torch.optim.Rprop, "rprop", {"lr": lr, "etas": etas, "step_sizes": step_sizes}, FOREACH)


def asgd(lr: float = 0.01, lambd: float = 1e-4, power: float = 0.75, start: float = 1e6, weight_decay: float = 0.0) -> Factory:
    """Averaged gradient descent: the rate falls as lr / (1 + lambd lr t)^power, and from step ``start`` on the state ``ax`` averages the weights.

    Decay is coupled. Paper: Polyak and Juditsky, 1992. Use for language models of the older kind; instead of it ``sgd`` with the follow-up ``swa``,
    whose average is evaluated and kept. Cost: one number of state per parameter.

    >>> from torch import nn
    >>> w = nn.Parameter(torch.zeros(1)); w.grad = torch.ones(1); asgd(0.1)([("w", w)]).step(); round(w.item(), 4)
    -0.1
    """
    fixed = {"lambd": lambd, "alpha": power, "t0": start, **FOREACH}
    return made_by(torch.optim.ASGD, "asgd", {"lr": lr, "weight_decay": weight_decay}, fixed)


def sparse_adam(lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> Factory:
    """Adam for sparse gradients alone: only rows that were looked up move, and only their state.

    A row's moments wait while it is not used, so its steps differ from dense Adam's, which goes on by momentum; the correction counts all
    steps. Errors: dense gradients, by torch. Paper: Kingma and Ba, 2015, arXiv:1412.6980. Use for ``nn.Embedding(..., sparse=True)`` with
    large vocabularies, in ``by_parts`` beside another rule for the rest; instead of it ``adagrad``. Cost: two numbers of state per parameter.

    >>> from torch import nn
    >>> table = nn.Embedding(3, 1, sparse=True); _ = nn.init.zeros_(table.weight); table(torch.tensor([1])).sum().backward()
    >>> sparse_adam(0.1)([("w", table.weight)]).step(); table.weight.detach().flatten().mul(10).round().tolist()
    [0.0, -1.0, 0.0]
    """
    return made_by(torch.optim.SparseAdam, "sparse_adam", {"lr": lr, "betas": betas, "eps": eps}, {})


def adafactor(
    lr: float = 0.01, weight_decay: float = 0.0, power: float = -0.8, clip: float = 1.0, eps: tuple[float | None, float] = (None, 1e-3)
) -> Factory:
    """Adafactor: Adam's second moment of a matrix, kept as the means of its rows and columns.

    The rate of each matrix is lr max(eps2, rms(w)), at most 1 / sqrt(t); its step is cut to root mean square ``clip``; the second moment averages
    with 1 - t^power. Decay is decoupled. Paper: Shazeer and Stern, 2018, arXiv:1804.04235. Use when state does not fit; instead of it ``lion``.
    Cost: m + n numbers of state for an (m, n) matrix. Differs, as torch does: no momentum.

    >>> from torch import nn
    >>> from weft.optim.rules.rule import state_bytes
    >>> w = nn.Parameter(torch.ones(8, 4)); w.grad = torch.ones(8, 4); rule = adafactor()([("w", w)]); rule.step(); state_bytes(rule)
    52
    """
    options = {"lr": lr, "weight_decay": weight_decay, "beta2_decay": power, "d": clip, "eps": eps}
    return made_by(torch.optim.Adafactor, "adafactor", options, FOREACH)
