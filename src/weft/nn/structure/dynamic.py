"""Networks that decide how much of themselves they use."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn


class EarlyExits(nn.Module):
    """Stages in a row, each with an exit; in eval mode an item leaves at the first exit that is sure enough.

    In training every exit answers: the list of logits, for a loss on each. In eval mode an item goes on while max softmax(logits) < ``threshold``;
    only items that go on are computed. ``threshold=1`` runs everything and gives the last exit's answer.

    Shapes: x (B, ...) -> training: a list of (B, C), one an exit; eval: (B, C). ``leave(x)`` also says how many stages each item took.
    Errors: ``ValueError`` when there are not as many exits as stages, or a threshold is outside (0, 1].
    Paper: Teerapittayanon et al., 2016, arXiv:1709.01686 (BranchyNet). Differs: confidence by the largest probability, not by entropy.
    Use when many inputs are easy and time matters one by one; eval gathers items, so it cannot be exported as one graph below threshold 1.

    >>> net = EarlyExits([nn.Linear(4, 8), nn.Linear(8, 8)], [nn.Linear(8, 3), nn.Linear(8, 3)], threshold=0.9)
    >>> len(net(torch.zeros(2, 4))), net.eval()(torch.zeros(2, 4)).shape
    (2, torch.Size([2, 3]))
    """

    def __init__(self, stages: Sequence[nn.Module], exits: Sequence[nn.Module], *, threshold: float = 1.0) -> None:
        super().__init__()
        if len(stages) != len(exits) or not stages:
            raise ValueError(f"EarlyExits needs an exit for each stage; got {len(stages)} stages and {len(exits)} exits.")
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold is a probability in (0, 1]; got {threshold}.")
        self.stages, self.exits, self.threshold = nn.ModuleList(stages), nn.ModuleList(exits), threshold

    def forward(self, x: Shaped[Tensor, " b *item"]) -> Float[Tensor, "b c"] | list[Float[Tensor, "b c"]]:
        if self.training:
            answers = []
            for stage, leave in zip(self.stages, self.exits, strict=True):
                x = stage(x)
                answers.append(leave(x))
            return answers
        if self.threshold == 1:  # nobody leaves early, and the graph is fixed
            for stage in self.stages:
                x = stage(x)
            return self.exits[-1](x)
        return self.leave(x)[0]

    def leave(self, x: Shaped[Tensor, " b *item"]) -> tuple[Float[Tensor, "b c"], Int[Tensor, " b"]]:
        """Answers, and the number of stages that each item took. Shapes: x (B, ...) -> (B, C), (B,)."""
        used = torch.full((x.shape[0],), len(self.stages), device=x.device)
        inside, answer = torch.arange(x.shape[0], device=x.device), None
        for number, (stage, leave) in enumerate(zip(self.stages, self.exits, strict=True), start=1):
            x = stage(x)
            logits = leave(x)
            answer = logits.new_zeros(used.shape[0], logits.shape[1]) if answer is None else answer
            sure = logits.softmax(-1).amax(-1) >= self.threshold if number < len(self.stages) else torch.ones_like(inside, dtype=torch.bool)
            answer[inside[sure]], used[inside[sure]] = logits[sure], number
            inside, x = inside[~sure], x[~sure]
            if not len(inside):
                break
        assert answer is not None
        return answer, used


class AdaptiveComputation(nn.Module):
    """One part as often as each token needs it: a halting unit adds up probabilities until they reach 1 - ``epsilon``.

    At step n, p_n = sigmoid(w . s_n + b); the last step takes the remainder, so the weights sum to 1, and y = sum_n p_n s_n. The second
    output is the ponder cost N + R (steps and remainder) of each token, to be added to the loss times a small factor.

    Shapes: x (B, T, dim) -> y (B, T, dim), ponder (B, T), where ``body`` keeps the shape of x; ``run(x)`` gives the weights (steps, B, T) too.
    Errors: ``ValueError`` for fewer than one step or an epsilon outside (0, 1).
    Paper: Graves, 2016, arXiv:1603.08983. Differs: tokens that have halted are computed and not used, which keeps one graph.
    Use when some tokens are harder than others; instead of it, ``Repeat`` for the same depth everywhere. Cost: ``steps`` times the part.

    >>> layer = AdaptiveComputation(nn.Linear(4, 4), 4, steps=3)
    >>> y, ponder, weights = layer.run(torch.randn(2, 5, 4))
    >>> torch.allclose(weights.sum(0), torch.ones(2, 5))
    True
    """

    def __init__(self, body: nn.Module, dim: int, *, steps: int = 8, epsilon: float = 0.01) -> None:
        super().__init__()
        if steps < 1 or not 0 < epsilon < 1:
            raise ValueError(f"AdaptiveComputation needs steps of at least 1 and 0 < epsilon < 1; got {steps} and {epsilon}.")
        self.body, self.steps, self.epsilon = body, steps, epsilon
        self.halt = nn.Linear(dim, 1)
        nn.init.constant_(self.halt.bias, 1.0)  # the paper's: few steps at the start

    def forward(self, x: Float[Tensor, "b t d"]) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b t"]]:
        y, ponder, _ = self.run(x)
        return y, ponder

    def run(self, x: Float[Tensor, "b t d"]) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b t"], Float[Tensor, "n b t"]]:
        """The output, the ponder cost, and the weight of each step, which sum to 1."""
        exact = torch.promote_types(x.dtype, torch.float32)
        total = torch.zeros_like(x[..., 0], dtype=exact)
        y, count, remainder, weights = torch.zeros_like(x), torch.zeros_like(total), torch.zeros_like(total), []
        for step in range(self.steps):
            x = self.body(x)
            p = self.halt(x).squeeze(-1).to(exact).sigmoid()
            going = total < 1 - self.epsilon
            last = going if step == self.steps - 1 else going & (total + p >= 1 - self.epsilon)
            weight = torch.where(last, 1 - total, p) * going
            remainder = remainder + torch.where(last, 1 - total, torch.zeros_like(p))
            count, total = count + going, torch.where(last, torch.ones_like(total), total + weight)
            weights.append(weight)
            y = y + weight.to(y.dtype)[..., None] * x
        return y, count + remainder, torch.stack(weights)


class Routed(nn.Module):
    """Each item through ``top`` of several branches, weighted by a gate: y = sum_k softmax(g(x))_k f_k(x) over the ``top`` largest, renormalised.

    Shapes: x (B, D) -> (B, out); each branch takes and gives rows. Only the items of a branch are computed in it.
    Errors: ``ValueError`` without branches or for a ``top`` that is not 1 .. their number.
    Paper: Shazeer et al., 2017, arXiv:1701.06538. Differs: no noise and no capacity. ``route(x)`` gives the weights (B, branches),
    0 where an item does not go.
    Use when inputs are of several kinds; branches that nothing goes to do not learn, so watch ``route(x).mean(0)``. Cost: ``top`` branches an item.

    >>> Routed([nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(4, 2)], 4)(torch.randn(5, 4)).shape
    torch.Size([5, 2])
    """

    def __init__(self, branches: Sequence[nn.Module], dim: int, *, top: int = 1) -> None:
        super().__init__()
        if not 1 <= top <= len(branches):
            raise ValueError(f"Routed sends each item to 1 .. {len(branches)} of its {len(branches)} branches; got top={top}.")
        self.branches, self.top = nn.ModuleList(branches), top
        self.gate = nn.Linear(dim, len(branches), bias=False)

    def route(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b branches"]:
        """How much of each branch each item gets."""
        score = self.gate(x).softmax(-1, dtype=torch.promote_types(x.dtype, torch.float32))
        best = score.topk(self.top, dim=-1)
        # With one branch its own probability stays as the factor, so that the gate learns; with several they are made to sum to 1.
        weight = best.values if self.top == 1 else best.values / best.values.sum(-1, keepdim=True)
        return torch.zeros_like(score).scatter(1, best.indices, weight)

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b out"]:
        chosen, y = self.route(x), None
        for number, branch in enumerate(self.branches):
            (rows,) = (chosen[:, number] > 0).nonzero(as_tuple=True)
            part = branch(x[rows]) * chosen[rows, number, None].to(x.dtype)
            y = part.new_zeros(x.shape[0], part.shape[1]) if y is None else y
            y = y.index_add(0, rows, part)
        assert y is not None
        return y
