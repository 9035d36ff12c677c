"""Elastic weight consolidation: the Fisher diagonal by brute force, the penalty by hand, the memory saved."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Checkpoints, Steps, Update, fit
from weft.methods import EWC
from weft.optim import sgd


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 3))


def batches(count=3):
    generator = torch.Generator().manual_seed(1)
    return [{"input": torch.randn(8, 4, generator=generator), "target": torch.randint(0, 3, (8,), generator=generator)} for _ in range(count)]


def test_fisher_is_the_mean_square_of_each_samples_gradient():
    """EWC, brute force: one backward pass a sample, with the answers that the same draw gives."""
    method, generator = EWC(network()), torch.Generator()
    method.consolidate(batches(), generator=generator.manual_seed(3))
    net, squares = method.network.eval(), []
    generator.manual_seed(3)
    for batch in batches():
        y = torch.multinomial(net(batch["input"]).softmax(1), 1, generator=generator)[:, 0]
        for x, answer in zip(batch["input"], y, strict=True):
            net.zero_grad()
            net(x[None]).log_softmax(1)[0, answer].backward()
            squares.append(torch.cat([p.grad.flatten() for p in net.parameters()]).square())
    torch.testing.assert_close(method.fisher, torch.stack(squares).mean(0), rtol=1e-4, atol=1e-7)
    assert torch.equal(method.anchor, method.weights())


def test_consolidating_changes_nothing_but_the_memory():
    """EWC, property: weights, statistics and mode stay; a second task is added to the first, faded by decay."""
    method = EWC(network(), decay=0.5).train()
    before = {k: v.clone() for k, v in method.network.state_dict().items()}
    once = EWC(network())
    once.consolidate(batches(), generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        method.consolidate(batches(), generator=torch.Generator().manual_seed(0))
    assert method.training
    assert all(torch.equal(before[k], v) for k, v in method.network.state_dict().items())
    torch.testing.assert_close(method.fisher, 1.5 * once.fisher)


def test_penalty_is_the_papers():
    """EWC, closed form: strength / 2 sum F (w - w*)^2, added once, whatever the number of samples and microbatches."""
    method = EWC(network(), strength=10.0)
    assert method.loss(batches()[0]).terms["penalty"].total.item() == 0.0
    method.consolidate(batches())
    with torch.no_grad():
        for p in method.network.parameters():
            p.add_(0.1)
    term = method.loss(batches()[0]).terms["penalty"]
    assert term.weight * term.total.item() == pytest.approx(5.0 * 0.01 * float(method.fisher.sum()), rel=1e-4)
    assert term.count is None


def test_the_memory_is_saved_with_the_method(tmp_path):
    """EWC, contract: a checkpoint holds Fisher and anchor; the second task goes on from it bit for bit."""
    whole = EWC(network(), strength=10.0)
    whole.consolidate(batches(), generator=torch.Generator().manual_seed(0))
    data = batches()
    fit(whole, data, Update(sgd(0.1), on=""), until=Steps(6), run=Checkpoints(tmp_path / "a"))
    again = EWC(network(), strength=10.0)
    fit(again, data, Update(sgd(0.1), on=""), until=Steps(6), run=Checkpoints(tmp_path / "a"))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in whole.state_dict().items())
    assert again.fisher.sum() > 0


def test_surgery_and_silence_are_said():
    method = EWC(network())
    method.network[0].requires_grad_(False)
    with pytest.raises(ValueError, match="Make a new EWC"):
        method.loss(batches()[0])
    with pytest.raises(ValueError, match="no data"):
        EWC(network()).consolidate([])
    with pytest.raises(ValueError, match="not negative"):
        EWC(network(), strength=-1.0)
