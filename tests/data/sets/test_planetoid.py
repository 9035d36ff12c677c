"""Planetoid's pickles: the public split, and nothing of theirs runs."""

from __future__ import annotations

import os
import pickle
import pickletools
import shutil
import subprocess
from collections import defaultdict

import numpy as np
import pytest
import torch

from weft.data.sets.planetoid import PARTS, cora, planetoid, unpickled
from weft.data.sets.published import fetch

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_cora_is_what_was_published():
    """Contract: cora has the published sizes, classes and split, and its edges go both ways, each once."""
    graph = cora()
    assert graph["x"].shape == (2708, 1433) and set(graph["x"].unique().tolist()) == {0.0, 1.0} and graph["edges"].shape == (2, 10_556)
    assert graph["label"].bincount().tolist() == [351, 217, 418, 818, 426, 298, 180]
    assert graph["label"][graph["train"]].bincount().tolist() == [20] * 7 and graph["val"].sum() == 500 and graph["test"].sum() == 1000
    assert not (graph["train"] & graph["val"]).any() and not (graph["val"] & graph["test"]).any()
    pairs = set(map(tuple, graph["edges"].T.tolist()))
    assert len(pairs) == 10_556 and all((b, a) in pairs and a != b for a, b in pairs)


@needs_mirror
def test_papers_are_like_their_neighbours():
    """Learned: the commonest class among the neighbours is right far more often than the commonest of all (0.30)."""
    graph = cora()
    a, b = graph["edges"]
    votes = torch.zeros(2708, 7).index_add(0, a, torch.eye(7)[graph["label"][b]])
    assert (votes.argmax(1) == graph["label"]).float().mean() > 0.8


@needs_mirror
def test_what_is_read_is_what_pickle_and_scipy_read():
    """Parity: unpickled against the real unpickler, on files whose checksums are known."""
    pytest.importorskip("scipy")
    folder = fetch("cora")
    for part in PARTS[:-1]:
        with open(folder / f"ind.cora.{part}", "rb") as file:
            expected = pickle.load(file, encoding="latin1")
        found = unpickled(folder / f"ind.cora.{part}")
        if part == "graph":
            assert found == dict(expected)
        else:
            assert np.array_equal(found, expected.toarray() if hasattr(expected, "toarray") else expected)


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_runs_nothing(tmp_path, protocol):
    """Hostile: functions of the system, of Python, of NumPy and of weft itself, at the top and inside a list."""
    marker = tmp_path / "ran"
    calls = [
        (os.system, (f"touch {marker}",)), (eval, (f"open({str(marker)!r}, 'w')",)), (subprocess.Popen, (["touch", str(marker)],)),
        (open, (str(marker), "w")), (getattr, ("", "format")), (np.fromfile, ("/etc/passwd",)), (shutil.rmtree, (str(tmp_path / "none"),)),
    ]  # fmt: skip
    for call in calls:
        for value in (Runs(*call), [1, {"a": Runs(*call)}], defaultdict(list, {0: [Runs(*call)]})):
            (tmp_path / "bad").write_bytes(pickle.dumps(value, protocol))
            with pytest.raises(ValueError, match=r"bad.*no Planetoid file"):
                unpickled(tmp_path / "bad")
    assert not marker.exists()


def test_pickles_that_lie_or_grow_are_refused(tmp_path):
    """Hostile: attributes through dots, references outside, memory bombs, arrays of objects and of another size, cut files."""
    good = pickle.dumps(np.arange(6, dtype="f8").reshape(2, 3), 3)
    (tmp_path / "a").write_bytes(good)
    assert unpickled(tmp_path / "a").tolist() == [[0, 1, 2], [3, 4, 5]]
    bad = [
        b"cbuiltins\nlist.__class__\n.", b"\x80\x04\x8c\x08builtins\x8c\x10list.append.__self__\x93.", b"Pthing\n.", b"\x80\x02N.", b"\x80\x02K\x01.", b"",
        good[:-20], b"\x80\x04\x95" + b"\xff" * 8 + b".", b"\x80\x02X\xff\xff\xff\x7fab.", pickle.dumps(np.array([{}, 1], object), 3),
        pickle.dumps({"a": [1]}, 2), pickle.dumps({1: [2.5]}, 3), pickle.dumps({1: {2}}, 2), pickle.dumps(np.zeros(3, "U4"), 2),
    ]  # fmt: skip
    assert any(op.name == "GLOBAL" for op, *_ in pickletools.genops(good))
    for number, data in enumerate(bad):
        (tmp_path / "bad").write_bytes(data)
        with pytest.raises(ValueError, match=r"bad.*no Planetoid file"):
            pytest.fail(f"number {number} was read: {unpickled(tmp_path / 'bad')!r}")


def test_sparse_parts_that_do_not_fit_are_refused(tmp_path):
    """Hostile: rows and columns outside the array."""
    sparse = pytest.importorskip("scipy.sparse")

    def write(**changes):
        matrix = sparse.csr_matrix(np.eye(3, dtype="f4"))
        matrix.__dict__.update(changes)
        (tmp_path / "s").write_bytes(pickle.dumps(matrix, 3))
        return tmp_path / "s"

    assert unpickled(write()).tolist() == np.eye(3).tolist()
    for changes in ({"indices": np.array([0, 1, 7])}, {"indices": np.array([0, 1, -1])}, {"indptr": np.array([0, 2, 1, 3])}, {"indptr": np.array([0, 1])}, {"_shape": (10**6, 10**6)}, {"data": np.zeros(9)}):
        with pytest.raises(ValueError, match=r"no Planetoid file"):
            unpickled(write(**changes))


def test_papers_that_the_graph_lacks_are_empty_rows(tmp_path):
    """Closed form: a hand-made set with a gap in its test papers, as Citeseer has."""
    sparse = pytest.importorskip("scipy.sparse")
    one_hot = np.eye(2, dtype="i4")
    values = {
        "x": sparse.csr_matrix(np.ones((1, 3), "f4")), "y": one_hot[[1]], "allx": sparse.csr_matrix(np.array([[1, 1, 1], [2, 0, 0]], "f4")), "ally": one_hot[[1, 0]],
        "tx": sparse.csr_matrix(np.array([[5, 0, 0], [4, 0, 0]], "f4")), "ty": one_hot[[1, 0]], "graph": defaultdict(list, {0: [1, 0], 1: [0, 4], 2: [], 4: [1]}),
    }  # fmt: skip
    for part, value in values.items():
        (tmp_path / f"ind.toy.{part}").write_bytes(pickle.dumps(value, 3))
    (tmp_path / "ind.toy.test.index").write_text("4\n2\n")
    with pytest.raises(IndexError):
        planetoid(tmp_path, "toy")  # 500 papers to validate on are part of the public split
    values["allx"], values["ally"] = sparse.csr_matrix(np.ones((600, 3), "f4")), one_hot[[0] * 600]
    values["graph"] = defaultdict(list, {0: [1, 0], 1: [0, 602], 602: [1]})
    for part, value in values.items():
        (tmp_path / f"ind.toy.{part}").write_bytes(pickle.dumps(value, 3))
    (tmp_path / "ind.toy.test.index").write_text("602\n600\n")
    graph = planetoid(tmp_path, "toy")
    assert graph["x"][600:].tolist() == [[4, 0, 0], [0, 0, 0], [5, 0, 0]] and graph["label"][600:].tolist() == [0, 0, 1]
    assert graph["test"].nonzero()[:, 0].tolist() == [600, 602] and graph["edges"].T.tolist() == [[0, 1], [1, 0], [1, 602], [602, 1]]
    (tmp_path / "ind.toy.test.index").write_text("602\n601\n")
    with pytest.raises(ValueError, match="do not fit together"):
        planetoid(tmp_path, "toy")
    (tmp_path / "ind.toy.test.index").write_text("602\nx\n")
    with pytest.raises(ValueError, match="no number"):
        planetoid(tmp_path, "toy")
