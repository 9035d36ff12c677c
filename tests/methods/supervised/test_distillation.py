"""Distillation: the teacher does not move, the student follows it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Epochs, Steps, fit
from weft.methods import Distillation
from weft.surgery import is_frozen


def teacher():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))


def student():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))


def batches(count=8):
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(32, 4, generator=generator) + 1, torch.randint(0, 3, (32,), generator=generator)) for _ in range(count)]


def test_the_teacher_does_not_move():
    """Distillation, contract: parameters and batch-norm statistics of the teacher are bit for bit what they were; the student's are not."""
    method = Distillation(student(), teacher())
    before = {k: v.clone() for k, v in method.state_dict().items()}
    fit(method, batches(), until=Epochs(2))
    after = method.state_dict()
    for name in before:
        assert torch.equal(before[name], after[name]) == name.startswith("teacher."), name
    assert is_frozen(method.teacher)
    assert not method.teacher.training


@pytest.mark.parametrize("soft", [0.0, 0.4, 1.0])
def test_loss_is_the_papers(soft):
    """Distillation, parity: torch's KL divergence and cross-entropy, joined as in the paper."""
    method = Distillation(student(), teacher(), temperature=3.0, soft=soft)
    x, y = batches(1)[0]
    with torch.no_grad():
        said, wanted = method.network(x), method.teacher.eval()(x)
        kl = F.kl_div((said / 3).log_softmax(1), (wanted / 3).log_softmax(1), log_target=True, reduction="batchmean") * 9
        expected = soft * kl + (1 - soft) * F.cross_entropy(said, y)
        torch.testing.assert_close(method.loss({"input": x, "target": y}).value, expected)


def test_the_student_learns_from_answers_alone():
    """Distillation, learned: with soft=1 and no label in sight, the student agrees with the teacher on more than 95 of 100 new inputs."""
    method = Distillation(student(), teacher(), soft=1.0)
    fit(method, [{"input": x} for x, _ in batches(30)], until=Steps(600))
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(9)) + 1
    method.eval()
    agreement = (method.network(x).argmax(1) == method.teacher(x).argmax(1)).float().mean()
    assert agreement > 0.95


def test_only_the_student_is_deployed():
    method = Distillation(student(), teacher())
    assert method.deploy()["predict"] is method.network
    assert method.predict({"input": torch.zeros(2, 4)})["output"].shape == (2, 3)


def test_wrong_arguments_are_said():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Distillation(student(), teacher(), soft=2.0)
    with pytest.raises(ValueError, match="one network"):
        Distillation(*[student()] * 2)
