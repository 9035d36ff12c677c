"""``Loss``: means, masks, penalties, sums of losses, and sums that do not care how a batch was cut."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.losses import Loss
from weft.losses.loss import Mean

ITEMS = torch.tensor([1.0, 2.0, 9.0])


def test_the_mean_of_everything():
    """Closed form: any shape, sum over number of items."""
    x = torch.arange(6.0).reshape(2, 3)
    loss = Loss.mean(x)
    assert float(loss.value) == 2.5
    assert (float(loss.terms["loss"].total), loss.terms["loss"].count) == (15.0, 6)


@pytest.mark.parametrize(
    ("mask", "value"),
    [
        (torch.tensor([True, True, False]), 1.5),
        (torch.tensor([0.5, 0.0, 1.5]), (0.5 * 1 + 1.5 * 9) / 2),
        (torch.tensor([1, 0, 1]), 5.0),
    ],
    ids=["bool", "weights", "integer"],
)
def test_a_mask_keeps_or_weighs(mask, value):
    """Closed form: True keeps; numbers weigh, and the sum of the weights is the count."""
    assert float(Loss.mean(ITEMS, mask).value) == pytest.approx(value)
    assert float(Loss.mean(ITEMS, mask).terms["loss"].count) == float(mask.sum())


def test_a_mask_of_the_first_dimensions_covers_the_rest():
    """Closed form: a mask per sample on values per sample and token counts tokens."""
    x = torch.arange(12.0).reshape(2, 3, 2)
    loss = Loss.mean(x, torch.tensor([False, True]))
    assert float(loss.value) == x[1].mean() and float(loss.terms["loss"].count) == 6
    rows = torch.tensor([[True, False, False], [False, False, True]])
    assert float(Loss.mean(x, rows).value) == (x[0, 0].sum() + x[1, 2].sum()) / 4


@pytest.mark.parametrize(("shape", "shown"), [((3,), r"\(3,\)"), ((1, 2), r"\(1, 2\)"), ((2, 3, 1), r"\(2, 3, 1\)")])
def test_a_mask_that_does_not_fit_is_refused_with_both_shapes(shape, shown):
    """Property: nothing is broadcast from behind; the error prints what came and what was expected."""
    with pytest.raises(ValueError, match=rf"mask has shape {shown}, the values \(2, 3\)"):
        Loss.mean(torch.zeros(2, 3), torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("mask", [torch.zeros(3, dtype=torch.bool), torch.zeros(3)], ids=["bool", "weights"])
def test_an_empty_mask_is_zero_and_has_zero_gradient(mask):
    """Property: neither the value nor the gradient is 0 / 0."""
    x = ITEMS.clone().requires_grad_()
    loss = Loss.mean(x * 2, mask)
    loss.value.backward()
    assert loss.value.item() == 0.0
    assert torch.equal(x.grad, torch.zeros(3))


def test_no_items_at_all():
    """Property: an empty batch is zero, too."""
    x = torch.zeros(0, requires_grad=True)
    loss = Loss.mean(x)
    loss.value.backward()
    assert float(loss.value) == 0.0 and x.grad.shape == (0,)


@pytest.mark.parametrize("mask", [torch.tensor([True, False, True]), torch.tensor([1.0, 0.0, 1.0])], ids=["bool", "weights"])
@pytest.mark.parametrize("hidden", [math.nan, math.inf])
def test_what_the_mask_hides_is_never_seen(mask, hidden):
    """Property: NaN and infinity behind the mask change neither value, gradient nor logs."""
    x = torch.tensor([1.0, hidden, 3.0], requires_grad=True)
    loss = Loss.mean(x, mask, logs={"same": x})
    loss.value.backward()
    assert float(loss.value) == 2.0 and float(loss.logs["same"]) == 2.0
    assert torch.equal(x.grad, torch.tensor([0.5, 0.0, 0.5]))


def test_a_penalty_is_divided_by_nothing():
    """Closed form: added once, with its weight."""
    loss = Loss.mean(ITEMS) + Loss.penalty(torch.tensor(3.0), weight=0.5)
    assert float(loss.value) == 5.5
    assert loss.terms["penalty"].count is None


def test_a_penalty_is_a_scalar():
    """Property: the error names the term, its shape, and the two ways out."""
    with pytest.raises(ValueError, match=r"'ridge' has shape \(2, 2\).*Sum it first, or use Loss.mean"):
        Loss.penalty(torch.ones(2, 2), name="ridge")


def test_losses_add_and_scale():
    """Closed form: 2 a + 0.5 (b + c) term by term; scaling from both sides; logs and coupling survive."""
    a = Loss.mean(ITEMS, logs={"a": torch.tensor(7.0)})
    b = Loss.mean(ITEMS, torch.tensor([False, False, True]), name="b", weight=3.0).coupled()
    c = Loss.penalty(torch.tensor(2.0))
    loss = 2 * a + (b + c) * 0.5
    assert {k: t.weight for k, t in loss.terms.items()} == {"loss": 2.0, "b": 1.5, "penalty": 0.5}
    assert float(loss.value) == 2 * 4 + 1.5 * 9 + 0.5 * 2
    assert float(loss.logs["a"]) == 7.0
    assert loss.couples and not a.couples and (2 * b).couples


def test_two_terms_of_one_name_are_refused():
    """Property: the error names them and says how to rename."""
    with pytest.raises(ValueError, match=r"\['loss'\].*name="):
        Loss.mean(ITEMS) + Loss.mean(ITEMS)


def test_logs_are_averaged_over_the_mask():
    """Closed form: per item over the mask given (also one of the first dimensions), scalars as they are, ready means untouched; nothing keeps a graph."""
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    mask = torch.tensor([False, True])
    logs = {"items": x, "hits": x > 3, "samples": x.sum(1), "scalar": x.max(), "ready": Mean(3.0, 2)}
    found = Loss.mean(x, mask, logs=logs).logs
    assert {k: float(v) for k, v in found.items()} == {"items": 4.0, "hits": pytest.approx(2 / 3), "samples": 12.0, "scalar": 5.0, "ready": 1.5}
    assert not any(isinstance(v.total, torch.Tensor) and v.total.requires_grad for v in found.values())
    weights = torch.tensor([1.0, 3.0])
    assert float(Loss.mean(x, weights, logs={"hits": x > 3}).logs["hits"]) == pytest.approx(3 * 2 / (3 * 3 + 3))


def test_a_mean_of_nothing_is_not_a_number():
    """Closed form: a log without items is NaN and disturbs no sum."""
    assert math.isnan(float(Mean(0.0, 0)))
    assert float(Mean(0.0, 0) + Mean(6.0, 3)) == 2.0


def test_one_count_is_told_from_several():
    """Property: the same mask object or the same number of items is one count; two masks, and a penalty, are not."""
    mask = torch.tensor([True, False, True])
    assert (Loss.mean(ITEMS) + Loss.mean(ITEMS, name="b")).one_count
    assert not (Loss.mean(ITEMS, mask) + Loss.mean(ITEMS, mask.clone(), name="b")).one_count
    assert not (Loss.mean(ITEMS) + Loss.penalty(torch.tensor(1.0))).one_count
    assert not (Loss.penalty(torch.tensor(1.0)) + Loss.mean(ITEMS)).one_count


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_parts_add_up_to_the_whole(data):
    """Property: however a batch is cut, totals, counts, logs and value of the joined parts are those of the whole, and so is the gradient."""
    n = data.draw(st.integers(1, 12))
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=4)))
    numbers = st.floats(-100, 100, width=32)
    x = torch.tensor(data.draw(st.lists(numbers, min_size=n, max_size=n)), dtype=torch.float64, requires_grad=True)
    keep = torch.tensor(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    weigh = torch.tensor(data.draw(st.lists(st.floats(0, 4, width=32), min_size=n, max_size=n)), dtype=torch.float64)

    def objective(a, b):
        return Loss.mean(x[a:b].square(), keep[a:b], logs={"x": x[a:b]}) + 0.5 * Loss.mean(x[a:b], weigh[a:b], name="w") + Loss.penalty(x.sum())

    whole = objective(0, n)
    pieces = [objective(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    joined = Loss.joined(pieces)
    torch.testing.assert_close(joined.value, whole.value.detach(), check_dtype=False)
    assert float(joined.logs["x"]) == pytest.approx(float(whole.logs["x"]), nan_ok=True)
    assert float(joined.terms["loss"].count) == int(keep.sum())

    (wanted,) = torch.autograd.grad(whole.value.double(), x)
    shares = [
        t.weight * t.total / (len(pieces) if t.count is None else max(float(joined.terms[k].count), 1e-300)) for p in pieces for k, t in p.terms.items()
    ]
    (found,) = torch.autograd.grad(torch.stack(shares).sum(), x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
