"""The loader: every record once an epoch, in an order that only seed and epoch decide."""

from __future__ import annotations

import pytest
import torch

from weft.data import Arrays, Loader


def numbers(loader):
    return [batch["index"].tolist() for batch in loader]


@pytest.mark.parametrize("size", [1, 4, 9])
@pytest.mark.parametrize("batch_size", [1, 3, 4, 20])
def test_every_record_once_and_an_exact_length(size, batch_size):
    """Property: the batches of Loader are a partition, and len counts them."""
    loader = Loader(Arrays({"input": torch.arange(size)}), batch_size=batch_size, shuffle=True)
    batches = numbers(loader)
    assert len(batches) == len(loader)
    assert sorted(i for batch in batches for i in batch) == list(range(size))
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_order_is_plain_without_shuffling():
    assert numbers(Loader(Arrays({"input": torch.arange(5)}), batch_size=2)) == [[0, 1], [2, 3], [4]]


def test_drop_last_drops_the_rest():
    loader = Loader(Arrays({"input": torch.arange(7)}), batch_size=3, drop_last=True)
    assert len(loader) == 2 and numbers(loader) == [[0, 1, 2], [3, 4, 5]]


def test_each_epoch_has_its_own_order_and_keeps_it():
    source = Arrays({"input": torch.arange(40)})
    loader = Loader(source, batch_size=8, shuffle=True, seed=1)
    first, second = numbers(loader), numbers(loader)
    assert first != second
    loader.set_epoch(0)
    assert numbers(loader) == first
    assert numbers(Loader(source, batch_size=8, shuffle=True, seed=2)) != first


def test_values_belong_to_their_numbers():
    x = torch.randn(30, 2)
    for batch in Loader(Arrays({"input": x, "target": torch.arange(30)}), batch_size=7, shuffle=True):
        assert torch.equal(batch["input"], x[batch["index"]]) and torch.equal(batch["target"], batch["index"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "at least 1"),
        ({"batch_size": 5, "drop_last": True}, "leaves nothing of 4"),
        ({"workers": -1}, "workers=-1"),
    ],
)
def test_wrong_arguments_say_what_to_do(arguments, words):
    with pytest.raises(ValueError, match=words):
        Loader(Arrays({"input": torch.arange(4)}), **arguments)


def test_an_empty_source_is_refused():
    with pytest.raises(ValueError, match="no records"):
        Loader([])
