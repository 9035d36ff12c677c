"""Negative log-likelihoods of numbers under a named distribution, and of classes from probabilities."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import NEVER, class_dimension
from weft.losses.regression import numbers
from weft.losses.shapes import full, out_of_range, same_shape

FLOOR = {torch.float64: 2.0**-52, torch.float32: 2.0**-23, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}  # what 1 - p can tell from 1


def gaussian_nll(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], log_variance: Float[Tensor, " ..."] | float = 0.0, *, full_form: bool = False
) -> Float[Tensor, " ..."]:
    """Negative log-likelihood of a normal distribution: 1/2 (log s^2 + (target - prediction)^2 / s^2), + 1/2 log(2 pi) in the ``full_form``.

    Shapes: prediction (mean), target and log_variance (B, ...), or one log-variance for all -> (B, ...). Nats.
    The logarithm of the variance is taken, not the variance: no clamp is needed to keep it positive. It is cut to -30 … 30 for the division.
    Errors: ``ValueError`` when the shapes differ, those of a log-variance that would broadcast included.
    Paper: Nix and Weigend, 1994, doi:10.1109/ICNN.1994.374138.
    Use when the network says how sure it is; instead of it, ``mse`` when noise is the same everywhere.

    >>> gaussian_nll(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([0.0]))
    tensor([2.])
    """
    mean, wanted = numbers(prediction, target, "gaussian_nll")
    spread = torch.as_tensor(log_variance, dtype=mean.dtype, device=mean.device)
    if spread.ndim:
        same_shape(prediction, spread, "gaussian_nll (mean and log_variance)")
    loss = 0.5 * (spread + (wanted - mean).square() * (-spread.clamp(-30, 30)).exp())
    return loss + 0.9189385332046727 if full_form else loss


def poisson_nll(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, log_rate: bool = True, full_form: bool = False
) -> Float[Tensor, " ..."]:
    """Negative log-likelihood of counts under a Poisson distribution: exp(z) - target z for a log-rate z; r - target log r for a rate.

    The ``full_form`` adds Stirling's approximation of log target! where target > 1, as torch does.

    Shapes: prediction and target (B, ...) -> (B, ...). Targets are counts >= 0.
    Errors: ``ValueError`` when the shapes differ. exp(z) overflows beyond z = 88.
    Use for counts of rare events; instead of it, a negative binomial when their variance is well above their mean.

    >>> poisson_nll(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor([1.])
    """
    z, count = numbers(prediction, target, "poisson_nll")
    return F.poisson_nll_loss(z, count, log_input=log_rate, full=full_form, reduction="none")


def nll(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, dim: int = 1) -> Float[Tensor, " ..."]:
    """Negative log-likelihood of classes from log-probabilities: -prediction_y.

    Shapes: prediction log-probabilities (B, C, ...) with C at ``dim``; target (B, ...) class indices -> (B, ...).
    Errors: ``ValueError`` for shapes that do not fit, or a class out of range (on CPU).
    Use when the network ends in log_softmax; instead of it, ``cross_entropy`` from logits, which is this after log_softmax.

    >>> nll(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([1]))
    tensor([0.6931])
    """
    axis = class_dimension(prediction, target, dim, "nll")
    if axis != 1 or target.is_floating_point():
        return -_chosen(full(prediction), target, dim, "nll")
    try:
        return F.nll_loss(full(prediction), target.long(), reduction="none", ignore_index=NEVER)
    except (IndexError, RuntimeError) as error:
        raise out_of_range(target, prediction.shape[1], "nll") from error


def probability_nll(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, dim: int = 1) -> Float[Tensor, " ..."]:
    """Negative log-likelihood of classes from probabilities: -log p_y.

    Shapes: prediction probabilities (B, C, ...) with C at ``dim``; target (B, ...) class indices -> (B, ...).
    A probability below what its type can tell from 0 beside 1 (2^-23 in float32, 2^-11 in float16) counts as that much, with the slope that it has
    there: a clamp would make its gradient 0, and the item could never recover.
    Errors: ``ValueError`` for shapes that do not fit, or a class out of range (on CPU).
    Use when probabilities are all there is (an average of models); instead of it, ``cross_entropy`` from logits, which loses nothing.

    >>> probability_nll(torch.tensor([[0.5, 0.5]]), torch.tensor([1]))
    tensor([0.6931])
    """
    return -_log(_chosen(prediction, target, dim, "probability_nll"))


def probability_binary_cross_entropy(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Binary cross-entropy from probabilities: -y log p - (1 - y) log(1 - p).

    Shapes: prediction in [0, 1] and target (B, ...) -> (B, ...). Near 0 and 1 as in ``probability_nll``.
    Errors: ``ValueError`` when the shapes differ, or a prediction lies outside [0, 1] (on CPU), as logits do.
    Use when probabilities are all there is; instead of it, ``binary_cross_entropy`` from logits: in float32 1 - 1e-8 is 1.

    >>> probability_binary_cross_entropy(torch.tensor([0.5, 0.25]), torch.tensor([0, 1]))
    tensor([0.6931, 1.3863])
    """
    same_shape(prediction, target, "probability_binary_cross_entropy")
    if prediction.device.type == "cpu" and not torch.compiler.is_compiling() and prediction.numel():
        low, high = prediction.detach().aminmax()
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"probability_binary_cross_entropy needs probabilities in [0, 1]; got values from {low.item():.4g} to {high.item():.4g}. For logits "
                "use binary_cross_entropy."
            )
    yes = full(target.to(prediction.dtype))
    return -(yes * _log(prediction) + (1 - yes) * _log(1 - prediction))


def _chosen(values: Tensor, target: Tensor, dim: int, who: str) -> Tensor:
    if target.is_floating_point():
        raise ValueError(f"{who} takes class indices (an integer tensor); got a target of {target.dtype}.")
    axis = class_dimension(values, target, dim, who)
    try:
        return values.gather(axis, target.long().unsqueeze(axis)).squeeze(axis)
    except (IndexError, RuntimeError) as error:
        raise out_of_range(target, values.shape[axis], who) from error


def _log(p: Tensor) -> Tensor:
    floor = FLOOR[p.dtype]
    p = full(p)
    return (p + (p.clamp(min=floor) - p).detach()).log()
