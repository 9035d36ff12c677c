"""The feed: epochs of any iterable, and a position for those that have none."""

from __future__ import annotations

import pytest
import torch

from weft.data.feed import Feed


def take(feed, count):
    return [None if b is None else int(b["input"][0]) for b in (feed.next() for _ in range(count))]


class Epochs:
    """Says which epoch it is in every batch, and notes what it was told."""

    def __init__(self):
        self.told = []

    def set_epoch(self, epoch):
        self.told.append(epoch)

    def __iter__(self):
        return iter([torch.tensor([10 * self.told[-1] + i]) for i in range(2)])


def test_epochs_end_with_none_and_are_announced():
    """Property: None at the end, then the next epoch, each announced once before it begins."""
    data = Epochs()
    feed = Feed(data)
    assert take(feed, 3) == [0, 1, None]
    feed.advance()
    assert take(feed, 3) == [10, 11, None]
    assert data.told == [0, 1]


def test_a_position_is_kept_for_data_that_has_none():
    """Property: batches already seen are passed over, also in a later epoch."""
    feed = Feed(Epochs())
    take(feed, 3)
    feed.advance()
    take(feed, 1)
    other = Feed(Epochs())
    other.load_state_dict(feed.state_dict())
    assert take(other, 2) == [11, None]


def test_shuffled_data_without_a_position_goes_on_in_the_same_order():
    """Property: the epoch is begun again with the random state it began with, and the present one is put back."""

    class Shuffled:
        def __iter__(self):
            return iter([torch.tensor([i]) for i in torch.randperm(20).tolist()])

    feed = Feed(Shuffled())
    order = take(feed, 7)
    saved, now = feed.state_dict(), torch.get_rng_state()
    rest = take(feed, 13)
    torch.manual_seed(99)
    other = Feed(Shuffled())
    torch.set_rng_state(now)
    other.load_state_dict(saved)
    assert take(other, 13) == rest and sorted(order + rest) == list(range(20))
    assert torch.equal(now, torch.get_rng_state())


def test_data_that_shrank_is_noticed_on_resume():
    """Error: the checkpoint stood behind the new end."""
    feed = Feed([torch.zeros(1)] * 5)
    take(feed, 4)
    other = Feed([torch.zeros(1)] * 3)
    other.load_state_dict(feed.state_dict())
    with pytest.raises(ValueError, match="ended before batch 4"):
        other.next()


def test_what_cannot_be_read_is_refused():
    """Error: says what came; an iterator that is used up says so."""
    with pytest.raises(TypeError, match=r"of type int|Actual value: 3"):
        Feed(3)
    with pytest.raises(ValueError, match="yielded no batch"):
        Feed([]).next()
    feed = Feed(iter([torch.zeros(1)]))
    take(feed, 2)
    feed.advance()
    with pytest.raises(ValueError, match="only once"):
        feed.next()


def test_data_is_told_when_its_position_is_safe():
    class Queue(list):
        told = None

        def state_dict(self):
            return {"at": 3}

        def load_state_dict(self, state): ...

        def committed(self, state):
            self.told = state

    feed = Feed(Queue([(1, 2)]))
    feed.committed(feed.state_dict())
    assert feed.data.told == {"at": 3}
    Feed([1]).committed({"data": None})
