"""How a batch is cut so that it fits into memory and stays the same batch."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BatchPlan:
    """A step of ``batch_size`` records over ``ranks`` processes, each of which cuts its share into ``microbatches``.

    ``batch_size`` is what the loader gets and ``microbatches`` what the ``Update`` gets: gradients are those of the whole batch however it is
    cut, since sums and counts add up; nothing need divide. ``share`` and ``micro`` are the most records a rank and a forward pass see.
    """

    batch_size: int
    ranks: int
    microbatches: int

    @property
    def share(self) -> int:
        """Records of a step on the rank that has most."""
        return -(-self.batch_size // self.ranks)

    @property
    def micro(self) -> int:
        """Records of the largest forward pass."""
        return -(-self.share // self.microbatches)

    def sizes(self, rank: int) -> list[int]:
        """Records of each forward pass of a rank, the larger ones first."""
        share = self.batch_size // self.ranks + (rank < self.batch_size % self.ranks)
        return [share // self.microbatches + (n < share % self.microbatches) for n in range(self.microbatches)]

    def halved(self) -> BatchPlan:
        """The same step in forward passes of half the size, for when memory ran out; raises ValueError when they hold one record each."""
        if self.micro == 1:
            raise ValueError(f"One record a forward pass does not fit; {self} cannot be cut further. Take a smaller model, or recompute activations")
        return replace(self, microbatches=-(-self.share // (self.micro // 2)))


def plan_batch(batch_size: int, most: int, ranks: int = 1) -> BatchPlan:
    """How to take steps of ``batch_size`` records when a forward pass on one of ``ranks`` devices holds ``most`` at best.

    The fewest microbatches m with ceil(ceil(batch_size / ranks) / m) <= most, so that passes are of equal size within one record.
    Raises ValueError for numbers below 1, and for fewer records than ranks.

    Use to keep a published batch size, and with it its learning rate, on other hardware; ``find_batch_size`` of
    ``weft.observe`` finds ``most``. Cost: none.

    >>> plan = plan_batch(256, most=48, ranks=2)
    >>> plan.microbatches, plan.micro, plan.sizes(0)
    (3, 43, [43, 43, 42])
    """
    if min(batch_size, most, ranks) < 1 or batch_size < ranks:
        raise ValueError(f"batch_size={batch_size}, most={most}, ranks={ranks}; expected at least 1, and a record for each rank")
    share = -(-batch_size // ranks)
    return BatchPlan(batch_size, ranks, -(-share // most))
