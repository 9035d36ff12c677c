"""Tar shards: what is written is read, in both ways; hostile members are refused."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from weft.data import FlowLoader, ImageCodec, Loader
from weft.data.files.shards import TarShards, TarWriter, split_name, tar_flow


def picture(i):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (20 * i, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def shards(tmp_path):
    with TarWriter(tmp_path, max_records=4) as writer:
        for i in range(10):
            writer.add(f"part/{i:03}", {"png": picture(i), "cls": i % 2, "json": {"i": i}, "npy": np.arange(i), "txt": f"text {i}", "raw": bytes([i])})
    assert [path.name for path in writer.written] == ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]
    return writer.written


def plain(record):
    return {key: value.tolist() if isinstance(value, torch.Tensor) else value for key, value in record.items()}


def test_at_random_equals_from_front_to_back(shards):
    """Parity: TarShards against tar_flow, and both against what went in."""
    source, flow = TarShards(shards), list(tar_flow(shards))
    assert len(source) == len(flow) == 10
    assert [plain(record) for record in source] == [plain(record) for record in flow]
    assert plain(source[7]) == {"png": picture(7), "cls": 1, "json": {"i": 7}, "npy": list(range(7)), "txt": "text 7", "raw": b"\7"}
    assert source.key(3) == "part/003" and source[-1]["cls"] == 1
    with pytest.raises(IndexError):
        source[10]
    assert len(pickle.dumps(source)) < 2000 and pickle.loads(pickle.dumps(source))[2]["txt"] == "text 2"


def test_webdataset_reads_what_was_written(shards):
    """Parity: the webdataset package, where it is installed, sees the same keys and bytes."""
    webdataset = pytest.importorskip("webdataset")
    found = list(webdataset.WebDataset([str(path) for path in shards], shardshuffle=False))
    assert [sample["__key__"] for sample in found] == [f"part/{i:03}" for i in range(10)] and found[3]["png"] == picture(3)


def test_names_choose_and_rename(shards):
    names = {"image": ["jpg", "png"], "label": "cls"}
    source = TarShards(shards, names)
    assert source[1].keys() == {"image", "label"}
    codec = ImageCodec(size=8).fit(source)
    batches = list(Loader(source, codec, batch_size=4))
    streamed = list(FlowLoader(tar_flow(shards, names), codec, batch_size=4))
    assert all(torch.equal(a["input"], b["input"]) and torch.equal(a["target"], b["target"]) for a, b in zip(batches, streamed, strict=True))
    with pytest.raises(ValueError, match=r"shard-000000\.tar.*'part/000' has no member jpg for 'image'"):
        TarShards(shards, {"image": "jpg"})[0]


def test_a_flow_goes_on_and_shuffles_shards(shards):
    flow = tar_flow(shards, shuffle=True, seed=1)
    whole = [record["json"]["i"] for record in tar_flow(shards, shuffle=True, seed=1)]
    reading = iter(flow)
    first = [next(reading)["json"]["i"] for _ in range(5)]
    later = tar_flow(shards, shuffle=True, seed=1)
    later.load_state_dict(flow.state_dict())
    assert first + [record["json"]["i"] for record in later] == whole and sorted(whole) == list(range(10))


def test_packed_shards_flow(shards, tmp_path):
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(gzip.compress(shards[0].read_bytes()))
    assert [plain(r) for r in tar_flow(packed)] == [plain(r) for r in tar_flow(shards[0])]
    with pytest.raises(ValueError, match="use tar_flow"):
        TarShards(packed)


def tar(path, *members):
    with tarfile.open(path, "w") as file:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(data), "/etc/passwd"
            file.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("a.txt", tarfile.SYMTYPE, "plain files only"),
        ("a.txt", tarfile.LNKTYPE, "plain files only"),
        ("a.txt", tarfile.CHRTYPE, "plain files only"),
        ("a.txt", tarfile.FIFOTYPE, "plain files only"),
        ("../a.txt", tarfile.REGTYPE, "leads out"),
        ("b/../../a.txt", tarfile.REGTYPE, "leads out"),
        ("/etc/a.txt", tarfile.REGTYPE, "leads out"),
        ("b\\..\\a.txt", tarfile.REGTYPE, "leads out"),
    ],
)
def test_hostile_members_are_refused(tmp_path, name, kind, words):
    """Hostile: links, devices and names that lead out, in both ways of reading."""
    path = tar(tmp_path / "bad.tar", ("ok.txt", tarfile.REGTYPE, b"fine"), (name, kind, b"" if kind != tarfile.REGTYPE else b"x"))
    with pytest.raises(ValueError, match=words):
        TarShards(path)
    with pytest.raises(ValueError, match=words):
        list(tar_flow(path))


def test_a_sparse_member_is_refused(tmp_path):
    """Hostile: a member that says it is a million bytes of which one is there."""
    with tarfile.open(tmp_path / "s.tar", "w", format=tarfile.PAX_FORMAT) as file:
        member = tarfile.TarInfo("a.txt")
        member.size, member.pax_headers = 1, {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1000000"}
        file.addfile(member, io.BytesIO(b"x"))
    for read in (lambda: TarShards(tmp_path / "s.tar"), lambda: list(tar_flow(tmp_path / "s.tar"))):
        with pytest.raises(ValueError, match="a sparse file"):
            read()


def test_large_twice_and_undecodable_members_are_named(tmp_path):
    path = tar(tmp_path / "a.tar", ("a.txt", tarfile.REGTYPE, b"x" * 100))
    for read in (lambda: TarShards(path, max_bytes=99), lambda: list(tar_flow(path, max_bytes=99))):
        with pytest.raises(ValueError, match=r"a\.tar.*'a\.txt' has 100 bytes; the limit is 99"):
            read()
    path = tar(tmp_path / "b.tar", ("a.txt", tarfile.REGTYPE, b"x"), ("a.txt", tarfile.REGTYPE, b"y"))
    with pytest.raises(ValueError, match="twice in a row"):
        TarShards(path)
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    for ending, data in (("json", b"{"), ("json", b"[" * 200_000), ("cls", b"one"), ("txt", b"\xff"), ("npy", pickled.getvalue()), ("npy", b"")):
        path = tar(tmp_path / "c.tar", ("a.txt", tarfile.REGTYPE, b"x"), (f"b.{ending}", tarfile.REGTYPE, data), ("c.txt", tarfile.REGTYPE, b"z"))
        for read in (lambda path=path: TarShards(path)[1], lambda path=path: list(tar_flow(path))):
            with pytest.raises(ValueError, match=rf"c\.tar.*'b'.*\.{ending} does not decode"):
                read()
        assert list(tar_flow(path, unreadable="skip")) == [{"txt": "x"}, {"txt": "z"}]


@pytest.mark.parametrize("cut", [100, 600, 1100])
def test_a_shard_cut_short_is_named(tmp_path, cut):
    path = tar(tmp_path / "a.tar", ("a.txt", tarfile.REGTYPE, b"x" * 600))
    path.write_bytes(path.read_bytes()[:cut])
    for read in (lambda: TarShards(path), lambda: list(tar_flow(path))):
        with pytest.raises(ValueError, match=r"a\.tar"):
            read()


def test_the_writer_leaves_nothing_half_written(tmp_path):
    def broken():
        with TarWriter(tmp_path) as writer:
            writer.add("a", {"txt": "x"})
            writer.add("b", {"txt": object()})

    with pytest.raises(ValueError, match=r"'b' has a object under \.txt"):
        broken()
    assert list(tmp_path.iterdir()) == []
    with TarWriter(tmp_path) as writer:
        writer.add("a", {"txt": "x"})
        for key, record, words in (("a", {"txt": "y"}, "there already"), ("b", {}, "empty"), ("b.c", {"txt": "y"}, "without a point"), ("../b", {"txt": "y"}, "relative"), ("b", {"T/": b""}, "small letters")):
            with pytest.raises(ValueError, match=words):
                writer.add(key, record)
    assert [plain(r) for r in tar_flow(writer.written)] == [{"txt": "x"}]


def test_equal_records_give_equal_bytes(tmp_path):
    for folder in ("one", "two"):
        with TarWriter(tmp_path / folder) as writer:
            writer.add("a", {"txt": "x", "npy": torch.arange(3)})
    assert (tmp_path / "one" / "shard-000000.tar").read_bytes() == (tmp_path / "two" / "shard-000000.tar").read_bytes()
    assert split_name("a.b/c.tar.gz") == ("a.b/c", "tar.gz")
