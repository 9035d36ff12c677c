"""Sums over gloo ranks of this machine, checked by hand: numbers, rows, losses, gradients in buckets."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from tests.engine.toys import two_ranks

START = """
import json, sys, torch, torch.distributed as dist
from torch import nn
from weft.losses import Loss
from weft.parallel import Reducer, add_up, gather, join, same_everywhere, sum_loss
group = join(); rank, world = dist.get_rank(), dist.get_world_size(); out = sys.argv[1]
"""


def on_ranks(tmp_path, script, ranks):
    """Run ``script`` on every rank; what each puts into ``result`` comes back in rank order."""
    two_ranks(START + script + "\njson.dump(result, open(f'{out}-{rank}', 'w'))\n", str(tmp_path / "out"), ranks=ranks)
    return [json.loads((tmp_path / f"out-{r}").read_text()) for r in range(ranks)]


NUMBERS = """
tenth = add_up([0.1, torch.tensor(rank + 1), torch.tensor(2.0**30 + rank, dtype=torch.float64), torch.tensor(float("nan") if rank else 1.0)], group)
rows = torch.arange(rank * 2, dtype=torch.int64).reshape(rank, 2) + 10 * rank          # none on rank 0
ragged = [t.tolist() for t in gather(rows, group)]
strided = [t.tolist() for t in gather((torch.arange(6.0).reshape(2, 3) + 100 * rank).t()[: rank + 1], group)]
flags = [t.tolist() for t in gather(torch.tensor([True, rank == 1]), group)]
a, b = torch.full((3,), float(rank)), nn.Parameter(torch.tensor(float(rank + 5)))
same_everywhere([a, b], group)
loss = Loss.mean(torch.full((rank + 1,), float(rank)), logs={"rank": torch.full((rank + 1,), float(rank))}) + Loss.penalty(torch.tensor(float(rank)), weight=2.0)
whole = sum_loss(loss, group)
absent = sum_loss(loss, group, present=rank == 0)
result = {"sums": [str(x) for x in tenth], "ragged": ragged, "strided": strided, "flags": flags, "same": [a.tolist(), float(b)],
    "loss": [float(whole.terms["loss"].total), whole.terms["loss"].count, float(whole.terms["penalty"].total), whole.terms["penalty"].count, whole.terms["penalty"].weight, float(whole.logs["rank"])],
    "absent": [float(absent.terms["loss"].total), absent.terms["loss"].count, float(absent.terms["penalty"].total)]}
"""


@pytest.mark.parametrize("world", [2, 3])
def test_numbers_rows_and_losses(tmp_path, world):
    """Brute force: every rank gets the same sums (in float64), rows in rank order however many each has, rank 0's tensors, and the loss of all items."""
    found = on_ranks(tmp_path, NUMBERS, world)
    assert all(f == found[0] for f in found)
    found = found[0]
    every = range(world)
    assert [float(x) for x in found["sums"][:3]] == [sum([0.1] * world), sum(r + 1 for r in every), world * 2.0**30 + sum(every)]
    assert found["sums"][3] == "nan"
    assert found["ragged"] == [(torch.arange(r * 2).reshape(r, 2) + 10 * r).tolist() for r in every]
    assert found["strided"] == [(torch.arange(6.0).reshape(2, 3) + 100 * r).t()[: r + 1].tolist() for r in every]
    assert found["flags"] == [[True, r == 1] for r in every]
    assert found["same"] == [[0.0] * 3, 5.0]
    total, count = sum(r * (r + 1) for r in every), sum(r + 1 for r in every)
    assert found["loss"] == [total, count, pytest.approx(sum(every) / world), None, 2.0, pytest.approx(total / count)]
    assert found["absent"] == [0.0, 1.0, pytest.approx(sum(every) / world)]  # a penalty is not counted by items


GRADIENTS = """
torch.manual_seed(0)
net = nn.ModuleList([nn.Linear(4, 4) for _ in range(5)])
extra = nn.Parameter(torch.ones(2, dtype=torch.float64))
unused = nn.Parameter(torch.ones(3))
parameters = [*net.parameters(), extra, unused]
reducer = Reducer(parameters, group, bucket_bytes=int(sys.argv[2]))
order = []
real = dist.all_reduce
def spy(tensor, **options):
    order.append(tensor.numel())
    return real(tensor, **options)
dist.all_reduce = spy
def objective(layers, k):
    x = torch.arange(4.0) + rank + k
    for i in layers: x = net[i](x).tanh()
    return x.sum() + (extra.sum() * (rank + 1)).float() * (k == 1)
layers = [[0, 2, 3], [3, 1, 0], [0, 1]][rank]                  # another order everywhere; layer 4 nowhere, layer 2 on rank 0 alone
rounds = []
for _ in range(2):                                             # the reducer serves step after step
    for p in parameters: p.grad = None
    objective(layers, 0).backward()                            # a microbatch that is not sent
    assert not order
    reducer.arm()
    objective(layers, 1).backward()
    early = len(order)
    reducer.finish()
    rounds.append([[None if p.grad is None else p.grad.tolist() for p in parameters], [str(p.grad.dtype) if p.grad is not None else None for p in parameters], len(order), early])
    sent, order[:] = list(order), []
reducer.close()
objective(layers, 0).backward()
result = {"rounds": rounds, "buckets": [len(b) for b in reducer.buckets], "sent": sent, "after": len(order)}
"""


def gradients_by_hand(world):
    torch.manual_seed(0)
    net = nn.ModuleList([nn.Linear(4, 4) for _ in range(5)])
    extra = nn.Parameter(torch.ones(2, dtype=torch.float64))
    unused = nn.Parameter(torch.ones(3))
    for rank in range(world):
        for k in (0, 1):
            x = torch.arange(4.0) + rank + k
            for i in [[0, 2, 3], [3, 1, 0], [0, 1]][rank]:
                x = net[i](x).tanh()
            (x.sum() + (extra.sum() * (rank + 1)).float() * (k == 1)).backward()
    return [p.grad for p in [*net.parameters(), extra, unused]]


@pytest.mark.parametrize(("world", "bucket_bytes", "buckets"), [(2, 1, 12), (2, 200, None), (3, 1, 12), (2, 8 << 20, 3)])
def test_gradients_are_summed_in_buckets(tmp_path, world, bucket_bytes, buckets):
    """Brute force: sums over ranks and microbatches for one parameter a bucket, a few, and all of one dtype together.

    A parameter without gradient on one rank counts as zero there; without one anywhere it keeps None. Every rank sends the same buckets in the same order,
    although backward finishes them in another order everywhere.
    """
    found = on_ranks(tmp_path, f"sys.argv.insert(2, '{bucket_bytes}')" + GRADIENTS, world)
    wanted = gradients_by_hand(world)
    for one in found:
        for grads, dtypes, *_ in one["rounds"]:
            for got, dtype, want in zip(grads, dtypes, wanted, strict=True):
                assert (got is None) == (want is None)
                if want is not None:
                    assert dtype == str(want.dtype)
                    torch.testing.assert_close(torch.tensor(got, dtype=want.dtype), want, rtol=1e-5, atol=1e-6)
        assert one["sent"] == found[0]["sent"] and one["rounds"][0][2] == len(one["buckets"]) == one["rounds"][1][2]
        assert one["after"] == 0  # closed: nothing listens any more
        assert buckets is None or len(one["buckets"]) == buckets
    assert sum(found[0]["buckets"]) == 12
    assert wanted[8] is None and wanted[4] is not None and wanted[-1] is None


OVERLAP = """
net = nn.Sequential(*[nn.Linear(2, 2, bias=False) for _ in range(4)])
reducer = Reducer(list(net.parameters()), group, bucket_bytes=1)
sent = []
net[0].weight.register_hook(lambda g: sent.append(len(reducer.sent)))
reducer.arm()
net(torch.ones(2)).sum().backward()
reducer.finish()
result = sent
"""


def test_buckets_leave_while_backward_runs(tmp_path):
    """Property: when backward reaches the first layer, the buckets of the three others are under way."""
    assert on_ranks(tmp_path, OVERLAP, 2) == [[3], [3]]
