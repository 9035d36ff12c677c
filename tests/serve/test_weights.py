"""Contract: weights come back exactly, tied where they were tied, or not at all."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.serve.conftest import OWN, Scorer, Tied, change_spec
from weft.catalogue.spec import own
from weft.serve.archive import Archive, BundleError
from weft.serve.bundle import Bundle


@pytest.mark.filterwarnings("ignore:The source of")
def test_weights_that_do_not_fit_are_listed(saved, tmp_path):
    class Other(nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.first, self.extra = nn.Linear(3, hidden), nn.Linear(1, 1)

    with pytest.raises(BundleError) as caught:
        Bundle.open(saved, own={**OWN, next(iter(OWN)): Other})
    said = str(caught.value)
    assert "extra.weight is missing" in said and "last.bias (3,) has no place" in said and "and 5 more" in said


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path):
    network = own(Tied)
    path = Bundle.save(tmp_path / "m", {"predict": network, "embed": network})
    with Archive(path) as opened:
        assert [name for name in opened.members if name.endswith("safetensors")] == ["predict.safetensors"]
        assert opened.members["predict.safetensors"]["size"] < 2 * 11 * 64 * 4
    bundle = Bundle.open(path, own={"tests.serve.conftest:Tied": Tied})
    made = bundle.networks["predict"]
    assert made.out.weight is made.table.weight and made is bundle.networks["embed"]
    assert torch.equal(made.head, network.head)
    (answer,) = bundle.embed([{"input": [1, 2]}])
    assert answer["embedding"] == pytest.approx(network(torch.tensor([[1, 2]]))["output"][0].tolist()) and answer["length"] == 2


def test_precision_dtype_and_random_state(tmp_path):
    """Contract: bfloat16 weights stay bfloat16, the recorded precision is used, and opening draws no random numbers."""
    path = Bundle.save(tmp_path / "m", {"predict": own(Scorer, {"hidden": 4}).to(torch.bfloat16)}, precision="bfloat16", metrics={"x": math.nan})
    torch.manual_seed(3)
    before = torch.get_rng_state()
    bundle = Bundle.open(path, own=OWN)
    assert torch.equal(torch.get_rng_state(), before)
    assert bundle.networks["predict"].first.weight.dtype == torch.bfloat16 and bundle.metrics == {"x": None}
    assert len(bundle.predict([{"input": [1.0, 2.0]}])[0]["output"]) == 3


def test_a_spec_for_more_than_the_weights_costs_no_memory(saved, tmp_path):
    """Hostile input: a spec for 10 TB of weights is refused by comparison, not by running out of memory."""
    evil = change_spec(saved, tmp_path / "evil", lambda s: s["networks"]["predict"]["spec"]["args"].update(hidden=10**12))
    with pytest.raises(BundleError, match=r"first\.weight has shape"):
        Bundle.open(evil, own=OWN)
