"""Plans of effective batches: arithmetic, and steps that stay the same."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Arrays, BatchPlan, Loader, plan_batch
from weft.engine import Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.optim import adam


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 500), st.integers(1, 80), st.integers(1, 9))
def test_every_record_once_within_memory_in_the_fewest_passes(batch_size, most, ranks):
    """plan_batch, brute force: shares and passes add up to the batch, none exceeds what fits, one pass fewer would; halving halves."""
    if batch_size < ranks:
        with pytest.raises(ValueError, match="a record for each rank"):
            plan_batch(batch_size, most, ranks)
        return
    plan = plan_batch(batch_size, most, ranks)
    sizes = [plan.sizes(rank) for rank in range(ranks)]
    assert sum(map(sum, sizes)) == batch_size and max(map(max, sizes)) == plan.micro <= most
    assert {len(each) for each in sizes} == {plan.microbatches} and max(map(sum, sizes)) == plan.share
    if plan.microbatches > 1:
        assert BatchPlan(batch_size, ranks, plan.microbatches - 1).micro > most
    while plan.micro > 1:
        smaller = plan.halved()
        assert smaller.batch_size == batch_size and smaller.micro <= plan.micro // 2
        plan = smaller
    with pytest.raises(ValueError, match="cannot be cut further"):
        plan.halved()


def test_halving_after_memory_ran_out_keeps_every_step():
    """BatchPlan.halved, property in float64: a step that does not fit is taken again in halves until it does; weights after ten steps of Adam are
    those without cutting, with a batch that does not divide."""
    generator = torch.Generator().manual_seed(0)
    data = Arrays({"input": torch.randn(70, 3, generator=generator, dtype=torch.float64), "target": torch.randn(70, 1, generator=generator, dtype=torch.float64)})
    room = 5

    class Narrow(torch.nn.Linear):
        def forward(self, input):
            if self.training and len(input) > self.room:
                raise MemoryError(f"{len(input)} rows")
            return super().forward(input)

    def trained(plan, room):
        torch.manual_seed(0)
        network = Narrow(3, 1, dtype=torch.float64)
        network.room = room
        fit(Supervised(network, mse), Loader(data, None, plan.batch_size, shuffle=True), Update(adam(0.05), microbatches=plan.microbatches), until=Steps(10))
        return network.weight.detach()

    plan, tries = plan_batch(23, 23), 0
    expected = trained(plan, 23)
    while True:
        try:
            found = trained(plan, room)
            break
        except MemoryError:
            plan, tries = plan.halved(), tries + 1
    assert tries == 2 and plan.micro <= room and plan.batch_size == 23
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
