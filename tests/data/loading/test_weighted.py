"""Weighted drawing: frequencies, bounds, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from weft.data import Weighted, domain_weights, inverse_frequency


def drawn(plan, size, epochs=1):
    return torch.cat([batch for epoch in range(epochs) for batch in plan.batches(size, 7, epoch)])


@pytest.mark.parametrize("labels", [["a"] * 80 + ["b"] * 15 + ["c"] * 5, [-1] * 90 + [3] * 10, torch.tensor([2] * 60 + [0] * 40)])
def test_inverse_frequency_makes_classes_alike(labels):
    """Weighted, property: classes are drawn within three deviations of equally often, whatever their labels are."""
    found = drawn(Weighted(inverse_frequency(labels), 32), len(labels), epochs=60)
    names = [labels[i] if not isinstance(labels, torch.Tensor) else int(labels[i]) for i in found.tolist()]
    classes = set(names)
    p, n = 1 / len(classes), len(names)
    assert len(classes) == len({int(x) if isinstance(x, torch.Tensor) else x for x in labels})
    assert all(abs(names.count(c) - n * p) <= 3 * math.sqrt(n * p * (1 - p)) for c in classes)


def test_power_zero_favours_nobody():
    assert inverse_frequency(["a", "a", "b"], power=0).tolist() == [1, 1, 1]


def test_without_replacement_nothing_comes_twice_and_weight_decides():
    """Weighted, property: a record of weight 0 never comes; the heavier of two comes first as often as its weight says."""
    plan = Weighted([0.0, 1.0, 3.0], batch_size=2, replacement=False)
    firsts = []
    for epoch in range(400):
        order = torch.cat(list(plan.batches(3, 0, epoch))).tolist()
        assert sorted(order) == [1, 2]
        firsts.append(order[0])
    assert abs(firsts.count(2) / 400 - 0.75) < 3 * math.sqrt(0.75 * 0.25 / 400)


def test_an_epoch_is_repeatable_and_its_own():
    plan = Weighted([1.0] * 50, batch_size=8, num_samples=20)
    assert [len(b) for b in plan.batches(50, 0, 0)] == [8, 8, 4]
    assert torch.equal(drawn(plan, 50), drawn(plan, 50))
    assert not torch.equal(torch.cat(list(plan.batches(50, 0, 0))), torch.cat(list(plan.batches(50, 0, 1))))


def test_domains_get_their_shares():
    """domain_weights, property: shares and temperature."""
    domains = ["web"] * 90 + ["book"] * 10
    found = drawn(Weighted(domain_weights(domains, {"web": 0.3, "book": 0.7})), 100, epochs=40)
    assert abs(float((found >= 90).float().mean()) - 0.7) < 3 * math.sqrt(0.21 / len(found))
    assert domain_weights(domains).tolist() == pytest.approx([1.0] * 100)
    flat = domain_weights(domains, temperature=1e9)
    assert float(flat[:90].sum()) == pytest.approx(float(flat[90:].sum()))


@pytest.mark.parametrize(
    ("weights", "arguments"),
    [([], {}), ([1.0, -1.0], {}), ([0.0, 0.0], {}), ([math.nan, 1.0], {}), ([1.0, 0.0], {"num_samples": 2, "replacement": False}), ([1.0], {"batch_size": 0})],
)
def test_impossible_weights_are_refused(weights, arguments):
    with pytest.raises(ValueError, match=r"Weights|without replacement|at least 1"):
        Weighted(weights, **arguments)


def test_other_numbers_of_records_are_refused():
    with pytest.raises(ValueError, match="2 weights for 3 records"):
        Weighted([1.0, 2.0]).batches(3, 0, 0)
    with pytest.raises(ValueError, match="Shares are given for"):
        domain_weights(["a"], {"b": 1.0})
    with pytest.raises(ValueError, match="temperature"):
        domain_weights(["a"], temperature=0)


def test_records_of_several_labels_are_weighed_by_their_rarest():
    """inverse_frequency, closed form: the mean of 1 / count over a record's labels, whether given as lists, sets or a table; none is a class."""
    labels = [["a"], ["a", "b"], ["a", "b", "c"], [], ["a"]]
    expected = [1 / 4, (1 / 4 + 1 / 2) / 2, (1 / 4 + 1 / 2 + 1) / 3, 1.0, 1 / 4]
    assert inverse_frequency(labels).tolist() == pytest.approx(expected)
    assert inverse_frequency([set(each) for each in labels]).tolist() == pytest.approx(expected)
    table = torch.tensor([[letter in each for letter in "abc"] for each in labels])
    assert inverse_frequency(table).tolist() == pytest.approx(expected)
    assert inverse_frequency(table, power=0.0).tolist() == [1.0] * 5
    with pytest.raises(ValueError, match="boolean table"):
        inverse_frequency(table.long())


def test_several_labels_come_more_alike():
    """inverse_frequency and Weighted, property: where labels come together, the rarest is drawn several times as often as it stands."""
    labels = [["common"] + (["rare"] if i % 20 == 0 else []) for i in range(400)]
    plan = Weighted(inverse_frequency(labels), 50, num_samples=4000)
    share = sum("rare" in labels[i] for i in drawn(plan, 400).tolist()) / 4000
    assert abs(share - 20 * 0.02625 / (20 * 0.02625 + 380 * 0.0025)) < 3 * (0.25 / 4000) ** 0.5 and share > 5 / 20
