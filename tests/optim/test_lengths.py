"""Lengths: how far, how much, when due; in epochs, steps, seconds and whichever comes first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from weft.engine import Epochs, Length, Seconds, Steps
from weft.optim.lengths import Due


def clock(step=0, epoch=0, seconds=0.0, batches=4):
    return SimpleNamespace(step=step, epoch=epoch, seconds=seconds, data=[0] * batches if batches else iter(()))


@pytest.mark.parametrize("amount", [0, -1, float("nan")])
@pytest.mark.parametrize("kind", [Epochs, Steps, Seconds])
def test_a_length_is_positive(kind, amount):
    """Property: the error repeats what was written."""
    with pytest.raises(ValueError, match=rf"{kind.__name__}\({amount}\) is no length of time"):
        kind(amount)


def test_a_length_without_a_unit_measures_nothing():
    """Property: the error names the three units."""
    with pytest.raises(TypeError, match="use Epochs, Steps or Seconds"):
        Length(3).reached(clock())


def test_each_unit_reads_its_own_counter():
    """Closed form: fraction, end and number of steps."""
    now = clock(step=6, epoch=1, seconds=30.0)
    assert [x.fraction(now) for x in (Steps(12), Epochs(3), Seconds(40))] == [0.5, 0.5, 0.75]
    assert [x.steps(now) for x in (Steps(12), Epochs(3), Seconds(40))] == [12, 12, None]
    assert [x.reached(now) for x in (Steps(6), Steps(7), Epochs(1), Epochs(2), Seconds(30), Seconds(31))] == [True, False] * 3


def test_epochs_of_a_stream_count_epochs():
    """Closed form: without a length of the data, the fraction moves once an epoch and the total is not known."""
    now = clock(step=6, epoch=1, batches=None)
    assert Epochs(4).fraction(now) == 0.25 and Epochs(4).steps(now) is None


def test_no_fraction_exceeds_one():
    """Property: also behind the end."""
    later = clock(step=100, epoch=100, seconds=1e6)
    assert {x.fraction(later) for x in (Steps(3), Epochs(2), Seconds(1), Steps(3) | Seconds(1))} == {1.0}


def test_whichever_comes_first_of_three():
    """Closed form: joined in any order and nesting, the first end, the greatest fraction, the fewest steps."""
    for joined in (Epochs(5) | Steps(10) | Seconds(60), Epochs(5) | (Seconds(60) | Steps(10)), (Steps(10) | Seconds(60)) | (Epochs(5) | Steps(99))):
        assert joined.steps(clock()) == 10
        assert joined.fraction(clock(step=5, epoch=1, seconds=59.4)) == pytest.approx(0.99)
        assert not joined.reached(clock(step=9, epoch=4, seconds=59))
        assert joined.reached(clock(step=10)) and joined.reached(clock(epoch=5)) and joined.reached(clock(seconds=60))


def due_at(every, moments):
    due = Due(every)
    return [i for i, (step, epoch, seconds, end) in enumerate(moments) if due(clock(step, epoch, seconds), epoch_end=end)]


# Two epochs of three steps, ten seconds a step; the loop also asks at each epoch's end.
MOMENTS = [(1, 0, 10, False), (2, 0, 20, False), (3, 0, 30, False), (3, 1, 30, True), (4, 1, 40, False), (5, 1, 50, False), (6, 1, 60, False), (6, 2, 60, True)]


@pytest.mark.parametrize(
    ("every", "moments"),
    [
        (Epochs(1), [3, 7]),
        (Epochs(2), [7]),
        (Steps(1), [0, 1, 2, 4, 5, 6]),
        (Steps(2), [1, 4, 6]),
        (Seconds(25), [2, 6]),
        (Steps(2) | Epochs(1), [1, 3, 4, 6, 7]),
        (Epochs(1) | Seconds(25), [2, 3, 6, 7]),
        (Epochs(1) | Steps(4) | Seconds(1000), [3, 4, 7]),
        (Seconds(1000) | (Epochs(2) | Steps(5)), [5, 7]),
    ],
    ids=str,
)
def test_due_at_the_right_moments(every, moments):
    """Brute force: over two epochs of three steps; an end of an epoch is no step, and a joined interval of any depth is due when one part is."""
    assert due_at(every, MOMENTS) == moments


def test_seconds_count_from_the_last_time_for_whatever_reason():
    """Closed form: an epoch's end resets the minutes; the mark is what is saved."""
    due = Due(Epochs(1) | Seconds(25))
    assert due(clock(3, 1, 20.0), epoch_end=True) and due.mark == 20.0
    assert not due(clock(4, 1, 44.0), epoch_end=False)
    assert due(clock(5, 1, 45.0), epoch_end=False)
    again = Due(Seconds(25))
    again.mark = due.mark
    assert not again(clock(6, 1, 69.0), epoch_end=False) and again(clock(7, 1, 70.0), epoch_end=False)
