"""Sums over ranks: of a few numbers, of gradients in buckets while backward still runs, and copies of rank 0's tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from weft.losses.loss import Loss, Mean, Term

BUCKET_BYTES = 8 << 20


def add_up(values: Sequence[Tensor | float], group: dist.ProcessGroup) -> list[float]:
    """Sum each number over all ranks, in one exchange and in float64.

    Every rank must pass the same number of values in the same order.
    """
    vector = torch.stack([torch.as_tensor(v, dtype=torch.float64).detach().cpu().reshape(()) for v in values])
    if dist.get_backend(group) == "nccl":
        vector = vector.cuda()
    dist.all_reduce(vector, group=group)
    return vector.tolist()


def sum_loss(loss: Loss, group: dist.ProcessGroup, *, present: bool = True) -> Loss:
    """Totals, counts and logs summed over all ranks, in one exchange; a penalty is the mean of its evaluations.

    A rank that is not ``present`` only keeps the others company: what it counted does not count.
    """
    flat: list[Tensor | float] = []
    for t in loss.terms.values():
        flat += [t.total.detach(), 0.0] if t.count is None else [t.total.detach(), t.count] if present else [0.0, 0.0]
    for m in loss.logs.values():
        flat += [m.total, m.count] if present else [0.0, 0.0]
    sums = iter(add_up(flat, group))
    terms, world = {}, dist.get_world_size(group)
    for k, t in loss.terms.items():
        total, count = next(sums), next(sums)
        terms[k] = Term(torch.tensor(total / world if t.count is None else total), None if t.count is None else count, t.weight)
    return Loss(terms, {k: Mean(next(sums), next(sums)) for k in loss.logs}, loss.couples)


def same_everywhere(tensors: Iterable[Tensor], group: dist.ProcessGroup) -> None:
    """Give every rank the tensors of rank 0."""
    for tensor in tensors:
        dist.broadcast(tensor.detach(), src=dist.get_global_rank(group, 0), group=group)


def gather(tensor: Tensor, group: dist.ProcessGroup) -> list[Tensor]:
    """The tensors of all ranks, in order; they may differ in their first size, not in the others.

    Shapes: (N_r, ...) on rank r -> list of (N_r, ...).
    """
    rows = torch.zeros(dist.get_world_size(group), dtype=torch.int64, device=tensor.device)
    rows[dist.get_rank(group)] = tensor.shape[0]
    dist.all_reduce(rows, group=group)
    most = int(rows.max())
    padded = torch.cat([tensor, tensor.new_zeros(most - tensor.shape[0], *tensor.shape[1:])])
    everyone = [torch.empty_like(padded) for _ in rows]
    dist.all_gather(everyone, padded, group=group)
    return [t[:n] for t, n in zip(everyone, rows.tolist(), strict=True)]


class Reducer:
    """Sums the gradients of some parameters over all ranks, bucket by bucket, while backward is still running.

    Buckets hold parameters in reverse order of definition, which is about the order in which backward finishes them. ``arm()`` before
    the last backward of a step; ``finish()`` waits and puts the sums into ``.grad``. A parameter that got no gradient on any rank keeps
    ``None``; one that got it on some ranks counts as zero on the others, which each bucket's presence numbers tell.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], group: dist.ProcessGroup, bucket_bytes: int = BUCKET_BYTES):
        self.group, self.armed = group, False
        self.buckets: list[list[nn.Parameter]] = []
        room = 0
        for parameter in reversed(parameters):
            cost = parameter.numel() * parameter.element_size()
            other_kind = self.buckets and (self.buckets[-1][0].dtype, self.buckets[-1][0].device) != (parameter.dtype, parameter.device)
            if not self.buckets or room < cost or other_kind:
                self.buckets.append([])
                room = bucket_bytes
            self.buckets[-1].append(parameter)
            room -= cost
        self.home = {id(p): i for i, bucket in enumerate(self.buckets) for p in bucket}
        self.hooks = [p.register_post_accumulate_grad_hook(self._arrived) for p in parameters]
        self.missing: list[int] = []
        self.sent: list[tuple[Tensor, dist.Work]] = []

    def arm(self) -> None:
        """From now on every gradient that arrives counts; each bucket is sent when its last one is there."""
        self.armed, self.sent, self.missing = True, [], [len(b) for b in self.buckets]

    def _arrived(self, parameter: Tensor) -> None:
        if self.armed:
            self.missing[self.home[id(parameter)]] -= 1
            # Collectives must start in the same order on every rank: a full bucket waits for those before it.
            while len(self.sent) < len(self.buckets) and self.missing[len(self.sent)] <= 0:
                self._send()

    def _send(self) -> None:
        bucket = self.buckets[len(self.sent)]
        present = torch.tensor([p.grad is not None for p in bucket], dtype=bucket[0].dtype, device=bucket[0].device)
        grads = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in bucket]
        flat = torch.cat([*grads, present])
        work = dist.all_reduce(flat, group=self.group, async_op=True)
        assert work is not None
        self.sent.append((flat, work))

    def finish(self) -> None:
        """Send what has not gone yet, wait for all, and put the sums in place."""
        self.armed = False
        while len(self.sent) < len(self.buckets):
            self._send()
        for bucket, (flat, work) in zip(self.buckets, self.sent, strict=True):
            work.wait()
            *sums, present = flat.split([*(p.numel() for p in bucket), len(bucket)])
            for parameter, total, there in zip(bucket, sums, present.tolist(), strict=True):
                parameter.grad = total.view_as(parameter) if there else None
        self.sent = []

    def close(self) -> None:
        for hook in self.hooks:
            hook.remove()
