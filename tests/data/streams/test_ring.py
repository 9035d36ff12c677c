"""The ring beside a deque."""

from __future__ import annotations

from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Ring


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 6), st.lists(st.tuples(st.sampled_from(["put", "last", "rows", "replace", "save"]), st.integers(0, 9)), max_size=30))
def test_it_is_a_deque_in_one_piece_of_memory(capacity, actions):
    """Ring, property: under any row of operations it holds what collections.deque(maxlen=capacity) does, also after a restart, in the memory that
    the first batch took."""
    ring, model, count, memory = Ring(capacity), deque(maxlen=capacity), 0, None
    for action, n in actions:
        if action == "put":
            rows = torch.arange(count, count + n)
            ring.put({"x": rows[:, None].repeat(1, 2), "y": rows.double()})
            model.extend(rows.tolist())
            count += n
            memory = memory or ring.held["x"].data_ptr()
            assert ring.held["x"].data_ptr() == memory and ring.held["x"].shape == (capacity, 2)
        elif action == "last" and ring.held:
            assert ring.last(n)["y"].tolist() == list(model)[max(0, len(model) - n) :]
        elif action == "rows" and n < len(model):
            assert ring.rows(torch.tensor([n, 0]))["x"][:, 1].tolist() == [model[n], model[0]]
        elif action == "replace" and n < len(model):
            ring.replace(n, {"x": torch.tensor([[-n, -n]]), "y": torch.tensor([-float(n)], dtype=torch.float64)})
            model[n] = -n
        elif action == "save":
            again = Ring(capacity)
            again.load_state_dict(ring.state_dict())
            ring, memory = again, again.held["x"].data_ptr() if again.held else None
        assert len(ring) == len(model) and ring.seen == count
    given_back = ring.last(capacity) if ring.held else {}
    if model:
        given_back["y"].zero_()
        assert ring.last(capacity)["y"].tolist() == list(model), "what is given are copies"


def test_other_rows_and_empty_places_are_refused():
    ring = Ring(3)
    ring.put({"x": torch.zeros(2, 2)})
    for wrong in ({"x": torch.zeros(1, 3)}, {"x": torch.zeros(1, 2, dtype=torch.int64)}, {"y": torch.zeros(1, 2)}, {}):
        with pytest.raises(ValueError, match="Rows differ"):
            ring.put(wrong)
    with pytest.raises(IndexError, match="of 2 rows"):
        ring.rows(torch.tensor([2]))
    with pytest.raises(ValueError, match="at least 1 row"):
        Ring(0)
