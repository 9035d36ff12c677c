"""One process at a time in a directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings

import pytest

from weft.observe import Lock, LockedError

HOLD = "import sys; from weft.observe.lock import Lock; lock = Lock(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
HOLD_WITH_CHILD = """
import os, sys
from weft.observe.lock import Lock
lock = Lock(sys.argv[1])
if os.fork() == 0:
    print('held', flush=True)
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def holder(folder, program=HOLD):
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_directory_in_use_is_refused_naming_the_process(tmp_path):
    process = holder(tmp_path)
    try:
        with pytest.raises(LockedError, match=f"in use by process {process.pid} .*choose another directory"):
            Lock(tmp_path)
    finally:
        process.communicate("")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a program that ended by itself leaves nothing to take over
        Lock(tmp_path).release()


def test_a_second_lock_of_this_process_is_refused_too(tmp_path):
    lock = Lock(tmp_path)
    with pytest.raises(LockedError, match="this process"):
        Lock(tmp_path)
    lock.release()
    lock.release()
    Lock(tmp_path).release()


def test_a_lock_of_a_killed_process_is_taken_over_and_said(tmp_path):
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.warns(UserWarning, match=f"took over the lock of process {process.pid}"):
        lock = Lock(tmp_path)
    assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    lock.release()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Lock(tmp_path).release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_that_outlives_its_parent_keeps_no_lock(tmp_path):
    process = holder(tmp_path, HOLD_WITH_CHILD)
    process.wait()
    with pytest.warns(UserWarning, match="took over"):
        lock = Lock(tmp_path)
    assert lock.descriptor is not None
    lock.release()
    process.stdin.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_that_ends_leaves_the_lock_with_its_parent(tmp_path):
    lock = Lock(tmp_path)
    child = os.fork()
    if child == 0:
        os._exit(0 if lock.descriptor is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(LockedError):
        Lock(tmp_path)
    lock.release()


def test_a_forgotten_lock_is_freed(tmp_path):
    Lock(tmp_path)
    lock = Lock(tmp_path)
    assert lock.descriptor is not None
    lock.release()


def test_rubbish_in_the_file_does_not_matter(tmp_path):
    (tmp_path / "lock").write_bytes(b"\xff\x00[not json")
    lock = Lock(tmp_path)
    assert lock.descriptor is not None
    lock.release()
