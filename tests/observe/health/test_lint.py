"""What is wrong with a training before it begins."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from weft.data import Arrays, Loader
from weft.engine import Epochs, Evaluation, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe import lint
from weft.optim import ClipNorm, adam, cosine, sgd, warmup
from weft.surgery import freeze


def loader(count=64, batch_size=16, shuffle=True, seed=0, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return Loader(Arrays({"input": scale * torch.randn(count, 4, generator=g), "target": torch.randint(3, (count,), generator=g)}), None, batch_size, shuffle=shuffle)


def dense(*more):
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), *more)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.rnn(x[..., None])[0][:, -1])


class Spare(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare = dense(), nn.Linear(2, 2)

    def forward(self, x):
        return self.used(x)


def half_frozen(mark):
    network = dense()
    freeze(network[0]) if mark else network[0].requires_grad_(False)
    return network


VAL, TEST = loader(seed=1), loader(seed=2)
GOOD = {"network": dense, "data": loader, "update": {"schedule": warmup(5) | cosine()}, "evaluate": lambda: Evaluation(VAL), "until": Steps(200)}
CASES = {  # rule: what is changed to plant it, what is changed and still good
    "no_validation": ({"evaluate": lambda: None}, {}),
    "selected_on_test": ({"evaluate": lambda: Evaluation(TEST)}, {}),
    "trained_on_validation": ({"data": lambda: VAL}, {}),
    "not_shuffled": ({"data": lambda: loader(shuffle=False)}, {}),
    "rate_out_of_range": ({"update": {"optimizer": adam(0.5), "schedule": cosine()}}, {"update": {"optimizer": sgd(0.5), "schedule": cosine()}}),
    "no_clipping": ({"network": Recurrent}, {"network": Recurrent, "update": {"gradients": [ClipNorm(1.0)], "schedule": cosine()}}),
    "bounded_hidden": ({"network": lambda: nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 3))}, {"network": lambda: dense(nn.Tanh())}),
    "no_schedule": ({"update": {}}, {}),
    "warmup_too_long": ({"update": {"schedule": warmup(2000)}}, {"update": {"schedule": warmup(50)}}),
    "schedule_too_short": ({"update": {"schedule": lambda p: max(0.0, 1 - p.step / 10)}}, {}),
    "tiny_batch_norm": ({"network": lambda: nn.Sequential(nn.BatchNorm1d(4), dense()), "data": lambda: loader(batch_size=2)}, {"network": lambda: nn.Sequential(nn.BatchNorm1d(4), dense())}),
    "softmax_before_cross_entropy": ({"network": lambda: dense(nn.Softmax(-1))}, {"network": lambda: dense(nn.LogSoftmax(-1))}),
    "target_out_of_range": ({"network": lambda: nn.Linear(4, 2)}, {}),
    "unnormalised_input": ({"data": lambda: loader(scale=100.0)}, {"data": lambda: loader(scale=100.0), "network": lambda: nn.Sequential(nn.BatchNorm1d(4), dense())}),
    "frozen_unmarked": ({"network": lambda: half_frozen(False)}, {"network": lambda: half_frozen(True)}),
    "unused_parameters": ({"network": Spare}, {}),
}  # fmt: skip


def remarks(changes):
    made = GOOD | changes
    method = Supervised(made["network"](), partial(cross_entropy, label_smoothing=0.1))
    return lint(method, made["data"](), Update(on="network", **made["update"]), until=made["until"], evaluate=made["evaluate"](), test=TEST)


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_finds_its_fault_and_leaves_the_good_in_peace(rule):
    """Closed form: a planted fault is named; its neighbour that is no fault is not."""
    planted, good = CASES[rule]
    found = {remark.name: remark for remark in remarks(planted)}
    assert rule in found and found[rule].fix and str(found[rule]).startswith(found[rule].severity)
    assert rule not in {remark.name for remark in remarks(good)}


def test_a_good_plan_has_no_remark():
    assert remarks({}) == []


def test_errors_come_first():
    found = [remark.severity for remark in remarks({"network": lambda: dense(nn.Softmax(-1)), "evaluate": lambda: None, "update": {}})]
    assert found == sorted(found, key=("error", "warning", "note").index) and found[0] == "error"


def test_shared_records_are_found_whatever_the_object():
    twin = Loader(TEST.source, None, 8)
    assert "selected_on_test" in {remark.name for remark in remarks({"evaluate": lambda: Evaluation(twin)})}


def test_a_loss_cut_off_from_the_weights_is_an_error():
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            return self.layer(x).detach()

    assert "no_gradient" in {remark.name for remark in remarks({"network": Cut})}


def test_looking_changes_nothing():
    """Property: weights, buffers, gradients, random state and the order of the batches are those of a training that nobody looked at."""

    def trained(look):
        torch.manual_seed(4)
        network = nn.Sequential(nn.BatchNorm1d(4), dense(), nn.Dropout(0.3))
        method, data, update = Supervised(network, cross_entropy), loader(), Update(adam(0.01), on="network")
        if look:
            lint(method, data, update, until=Epochs(2), evaluate=Evaluation(VAL), test=TEST)
            assert all(p.grad is None for p in method.parameters())
        fit(method, data, update, until=Epochs(2))
        return {name: value.tolist() for name, value in method.state_dict().items()}

    assert trained(True) == trained(False)


def test_a_stream_is_not_read():
    stream = iter([{"input": torch.randn(4, 4), "target": torch.zeros(4, dtype=torch.long)}])
    lint(Supervised(dense(), cross_entropy), stream, until=Steps(1))
    assert len(list(stream)) == 1
