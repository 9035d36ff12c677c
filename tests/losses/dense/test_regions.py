"""How regions are read off shapes, and what an absent class costs."""

from __future__ import annotations

import pytest
import torch

from weft.losses import Regions


def test_forms_are_read_off_the_shapes():
    logits = torch.randn(2, 3, 4, 4)
    kinds = [(logits, torch.zeros(2, 4, 4, dtype=torch.long)), (logits, torch.zeros(2, 3, 4, 4)), (torch.randn(2, 5), torch.zeros(2, 5))]
    assert [Regions().form_of(p, y) for p, y in kinds] == ["multiclass", "multilabel", "binary"]
    for p, y in kinds:
        shares, wanted = Regions().read(p, y, None, "dice")
        assert shares.shape == wanted.shape and shares.ndim == 3
    shares, wanted = Regions("binary").read(logits, (logits > 0).float(), None, "dice")
    assert shares.shape == wanted.shape == (2, 1, 48)
    assert Regions().read(logits[..., 0, 0], torch.tensor([0, 2]), None, "dice")[0].shape == (2, 3, 1)  # one pixel an item
    shares, _ = Regions(per_batch=True).read(*kinds[0], None, "dice")
    assert shares.shape == (1, 3, 32)


def test_what_the_mask_hides_counts_nowhere():
    logits, target = torch.randn(2, 3, 4), torch.randint(0, 3, (2, 4))
    keep = torch.tensor([[True, False, True, False]]).expand(2, 4)
    shares, wanted = Regions().read(logits, target, keep, "dice")
    assert not shares[..., ~keep[0]].any() and not wanted[..., ~keep[0]].any() and shares[..., keep[0]].all()
    with pytest.raises(ValueError, match=r"mask of shape \(2, 4\)"):
        Regions().read(logits, target, keep[:, :2], "dice")


def test_an_absent_class_is_left_out_counted_as_nothing_or_as_the_formula_has_it():
    """Closed form: costs 0.5 and 0.9, the second class absent: 0.5, 0.25, 0.7; weights 3 and 1."""
    costs, wanted = torch.tensor([[0.5, 0.9]]), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    found = [Regions(absent=rule).mean(costs, wanted, None, 1).item() for rule in ("skip", "zero", "count")]
    assert found == pytest.approx([0.5, 0.25, 0.7])
    assert Regions(absent="count").mean(costs, wanted, torch.tensor([3.0, 1.0]), 1).item() == pytest.approx(0.6)
    assert Regions().mean(costs, 0 * wanted, None, 1).item() == 0.0


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"form='many'"):
        Regions("many")
    with pytest.raises(ValueError, match="absent one of"):
        Regions(absent="forget")
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.2; got 255"):
        Regions().read(torch.zeros(1, 3, 2), torch.tensor([[0, 255]]), None, "dice")
