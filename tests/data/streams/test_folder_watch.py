"""A watched folder: each file once, finished ones only, in order of their time."""

from __future__ import annotations

import os

import pytest

from weft.data import FolderWatch


def put(folder, name, second):
    (folder / name).write_text(name)
    os.utime(folder / name, (second, second))


def names(flow):
    return [record["image"].name for record in flow]


def test_each_file_comes_once_and_a_position_goes_on(tmp_path):
    """FolderWatch, property: order is by time, then name; what comes later comes later; hidden and other files never."""
    for name, second in (("b.png", 1), ("a.png", 2), ("c.png", 1), (".d.png", 1), ("e.txt", 1)):
        put(tmp_path, name, second)
    flow = FolderWatch(tmp_path, "*.png", idle=0)
    running = iter(flow)
    begun = [next(running)["image"].name for _ in range(2)]
    other = FolderWatch(tmp_path, "*.png", idle=0)
    other.load_state_dict(flow.state_dict())
    assert begun == ["b.png", "c.png"] and names(other) == ["a.png"]
    put(tmp_path, "0.png", 3)
    assert names(other) == ["0.png"] and names(other) == []


def test_a_file_that_may_still_be_written_waits(tmp_path):
    (tmp_path / "young.png").write_text("half")
    flow = FolderWatch(tmp_path, idle=0, settle=3600)
    assert names(flow) == []
    os.utime(tmp_path / "young.png", (1, 1))
    assert names(flow) == ["young.png"]


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="make it before it is watched"):
        FolderWatch(tmp_path / "none")
