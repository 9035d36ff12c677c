"""Method: which network predicts, in which mode, and what a subclass may leave out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs
from weft.engine import Method, Runtime, Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import average_of


def test_predict_runs_in_eval_and_inference_mode_and_puts_modes_back():
    """Property: also for a subclass's own predict; dropout is off, no graph is kept."""

    class Own(Supervised):
        def predict(self, batch):
            assert torch.is_inference_mode_enabled() and not self.network.training
            return {"mine": self.network(batch["input"])}

    method = Own(nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.5)), cross_entropy)
    method.train()
    method.network[0].eval()
    first, second = (method.predict({"input": torch.ones(2, 8)})["mine"] for _ in range(2))
    assert torch.equal(first, second) and not first.requires_grad
    assert [m.training for m in method.network.modules()] == [True, False, True]


def test_the_average_predicts_unless_the_network_is_asked_for():
    """Property: ``use`` and ``using``; deploy follows."""
    method = Supervised(nn.Linear(8, 2), cross_entropy)
    method.average = average_of(nn.Linear(8, 2))
    batch = {"input": torch.randn(3, 8)}
    assert torch.equal(method.predict(batch)["output"], method.average(batch["input"]))
    assert method.deploy() == {"predict": method.average}
    with method.using("network"):
        assert torch.equal(method.predict(batch)["output"], method.network(batch["input"]))
    assert method.main() is method.average


def test_the_only_child_predicts_and_several_ask_for_a_name():
    """Error: which of two networks predicts is not guessed."""

    class Two(Method):
        def __init__(self, names):
            super().__init__()
            for name in names:
                setattr(self, name, nn.Linear(2, 2))

    assert Two(["body"]).main() is not None
    with pytest.raises(TypeError, match=r"\['a', 'b'\].*define predict"):
        Two(["a", "b"]).main()


def test_a_method_without_loss_or_order_teaches():
    """Error: what to define."""

    class Nothing(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(8, 2)

    with pytest.raises(TypeError, match="neither loss"):
        fit(Nothing(), pairs(), until=Steps(1))

    class Unordered(Supervised):
        def updates(self):
            from weft.engine import Update

            return {"network.0": Update(), "network.2": Update()}

    with pytest.raises(TypeError, match="which order"):
        fit(Unordered(mlp(8, 4, 2), cross_entropy), pairs(), until=Steps(1))


def test_predict_uses_the_precision_of_training():
    """Property: after a bfloat16 fit, predictions are computed in bfloat16 as well."""
    method = Supervised(mlp(8, 16, 2), cross_entropy)
    fit(method, pairs(), until=Steps(1), runtime=Runtime(precision="bfloat16"))
    assert method.predict({"input": torch.randn(2, 8)})["output"].dtype == torch.bfloat16
    assert all(p.dtype == torch.float32 for p in method.parameters())


def test_the_users_module_keeps_its_identity_and_names():
    """Property: fit neither wraps nor renames."""
    network = mlp(8, 4, 2)
    names, identity = list(network.state_dict()), id(network)
    method = Supervised(network, cross_entropy)
    fit(method, pairs(), until=Steps(1), runtime=Runtime(precision="bfloat16"))
    assert id(method.network) == identity and list(network.state_dict()) == names
