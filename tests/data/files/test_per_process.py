"""Handles are opened once in each process."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

from weft.data.files.per_process import PerProcess


def opened(path):
    Path(path, f"{os.getpid()}").touch()
    return open(Path(path, "text"))


def read(handle, queue):
    queue.put((os.getpid(), handle().read()))


def test_a_handle_is_opened_anew_after_a_fork_and_not_pickled(tmp_path):
    """Contract: PerProcess opens once a process and pickles to what opens it."""
    (tmp_path / "text").write_text("hello")
    handle = PerProcess(opened, tmp_path)
    assert not list(tmp_path.glob("[0-9]*"))
    assert handle() is handle() and handle().read(2) == "he"
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=read, args=(handle, queue))
        process.start()
        number, text = queue.get(timeout=60)
        process.join()
        assert number != os.getpid() and text == "hello" and (tmp_path / str(number)).exists()
    assert handle().read() == "llo"
    assert len(pickle.dumps(handle)) < 500
