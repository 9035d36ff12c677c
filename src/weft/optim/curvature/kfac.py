"""K-FAC: the Fisher matrix of each layer as a Kronecker product of two small ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from weft.losses.loss import Loss
from weft.optim.estimators import Objective, Update


class KFAC:
    """Back-propagation, then each linear layer's and convolution's gradient W becomes S^-1 W A^-1.

    A = mean of a a^T over inputs (with a 1 for the bias), S = mean of s s^T over the samples' gradients at the outputs; both are moving means
    (``decay``) and inverted every ``every`` steps, damped by sqrt(damping), shared out by the sizes of A and S. Convolutions: sums over
    places, inputs as patches. Other parameters keep their gradient. With ``clip`` the step is shortened where the sum
    of gradient times step exceeds it.

    Errors: ``ValueError`` for damping that is not positive, or several ranks.
    Paper: Martens and Grosse, 2015, arXiv:1503.05671; Grosse and Martens, 2016, arXiv:1602.01407 (convolutions). Differs: gradients of the
    data's own labels, not of labels drawn from the model. Use with ``sgd`` with momentum; instead of it, ``shampoo`` or ``soap``, which need no
    hooks. Cost: two matrices of d_in^2 and d_out^2 a layer, products for them each step, their inverses every ``every`` steps.

    >>> KFAC(damping=1e-2).every
    10
    """

    def __init__(self, damping: float = 1e-2, decay: float = 0.95, every: int = 10, clip: float | None = None) -> None:
        if damping <= 0 or not 0 <= decay < 1 or every < 1:
            raise ValueError(f"KFAC(damping={damping}, decay={decay}, every={every}): expected positive damping, decay in [0, 1), every >= 1.")
        self.damping, self.decay, self.every, self.clip = damping, decay, every, clip
        self.steps = 0
        self.factors: dict[str, Tensor] = {}
        self.inverses: dict[str, Tensor] = {}

    def bind(self, method: nn.Module) -> None:
        """A training begins: nothing is known."""
        self.steps, self.factors, self.inverses = 0, {}, {}

    def __call__(self, update: Any, objective: Objective, batch: Any) -> Loss:
        if update.world > 1:
            raise ValueError(f"KFAC runs on one rank; this fit has {update.world}.")
        owned = {id(p) for p in update.parameters}
        layers = {
            name: module
            for name, module in update.method.named_modules()
            if isinstance(module, (nn.Linear, nn.Conv2d)) and id(module.weight) in owned and getattr(module, "groups", 1) == 1
        }
        inputs: dict[str, list[Tensor]] = {}
        slopes: dict[str, list[Tensor]] = {}
        handles = []
        for name, module in layers.items():
            handles.append(
                module.register_forward_pre_hook(lambda m, x, name=name: inputs.setdefault(name, []).append(x[0].detach()))  # type: ignore[arg-type]
            )
            handles.append(module.register_full_backward_hook(lambda m, i, o, name=name: slopes.setdefault(name, []).append(o[0].detach())))
        try:
            loss = update.gradient(objective, batch)
        finally:
            for handle in handles:
                handle.remove()
        for name, module in layers.items():
            if name in slopes:
                self._seen(name, module, inputs[name], slopes[name])
        if self.steps % self.every == 0:
            for name in layers:
                self._inverted(name)
        self.steps += 1
        self._conditioned(update, layers)
        return loss

    def _seen(self, name: str, module: nn.Linear | nn.Conv2d, inputs: list[Tensor], slopes: list[Tensor]) -> None:
        """Mix what this batch shows into the two moving means."""
        a = torch.cat([_rows(module, x) for x in inputs]).float()
        if module.bias is not None:
            a = torch.cat([a, a.new_ones(len(a), 1)], 1)
        count = sum(len(x) for x in inputs)  # the loss is a mean over samples: times their number, a slope is one sample's own
        s = torch.cat([(o.movedim(1, -1) if isinstance(module, nn.Conv2d) else o).flatten(0, -2) for o in slopes]).float() * count
        for key, value in ((f"{name}.a", a.t() @ a / len(a)), (f"{name}.s", s.t() @ s / count)):
            old = self.factors.get(key)
            self.factors[key] = value if old is None else self.decay * old + (1 - self.decay) * value

    def _inverted(self, name: str) -> None:
        if f"{name}.a" not in self.factors:
            return
        a, s = self.factors[f"{name}.a"], self.factors[f"{name}.s"]
        # the damping of the product is shared by the sizes of the two, as the paper's section 6.3
        ratio = ((a.trace() / len(a)) / (s.trace() / len(s)).clamp(min=1e-30)).clamp(1e-8, 1e8).sqrt()
        for key, factor, share in ((f"{name}.a", a, ratio), (f"{name}.s", s, 1 / ratio)):
            values, vectors = torch.linalg.eigh(factor.double())
            floor = float(share) * self.damping**0.5
            self.inverses[key] = ((vectors / (values.clamp(min=0) + floor)) @ vectors.t()).to(factor)

    @torch.no_grad()
    def _conditioned(self, update: Update, layers: dict[str, Any]) -> None:
        pairs: list[tuple[Tensor, Tensor]] = []
        for name, module in layers.items():
            if f"{name}.a" not in self.inverses or module.weight.grad is None:
                continue
            grad = module.weight.grad.flatten(1).float()
            bias = None if module.bias is None else module.bias.grad
            grad = grad if bias is None else torch.cat([grad, bias.float()[:, None]], 1)
            inverse = self.inverses[f"{name}.a"]
            step = self.inverses[f"{name}.s"] @ grad @ inverse[: grad.shape[1], : grad.shape[1]]
            pairs.append((module.weight.grad, step[:, : module.weight.grad[0].numel()].reshape(module.weight.shape)))
            if bias is not None:
                pairs.append((bias, step[:, -1]))
        scale = 1.0
        if self.clip is not None and pairs:
            size = float(torch.stack([(grad.float() * step).sum() for grad, step in pairs]).sum())
            scale = min(1.0, self.clip / max(size, 1e-30))
        for grad, step in pairs:
            grad.copy_(step * scale)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "factors": dict(self.factors), "inverses": dict(self.inverses)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self.factors, self.inverses = state["steps"], dict(state["factors"]), dict(state["inverses"])


def _rows(module: nn.Module, x: Tensor) -> Tensor:
    """The inputs of a layer as rows: of the last axis, or of each patch of a convolution."""
    if isinstance(module, nn.Conv2d):
        padding = module.padding if not isinstance(module.padding, str) else 0
        if isinstance(module.padding, str) and module.padding == "same":
            x = F.pad(x, module._reversed_padding_repeated_twice)
        patches = F.unfold(x, module.kernel_size, module.dilation, padding, module.stride)  # type: ignore[arg-type]
        return patches.transpose(1, 2).reshape(-1, patches.shape[1])
    return x.reshape(-1, x.shape[-1])
