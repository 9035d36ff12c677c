"""The tail of a file: whole lines only, each once, over restarts and rotations."""

from __future__ import annotations

import threading
import time

import pytest

from weft.data import FileTail


def texts(flow):
    return [record["text"] for record in flow]


def test_lines_come_as_they_are_written(tmp_path):
    """FileTail, property: a writer that flushes half lines is read as whole ones, in order."""
    path = tmp_path / "log.txt"

    def write():
        with open(path, "w") as file:
            for n in range(40):
                for part in (f"line {n}", " ende\n"):
                    file.write(part)
                    file.flush()
                    time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    assert texts(FileTail(path, idle=1.0)) == [f"line {n} ende" for n in range(40)]
    writer.join()


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_position_goes_on_at_its_line(tmp_path, stop):
    path = tmp_path / "log.txt"
    path.write_bytes("ä\r\nb\nc\n".encode())
    flow = FileTail(path, idle=0)
    running = iter(flow)
    begun = [next(running)["text"] for _ in range(stop)]
    other = FileTail(path, idle=0)
    other.load_state_dict(flow.state_dict())
    assert begun + texts(other) == ["ä", "b", "c"]
    with open(path, "a") as file:
        file.write("d\n")
    assert texts(other) == ["d"]


def test_a_replaced_file_is_read_anew(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("a\nb\n")
    flow = FileTail(path, idle=0)
    assert texts(flow) == ["a", "b"]
    path.rename(tmp_path / "log.1")
    path.write_text("c\nd\ne\n")
    assert texts(flow) == ["c", "d", "e"] and flow.rotations == 1
    path.write_text("f\n")
    assert texts(flow) == ["f"] and flow.rotations == 2


def test_bad_lines_are_named(tmp_path):
    path = tmp_path / "log.json"
    path.write_text('{"x": 1}\n[1]\n')
    running = iter(FileTail(path, form="json", idle=0))
    assert next(running) == {"x": 1}
    with pytest.raises(ValueError, match=r"log\.json, line 2: a list; expected a JSON object"):
        next(running)
    path.write_text("nothing\n")
    with pytest.raises(ValueError, match="line 1: no JSON"):
        list(FileTail(path, form="json", idle=0))
    path.write_bytes(b"x" * (1 << 20) + b"x\n")
    with pytest.raises(ValueError, match="line 1: longer than"):
        list(FileTail(path, idle=0))
    with pytest.raises(FileNotFoundError, match="did not appear within 0 s"):
        list(FileTail(tmp_path / "none", idle=0))
    with pytest.raises(ValueError, match="'text' or 'json'"):
        FileTail(path, form="csv")
