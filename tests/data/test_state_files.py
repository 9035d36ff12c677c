"""State on disk: what goes in comes out, what breaks on the way leaves the old file, what was changed is not believed."""

from __future__ import annotations

import json
import math
import os

import pytest
import torch

from weft.data import state_files
from weft.data.state_files import Damaged, pack, read_note, read_state, unpack, write_bytes, write_state


def same(a, b):
    """Equality of types, values, dtypes, shapes and bits, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.nan_to_num(7), b.nan_to_num(7)) and torch.equal(a.isnan(), b.isnan())
    if isinstance(a, dict):
        return list(a) == list(b) and all(type(k) is type(j) and same(a[k], b[j]) for k, j in zip(a, b, strict=True))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b or (a != a and b != b)


SHARED = torch.arange(3.0)
TREES = {
    "nested": {"a": [1, (2.5, "x", None, True), {}], "": (), "deep": {"b": {"c": []}}},
    "keys": {0: "zero", 7: "int", "7": "text", True: "bool", None: "none", 2.5: "float", ("pair", 3): "tuple"},
    "numbers": [math.inf, -math.inf, math.nan, 2**80, -0.0, 1e-320, 0.1],
    "text": {'quote"\n\u0000é漢😀': "\\", "tensor": "tensor", "dict": {"tensor": "0"}, "list": ["dict"]},
    "dtypes": {
        str(d): torch.tensor([0, 1, 3]).to(d)
        for d in (torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int64, torch.uint8, torch.bool)
    },
    "scalar": torch.tensor(3.0),
    "empty": [torch.zeros(0), torch.zeros(2, 0, 3, dtype=torch.bfloat16), torch.zeros(0, dtype=torch.int64)],
    "strided": [
        torch.arange(12.0).reshape(3, 4).t(),
        torch.arange(10)[::3],
        torch.ones(3, 1).expand(3, 4),
        torch.randn(1, 2, 3, 3).to(memory_format=torch.channels_last),
    ],
    "special": torch.tensor([math.nan, math.inf, -math.inf, -0.0]),
    "shared": [SHARED, SHARED, SHARED[1:]],
    "nothing": None,
}


@pytest.mark.parametrize("name", TREES)
def test_what_goes_in_comes_out(tmp_path, name):
    """Property: in memory and over the disk; types of keys and containers, dtypes, shapes and bits are kept."""
    tree = TREES[name]
    assert same(unpack(*pack(tree)), tree)
    write_state(tmp_path / "s", tree, {"step": 3})
    found, note = read_state(tmp_path / "s")
    assert same(found, tree) and note == {"step": 3} == read_note(tmp_path / "s")


def test_minus_zero_and_nan_keep_their_bits(tmp_path):
    """Property: bit for bit, which comparing numbers does not see."""
    bits = torch.tensor([0x7FC00001, -0x80000000, 0x00000001], dtype=torch.int32).view(torch.float32)
    write_state(tmp_path / "s", {"x": bits, "zero": -0.0}, {})
    found, _ = read_state(tmp_path / "s")
    assert torch.equal(found["x"].view(torch.int32), bits.view(torch.int32)) and math.copysign(1, found["zero"]) == -1


def test_packing_copies():
    """Property: a tensor that moves on after packing does not change what was packed, and what was packed needs no gradient."""
    weight = torch.ones(2, requires_grad=True)
    tensors, tree = pack({"w": weight})
    with torch.no_grad():
        weight.add_(1)
    assert torch.equal(unpack(tensors, tree)["w"], torch.ones(2)) and not tensors["0"].requires_grad


@pytest.mark.parametrize(
    ("tree", "where", "kind"),
    [
        ({"a": [1, {"b": {1}}]}, r"\.a\[1\]\.b", "set"),
        ({"o": object()}, r"\.o", "object"),
        (b"x", "the top", "bytes"),
        ({"f": [0, (1, 2j)]}, r"\.f\[1\]\[1\]", "complex"),
    ],
)
def test_what_no_state_holds_is_refused_with_its_path(tree, where, kind):
    """Property: the error says where it lies, what it is, and what a state holds."""
    with pytest.raises(TypeError, match=rf"State at {where} is a {kind}\. A state_dict holds tensors"):
        pack(tree)


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    """Property: whichever call fails, the old file is whole, the error comes out, and nothing is left beside it."""

    def full(*_):
        raise OSError(28, "No space left on device")

    def interrupted(*_):
        raise KeyboardInterrupt

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            full()

    opened = open
    path = tmp_path / "state"
    write_bytes(path, b"old")
    for target, name, failing, error in (
        (state_files.os, "replace", full, OSError),
        (state_files.os, "fsync", full, OSError),
        (state_files.os, "fsync", interrupted, KeyboardInterrupt),
        (state_files, "open", lambda *a: Full(opened(*a)), OSError),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, failing, raising=False)
            with pytest.raises(error):
                write_bytes(path, b"new and longer")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["state"]
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["state"]


def test_bytes_are_on_disk_before_the_name_is(tmp_path, monkeypatch):
    """Property: file forced, renamed, folder forced, in this order."""
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        state_files.os, "fsync", lambda number: (calls.append("folder" if os.path.isdir(f"/proc/self/fd/{number}") else "file"), fsync(number))
    )
    monkeypatch.setattr(state_files.os, "replace", lambda a, b: (calls.append("rename"), replace(a, b)))
    write_bytes(tmp_path / "x", b"1")
    assert calls == ["file", "rename", "folder"]


def test_a_pair_is_valid_only_when_the_note_is_there(tmp_path, monkeypatch):
    """Property: a program killed between the two files leaves the previous pair's note, whose checksum refuses the new tensors."""
    write_state(tmp_path / "s", {"x": torch.zeros(2)}, {"step": 1})
    write = state_files.write_bytes

    def killed(path, data):
        if path.suffix == ".json":
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(state_files, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        write_state(tmp_path / "s", {"x": torch.ones(2)}, {"step": 2})
    with pytest.raises(Damaged, match=r"s\.safetensors is not what was written: its checksum differs"):
        read_state(tmp_path / "s")


def test_missing_files_are_named(tmp_path):
    """Property: the error names the file."""
    write_state(tmp_path / "s", {"x": torch.zeros(2)}, {})
    (tmp_path / "s.safetensors").unlink()
    with pytest.raises(Damaged, match=r"s\.safetensors cannot be read"):
        read_state(tmp_path / "s")
    (tmp_path / "s.json").unlink()
    with pytest.raises(Damaged, match=r"s\.json cannot be read"):
        read_note(tmp_path / "s")


def test_a_changed_note_is_refused_although_it_is_json(tmp_path):
    """Property: the seal covers the note; an edited number is found."""
    write_state(tmp_path / "s", {}, {"step": 10})
    file = tmp_path / "s.json"
    text = file.read_bytes()
    file.write_bytes(text.replace(b'"step": 10', b'"step": 90'))
    assert json.loads(file.read_bytes().partition(b"\n")[2])["note"] == {"step": 90}
    with pytest.raises(Damaged, match=r"s\.json is not what was written"):
        read_note(tmp_path / "s")
