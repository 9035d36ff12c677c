"""Which items count: formulas, and a schedule that lets all of them in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Checkpoints, Method, Steps, Update, fit
from weft.losses import Loss, focal, hardest, mse, self_paced
from weft.optim import Anneal, sgd, warmup


def test_easy_items_count_and_hard_ones_do_not():
    """self_paced, closed form: 1 - l / threshold, or a step; the least of sum w l - threshold (sum w - w^2 / 2) over w is the linear weight."""
    loss = torch.tensor([0.0, 0.5, 1.0, 3.0], requires_grad=True)
    assert self_paced(loss, 1.0).tolist() == [1.0, 0.5, 0.0, 0.0]
    assert self_paced(loss, 1.0, soft=False).tolist() == [1.0, 1.0, 1.0, 0.0]
    grid = torch.linspace(0, 1, 1001)
    for given, weight in zip(loss.detach(), self_paced(loss, 1.0), strict=True):
        assert grid[(grid * given - (grid - grid.square() / 2)).argmin()].item() == pytest.approx(weight.item(), abs=1e-3)
    Loss.mean(loss, self_paced(loss, 1.0)).value.backward()
    torch.testing.assert_close(loss.grad, torch.tensor([1.0, 0.5, 0.0, 0.0]) / 1.5)
    with pytest.raises(ValueError, match="threshold > 0"):
        self_paced(loss, 0.0)


def test_the_hardest_share_is_kept():
    """hardest, brute force: the largest losses by sorting, the number rounded up, ties cut, never none."""
    loss = torch.randn(4, 5)
    kept = hardest(loss, 0.33)
    assert kept.sum() == 7
    assert loss[kept == 1].min() >= loss[kept == 0].max()
    assert hardest(torch.ones(10), 0.3).sum() == 3
    assert hardest(loss, 1e-6).sum() == 1
    assert hardest(loss, 1.0).all()
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        hardest(loss, 0.0)


class Paced(Method):
    """Regression that lets items in as its threshold grows, and focuses a focal loss meanwhile."""

    def __init__(self):
        super().__init__()
        self.network = nn.Linear(2, 3)
        self.register_buffer("threshold", torch.tensor(4.0))
        self.register_buffer("gamma", torch.tensor(2.0))

    def loss(self, batch):
        out = self.network(batch["input"])
        error = mse(out[:, 0], batch["target"])
        sharp = focal(out, (batch["target"] > 0).long(), gamma=float(self.gamma))
        return Loss.mean(error, self_paced(error, self.threshold + 0.1), logs={"threshold": self.threshold.clone()}) + Loss.mean(sharp, name="class")


def test_ramps_of_threshold_weight_and_gamma_resume(tmp_path):
    """self_paced, property: Anneal moves the threshold and focal's gamma along a ramp; a resumed run goes on at the same value, bit for bit."""
    generator = torch.Generator().manual_seed(0)
    data = [{"input": torch.randn(8, 2, generator=generator), "target": torch.randn(8, generator=generator)} for _ in range(3)]
    ends = []
    for steps, folder in ((9, "straight"), (4, "halves"), (9, "halves")):
        torch.manual_seed(0)
        method, seen = Paced(), []
        update = Update(sgd(0.05), on="", after=[Anneal("threshold", warmup(8)), Anneal("gamma", warmup(8, start=0.5))])
        fit(method, data, update, until=Steps(steps), run=Checkpoints(tmp_path / folder, every=Steps(1)), listeners=[lambda state, logs, seen=seen: seen.append(float(state.method.threshold))])
        ends.append(method.state_dict())
        if folder == "straight":
            assert seen == sorted(seen)
            assert seen[0] < 1.1 < seen[-1] == 4.0
    assert all(torch.equal(ends[0][k], ends[2][k]) for k in ends[0])
    assert ends[0]["gamma"].item() == 2.0
