"""Made points: seeded, and a simple baseline beats chance by a stated margin."""

from __future__ import annotations

import pytest
import torch

from weft.data.sets.made_points import blobs, communities, moons, regression_rows, spirals, xor


def halves(source):
    x, y = source.columns["input"], source.columns["target"]
    n = len(x) // 2
    return x[:n], y[:n], x[n:], y[n:]


def linear(x, y, test):
    return torch.cat([test, torch.ones(len(test), 1)], 1) @ torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1)], 1), y).solution


def accuracy(found, expected):
    return (found == expected).float().mean().item()


def neighbours(source, k=5):
    x, y, test, expected = halves(source)
    return accuracy(y[torch.cdist(test, x).topk(k, largest=False).indices].mode(1).values, expected)


def test_least_squares_explains_regression_rows():
    """Learned: R² of least squares on unseen rows of regression_rows is within 0.02 of 1 / (1 + noise²); the mean explains 0."""
    for noise in (0.1, 1.0):
        x, y, test, expected = halves(regression_rows(4000, noise=noise))
        error = (linear(x, y, test) - expected).square().mean() / expected.var()
        assert 1 - error == pytest.approx(1 / (1 + noise**2), abs=0.02)


def test_the_nearest_mean_tells_blobs_apart():
    """Learned: 0.95 and more on blobs against a chance of 1/3 and 1/5."""
    for features, classes in ((2, 3), (10, 5)):
        x, y, test, expected = halves(blobs(1200, features, classes, seed=1))
        means = torch.stack([x[y == c].mean(0) for c in range(classes)])
        assert accuracy(torch.cdist(test, means).argmin(1), expected) > 0.95


def test_neighbours_tell_moons_and_spirals_apart_and_lines_do_not():
    """Learned: nearest neighbours reach 0.97 on moons and 0.9 on spirals against 0.5; a line leaves moons below 0.92, spirals below 0.7."""
    for source, reach, line in ((moons(), 0.97, 0.92), (spirals(), 0.9, 0.7)):
        x, y, test, expected = halves(source)
        assert neighbours(source) > reach
        assert accuracy((linear(x, y[:, None].float(), test)[:, 0] > 0.5).long(), expected) < line


def test_the_sign_of_the_product_is_xor_and_no_line_is():
    """Learned: the product's sign is right on all of xor, a line on fewer than 0.6."""
    x, y, test, expected = halves(xor(2000))
    assert accuracy((test.prod(1) < 0).long(), expected) == 1
    assert accuracy((linear(x, y[:, None].float(), test)[:, 0] > 0.5).long(), expected) < 0.6


def test_neighbours_in_a_graph_share_their_community():
    """Learned: the commonest class among the neighbours is right above 0.8 on communities against a chance of 0.25."""
    graph = communities(400)
    a, b = graph["edges"]
    votes = torch.zeros(400, 4).index_add(0, a, torch.eye(4)[graph["label"][b]])
    assert accuracy(votes.argmax(1), graph["label"]) > 0.8
    pairs = set(map(tuple, graph["edges"].T.tolist()))
    assert all((v, u) in pairs and u != v for u, v in pairs)


@pytest.mark.parametrize("make", [regression_rows, blobs, moons, xor, spirals])
def test_the_same_seed_gives_the_same_points_whatever_the_size(make):
    for key, values in make(50, seed=3).columns.items():
        assert torch.equal(values, make(50, seed=3).columns[key]) and torch.equal(values[:20], make(20, seed=3).columns[key])
    assert not torch.equal(make(50, seed=3).columns["input"], make(50, seed=4).columns["input"])
    with pytest.raises(ValueError, match="expected at least 1"):
        make(0)
