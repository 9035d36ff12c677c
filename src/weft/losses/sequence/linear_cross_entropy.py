"""A linear layer and cross-entropy over many classes at once, without ever holding all logits."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.losses.shapes import full, out_of_range

ENTRIES = 2**23  # logits that exist at once unless ``chunk`` says otherwise: 32 MB of float32


def linear_cross_entropy(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    weight: Float[Tensor, "classes width"],
    bias: Float[Tensor, " classes"] | None = None,
    *,
    mask: Bool[Tensor, " ..."] | None = None,
    z_loss: float = 0.0,
    chunk: int | None = None,
) -> Float[Tensor, " ..."]:
    """Cross-entropy of the logits prediction @ weight^T + bias, a chunk of rows at a time: log sum_c exp z_c - z_y.

    The logits' gradient is p - y; it is turned into that of prediction and weight while the chunk is there, in the forward pass, so that
    nothing of size rows x classes is kept and nothing is computed twice. That assumes that all rows that the mask keeps get one upstream gradient,
    as ``Loss.mean`` gives them; where they do not (weights, a mask that was not given here) the backward pass computes the chunks again.

    Shapes: prediction (..., D), target (...) class indices, weight (V, D), bias (V,) -> (...). ``mask`` (...), True keeps: the others cost
    nothing, no time either, and are 0. ``z_loss`` adds that many times (log sum_c exp z_c)^2. ``chunk``: rows at once.
    The products run in the type that autocast asks for, as a linear layer's do, else in float32; softmax and sums in float32.
    Errors: ``ValueError`` for shapes that do not fit, or a class out of range (on CPU; a GPU asserts).
    Papers: Wijmans et al., 2024, arXiv:2411.09009; Hsu et al., 2024, arXiv:2410.10989 (gradients in the forward pass); z-loss, Chowdhery et al.,
    2022, arXiv:2204.02311. No second derivative.
    Use as the end of a language model with a large vocabulary; instead of it, ``cross_entropy`` when the logits are wanted too.

    >>> linear_cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]), torch.ones(4, 3))
    tensor([1.3863, 1.3863])
    """
    classes, width = weight.shape
    if prediction.shape[-1:] != (width,) or prediction.shape[:-1] != target.shape or target.is_floating_point():
        raise ValueError(
            f"linear_cross_entropy with a weight {tuple(weight.shape)} needs a prediction (..., {width}) and a target (...) of class indices; "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}, {target.dtype}."
        )
    if mask is not None and mask.shape != target.shape:
        raise ValueError(f"linear_cross_entropy needs a mask of the target's shape {tuple(target.shape)}; got {tuple(mask.shape)}.")
    if chunk is not None and chunk < 1:
        raise ValueError(f"linear_cross_entropy(chunk={chunk}): a chunk holds at least one row.")
    rows, labels = prediction.reshape(-1, width), target.reshape(-1).long()
    if mask is not None:
        keep = mask.reshape(-1).nonzero().squeeze(1)
        rows, labels = rows[keep], labels[keep]
    if labels.device.type == "cpu" and labels.numel() and not (labels.min() >= 0 and labels.max() < classes):
        raise out_of_range(labels, classes, "linear_cross_entropy")
    place = prediction.device.type
    dtype = torch.get_autocast_dtype(place) if torch.is_autocast_enabled(place) else full(prediction).dtype
    with torch.autocast(place, enabled=False):
        found = _Chunked.apply(rows, weight, bias, labels, z_loss, chunk or max(1, ENTRIES // classes), dtype)
    if mask is not None:
        found = found.new_zeros(target.numel()).index_put((keep,), found)
    return found.view(target.shape)


class _Chunked(torch.autograd.Function):
    """Values of rows, and the gradients for an upstream gradient of one, chunk by chunk."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, z_loss: float, chunk: int, dtype: torch.dtype) -> Tensor:
        ctx.wants = ctx.needs_input_grad[:3]
        ctx.options = z_loss, chunk, dtype
        values, slopes = _walk(rows, weight, bias, labels, None, ctx.wants, ctx.options)
        ctx.slopes = slopes  # not saved tensors: nobody else holds them, and the backward pass may scale them in place
        ctx.save_for_backward(rows, weight, bias, labels)
        return values

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = upstream
        rows, weight, bias, labels = ctx.saved_tensors
        slopes, ctx.slopes = ctx.slopes, None
        same = len(g) and (g.stride(0) == 0 or bool((g == g[0]).all()))
        if slopes is not None and same:
            slopes = [None if s is None else s.mul_(g[0]) for s in slopes]
        else:
            _, slopes = _walk(rows, weight, bias, labels, g, ctx.wants, ctx.options)
        found = [None if s is None else s.to(x.dtype) for s, x in zip(slopes, (rows, weight, bias), strict=True)]
        return *found, None, None, None, None


def _walk(
    rows: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, upstream: Tensor | None, wants: tuple[bool, ...], options: tuple[Any, ...]
) -> tuple[Tensor, list[Tensor | None]]:
    """Each row's value, and the wanted gradients of their sum weighed by ``upstream``."""
    z_loss, chunk, dtype = options
    exact = torch.promote_types(dtype, torch.float32)
    narrow = weight.to(dtype)
    values = torch.empty(len(rows), dtype=exact, device=rows.device)
    to_rows = torch.empty(rows.shape, dtype=exact, device=rows.device) if wants[0] else None
    to_weight = torch.zeros(weight.shape, dtype=exact, device=rows.device) if wants[1] else None
    to_bias = torch.zeros(len(weight), dtype=exact, device=rows.device) if bias is not None and wants[2] else None
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        x, y = rows[part].to(dtype), labels[part].unsqueeze(1)
        scores = (x @ narrow.T).to(exact)
        if bias is not None:
            scores += bias
        # softmax in place, so that one chunk exists and not two
        largest = scores.amax(1, keepdim=True)
        scores -= largest
        right = scores.gather(1, y)
        mass = scores.exp_().sum(1, keepdim=True)
        cost, total = mass.log() - right, mass.log() + largest
        values[part] = (cost + z_loss * total.square() if z_loss else cost).squeeze(1)
        if not any(wants):
            continue
        weigh = 1 if upstream is None else upstream[part].unsqueeze(1)
        scores *= weigh * (1 + 2 * z_loss * total) / mass
        scores.scatter_add_(1, y, (-torch.ones_like(cost)) * weigh)
        if to_bias is not None:
            to_bias += scores.sum(0)
        slope = scores.to(dtype)
        if to_rows is not None:
            to_rows[part] = slope @ narrow
        if to_weight is not None and dtype == exact:
            to_weight.addmm_(slope.T, x)
        elif to_weight is not None:
            to_weight += slope.T @ x
        del scores, slope  # before the next chunk is made
    return values, [to_rows, to_weight, to_bias]
