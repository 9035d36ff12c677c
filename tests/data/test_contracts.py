"""What the parts promise is checked over the shelf's examples."""

from __future__ import annotations

import copy
import importlib
import json

import pytest
import torch

import weft.data as data
from tests.contracts.walk import entries, example
from weft._lazy import load
from weft.data.contracts import Codec, Source, Transform


def of_data(kind):
    """Parametrise a test over the shelves of ``weft.data``."""
    found = [entry for entry in entries(kind) if entry.shelf.startswith("weft.data")]
    return pytest.mark.parametrize("entry", found, ids=lambda entry: entry.name)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def plain(value):
    """A record as values that can be compared."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value.tobytes() if hasattr(value, "tobytes") else value


@of_data("codec")
def test_a_codec_is_rebuilt_from_json_and_encodes_the_same(entry):
    """Contract: image_codec, table_codec, text_codec, token_codec survive the writing down of their spec."""
    codec, records = example(entry)
    fitted = codec.fit(records)
    assert isinstance(fitted, Codec)
    spec = json.loads(json.dumps(fitted.spec()))
    assert spec["name"] == entry.name
    again = load(entry.path)(**spec["args"])
    assert again == fitted
    usable = [r for r in records if r.get("text", True)] if entry.name == "token_codec" else records
    assert all(same(fitted.encode(r), again.encode(r)) for r in usable)
    batch = fitted.collate([fitted.encode(r) for r in usable])
    assert {len(v) for v in batch.values()} == {len(usable)}
    assert batch["input"].dtype in (torch.float32, torch.int64)


@of_data("codec")
def test_a_codec_names_the_keys_it_wants(entry):
    codec, records = example(entry)
    fitted = codec.fit(records)
    schema = fitted.schema()
    json.dumps(schema)
    assert set(schema["required"]) <= set(schema["properties"]) <= set(records[0])
    with pytest.raises(ValueError, match=schema["required"][0]):
        fitted.encode({"something": 1})


@of_data("transform")
def test_a_transform_is_repeatable_and_accepts_an_empty_batch(entry):
    """Contract: cut_mix, mix_up, noise, normalize, random_crop, random_erasing and random_flip."""
    transform, batch = example(entry)
    assert isinstance(transform, Transform)
    if getattr(transform, "raw", False):  # batch is one raw record
        before = copy.deepcopy(batch)
        once, twice = (transform(batch, data.Random(0, 0, torch.arange(1))) for _ in range(2))
        assert plain(once) == plain(twice) and plain(batch) == plain(before)
        return
    index = torch.arange(len(batch["input"]))
    before = batch["input"].clone()
    once, twice = (transform(batch, data.Random(0, 0, index)) for _ in range(2))
    assert len(once["input"]) == len(index) and ("target" not in batch or len(once["target"]) == len(index))
    assert same(once, twice)
    assert torch.equal(batch["input"], before)
    nothing = transform({key: value[:0] for key, value in batch.items()}, data.Random(0, 0, index[:0]))
    assert {len(value) for value in nothing.values()} == {0}


def test_every_source_of_the_examples_is_one():
    """Contract: arrays, concat, subset and windows can be counted, read from both ends and end in an IndexError."""
    core = [entry for entry in entries("source") if entry.name in ("arrays", "concat", "subset", "windows")]
    assert len(core) == 4
    for source in map(example, core):
        assert isinstance(source, Source)
        assert len(list(source)) == len(source)
        assert source[-1].keys() == source[0].keys()
        with pytest.raises(IndexError):
            source[len(source)]


def test_a_list_of_records_is_a_source():
    assert isinstance([{"input": 1}], Source)


def test_no_name_stands_on_two_shelves_of_data():
    """What a shelf exports is exported from weft.data too, so a name must mean one thing."""
    seen: dict[str, str] = {}
    for shelf in ("", *data.SHELVES):
        module = importlib.import_module(f"weft.data.{shelf}".rstrip("."))
        own = {path.partition(":")[2]: path for path in module.TABLE.values()} | (module.EXTRA if shelf else {})
        for name, path in own.items():
            assert seen.setdefault(name, path) == path, f"{name} is {seen[name]} and {path}"
            assert data.__dict__["__exports__"][name] == path
