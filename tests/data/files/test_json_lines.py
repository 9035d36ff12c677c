"""JSON lines: at random, as a flow, packed, with bad lines."""

from __future__ import annotations

import gzip
import json
import pickle

import pytest

from weft.data.files.json_lines import JsonLines, json_lines_flow


def write(folder, text, name="a.jsonl"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def test_lines_at_random_are_those_of_the_file(tmp_path):
    """Parity: JsonLines and json_lines_flow against json.loads of each line, with a mark at the start, empty lines and either line end."""
    records = [{"i": i, "text": "ä" * i, "tags": list(range(i))} for i in range(50)]
    text = "\ufeff" + "\r\n\n".join(json.dumps(record, ensure_ascii=i % 2 == 0) for i, record in enumerate(records))
    path = write(tmp_path, text)
    source = JsonLines(path)
    assert list(source) == records == list(json_lines_flow(path)) and source[-1] == records[-1]
    packed = write(tmp_path, gzip.compress(text.encode()), "a.jsonl.gz")
    assert list(json_lines_flow([path, packed])) == records * 2
    assert JsonLines(path, columns=["i", "none"])[3] == {"i": 3, "none": None}
    assert len(pickle.dumps(source)) < 2000 and pickle.loads(pickle.dumps(source))[7] == records[7]
    with pytest.raises(IndexError):
        source[50]
    with pytest.raises(ValueError, match="use json_lines_flow"):
        JsonLines(packed)


def test_bad_lines_stop_by_number_or_are_counted(tmp_path):
    path = write(tmp_path, b'{"a": 1}\n\n{"a": \n[2]\n{"a": "\xff"}\n' + b"[" * 200_000 + b'\n{"a": 3}\n')
    source = JsonLines(path)
    assert source[0] == {"a": 1} and len(source) == 6
    for i, words in ((1, "line 3 is not JSON"), (2, "line 4 holds a list"), (3, "line 5 is not JSON"), (4, "line 6 is not JSON")):
        with pytest.raises(ValueError, match=rf"a\.jsonl.*{words}"):
            source[i]
    kept = JsonLines(path, unreadable="skip")
    assert list(kept) == [{"a": 1}, {"a": 3}] and len(kept.skipped) == 4 and "line 4" in kept.skipped[1]
    with pytest.raises(ValueError, match="line 3 is not JSON"):
        list(json_lines_flow(path))
    flow = json_lines_flow(path, unreadable="skip")
    assert list(flow) == [{"a": 1}, {"a": 3}] and len(flow.open.skipped) == 4


def test_limits_and_changes(tmp_path):
    path = write(tmp_path, '{"a": 1}\n{"a": "%s"}\n' % ("x" * 100))
    for read in (lambda: JsonLines(path, max_line=50), lambda: list(json_lines_flow(path, max_line=50))):
        with pytest.raises(ValueError, match="line 2 is longer than 50 bytes"):
            read()
    source = JsonLines(path)
    path.write_text('{"a": 2}\n')
    for reading in (source, pickle.loads(pickle.dumps(source))):
        with pytest.raises(ValueError, match="has changed"):
            reading[0]
    with pytest.raises(ValueError, match="no records"):
        JsonLines(write(tmp_path, "\n\n", "b.jsonl"))
    with pytest.raises(ValueError, match="first of 1 bad lines"):
        JsonLines(write(tmp_path, "x\n", "b.jsonl"), unreadable="skip")
    for make in (JsonLines, json_lines_flow):
        with pytest.raises(ValueError, match="expected 'stop' or 'skip'"):
            make(path, unreadable="ignore")


def test_a_flow_goes_on_in_the_middle_of_a_file(tmp_path):
    paths = [write(tmp_path, "".join(json.dumps({"i": 10 * n + i}) + "\n" for i in range(5)), f"{n}.jsonl") for n in range(3)]
    flow = json_lines_flow(paths)
    reading = iter(flow)
    first = [next(reading)["i"] for _ in range(7)]
    later = json_lines_flow(paths)
    later.load_state_dict(flow.state_dict())
    assert first + [record["i"] for record in later] == [10 * n + i for n in range(3) for i in range(5)]
