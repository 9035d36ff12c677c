"""Pictures or text that the method makes now and then."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from weft.engine import Steps, fit
from weft.observe import Samples


def test_samples_leave_training_as_it_is(tmp_path, training, batches):
    """Property: with Samples that draw random numbers in their own mode, the weights after training are bitwise those without."""
    seen = []

    def make(method):
        seen.append((method.training, torch.is_grad_enabled()))
        np.random.rand()
        return torch.rand(4, 1, 8, 8)

    weights = []
    for listeners in ([], [Samples(make, every=3, directory=tmp_path)]):
        method, update = training()
        torch.manual_seed(0)
        fit(method, batches, update, until=Steps(10), listeners=listeners)
        assert method.training
        weights.append(torch.cat([p.detach().flatten() for p in method.parameters()]))
    assert torch.equal(*weights)
    assert seen == [(False, False)] * 3
    assert sorted(file.name for file in tmp_path.iterdir()) == ["step-000003.png", "step-000006.png", "step-000009.png"]


@pytest.mark.parametrize(
    ("made", "suffix"),
    [("once upon a time", ".txt"), (Image.new("RGB", (8, 8)), ".png"), (torch.rand(3, 8, 8), ".png"), (torch.rand(5, 1, 8, 8), ".png")],
    ids=["text", "image", "one picture", "several pictures"],
)
def test_each_form_of_sample_has_its_file(made, suffix, tmp_path, moment, training):
    listener = Samples(lambda method: made, every=2, directory="samples")
    listener.within(tmp_path)
    for step in (1, 2, 3):
        listener(moment(step, method=training()[0], stage="tune"), {"loss": 1.0})
    (file,) = (tmp_path / "samples" / "tune").iterdir()
    assert file.name == "step-000002" + suffix
    assert file.read_text() == made if suffix == ".txt" else Image.open(file).size[0] >= 8


def test_what_cannot_be_drawn_is_said(tmp_path, moment, training):
    listener = Samples(lambda method: torch.rand(3), every=1, directory=tmp_path)
    with pytest.raises(TypeError, match=r"\(3,\)"):
        listener(moment(method=training()[0]), {"loss": 1.0})


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a\\b"])
def test_a_name_cannot_leave_the_directory(name):
    with pytest.raises(ValueError, match="name"):
        Samples(str, name=name)
