"""What the parts promise is checked over the shelf's examples."""

from __future__ import annotations

import json

import pytest
import torch

import weft.data as data
from weft._lazy import load
from weft.data import KIND, TABLE, examples
from weft.data.contracts import Codec, Source, Transform

CODECS = [name for name, kind in KIND.items() if kind == "codec"]
TRANSFORMS = [name for name, kind in KIND.items() if kind == "transform"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_is_rebuilt_from_json_and_encodes_the_same(name):
    """Contract: image_codec, table_codec, text_codec, token_codec survive the writing down of their spec."""
    codec, records = examples()[name]
    fitted = codec.fit(records)
    assert isinstance(fitted, Codec)
    spec = json.loads(json.dumps(fitted.spec()))
    assert spec["name"] == name
    again = load(TABLE[name])(**spec["args"])
    assert again == fitted
    usable = [r for r in records if r.get("text", True)] if name == "token_codec" else records
    assert all(same(fitted.encode(r), again.encode(r)) for r in usable)
    batch = fitted.collate([fitted.encode(r) for r in usable])
    assert {len(v) for v in batch.values()} == {len(usable)}
    assert batch["input"].dtype in (torch.float32, torch.int64)


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_names_the_keys_it_wants(name):
    codec, records = examples()[name]
    fitted = codec.fit(records)
    schema = fitted.schema()
    json.dumps(schema)
    assert set(schema["required"]) <= set(schema["properties"]) <= set(records[0])
    with pytest.raises(ValueError, match=schema["required"][0]):
        fitted.encode({"something": 1})


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_keeps_shapes_is_repeatable_and_accepts_an_empty_batch(name):
    """Contract: cut_mix, mix_up, noise, normalize, random_crop, random_erasing and random_flip."""
    transform, batch = examples()[name]
    assert isinstance(transform, Transform)
    index = torch.arange(len(batch["input"]))
    before = batch["input"].clone()
    once, twice = (transform(batch, data.Random(0, 0, index)) for _ in range(2))
    assert once["input"].shape == batch["input"].shape and len(once["target"]) == len(index)
    assert same(once, twice)
    assert torch.equal(batch["input"], before)
    nothing = transform({key: value[:0] for key, value in batch.items()}, data.Random(0, 0, index[:0]))
    assert len(nothing["input"]) == len(nothing["target"]) == 0


def test_every_source_of_the_examples_is_one():
    """Contract: arrays, concat, subset and windows can be counted, read from both ends and end in an IndexError."""
    sources = {name: made for name, made in examples().items() if KIND[name] == "source"}
    assert {"arrays", "concat", "subset", "windows"} <= sources.keys()
    for source in sources.values():
        assert isinstance(source, Source)
        assert len(list(source)) == len(source)
        assert source[-1].keys() == source[0].keys()
        with pytest.raises(IndexError):
            source[len(source)]


def test_a_list_of_records_is_a_source():
    assert isinstance([{"input": 1}], Source)
