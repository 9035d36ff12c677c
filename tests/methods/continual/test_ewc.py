"""Elastic weight consolidation: the Fisher diagonal by brute force, the penalty by hand, old digits kept."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.engine import Checkpoints, Epochs, Steps, Update, fit
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


@pytest.mark.slow
def test_the_first_digits_are_not_forgotten():
    """EWC, learned: mean of 5 seeds, of what plain fine-tuning on shuffled pixels forgets at least half is kept, and the shuffled digits are within 5 points of its accuracy."""
    pytest.importorskip("sklearn")
    from weft.data import digits
    from weft.models.tabular import MLP
    from weft.optim import adam

    columns = digits().columns
    x, y = columns["image"].float().flatten(1) / 255, columns["label"]
    forgot, kept, second = [], [], []
    for seed in range(5):
        torch.manual_seed(seed)
        order = torch.randperm(len(x))
        train, test = order[:1400], order[1400:]
        tasks = [x, x[:, torch.randperm(64)]]
        data = [[(task[rows], y[rows]) for rows in train.split(100)] for task in tasks]

        def accuracy(method, task):
            return float((method.predict({"input": task[test]})["output"].argmax(1) == y[test]).float().mean())

        method = EWC(MLP(64, (256, 256), 10), strength=200.0)
        fit(method, data[0], Update(adam(1e-3), on=""), until=Epochs(20))
        before = accuracy(method, tasks[0])
        method.consolidate(data[0])
        plain = copy.deepcopy(method)
        plain.strength = 0.0
        for one in (method, plain):
            fit(one, data[1], Update(adam(1e-3), on=""), until=Epochs(30))
        forgot.append(before - accuracy(plain, tasks[0]))
        kept.append(accuracy(method, tasks[0]) - accuracy(plain, tasks[0]))
        second.append(accuracy(plain, tasks[1]) - accuracy(method, tasks[1]))
    print(f"plain forgets {forgot}; of it kept {kept}; second task behind by {second}")
    assert sum(kept) >= 0.5 * sum(forgot)
    assert sum(second) / 5 <= 0.05
