"""Profiling some steps of a run."""

from __future__ import annotations

import json

import pytest

from weft.engine import Epochs, fit
from weft.observe import Profile


def test_profile_records_the_chosen_steps(tmp_path, training, batches):
    """Property: Profile writes a trace with as many profiled steps as asked for, and a table of operations."""
    method, update = training()
    listener = Profile(start=3, steps=4, directory="profile")
    listener.within(tmp_path)
    fit(method, batches, update, until=Epochs(2), listeners=[listener])
    events = json.loads((tmp_path / "profile" / "trace.json").read_text())["traceEvents"]
    steps = {event["name"] for event in events if str(event.get("name", "")).startswith("ProfilerStep#")}
    assert len(steps) == 4
    assert "aten::" in (tmp_path / "profile" / "table.txt").read_text()


def test_a_training_that_ends_early_still_leaves_its_profile(tmp_path, training, batches):
    method, update = training()
    fit(method, batches, update, until=Epochs(1), listeners=[Profile(start=2, steps=100, directory=tmp_path)])
    assert (tmp_path / "trace.json").exists() and (tmp_path / "table.txt").exists()


def test_impossible_arguments_are_errors():
    for arguments in ({"start": 0}, {"steps": 0}):
        with pytest.raises(ValueError, match="Profile needs"):
            Profile(**arguments)
