"""Hugging Face data sets as sources."""

from __future__ import annotations

import pytest
import torch

from weft.data import Loader, TextCodec
from weft.data.files.hugging_face import HuggingFace, hugging_face_flow

datasets = pytest.importorskip("datasets")


@pytest.fixture
def rows():
    features = datasets.Features({"sentence": datasets.Value("string"), "kind": datasets.ClassLabel(names=["bad", "good"]), "x": datasets.Sequence(datasets.Value("float32"), 2)})
    return datasets.Dataset.from_dict({"sentence": [f"text {i}" for i in range(20)], "kind": [i % 2 for i in range(19)] + [-1], "x": [[i, 2 * i] for i in range(20)]}, features=features)


def test_rows_are_those_of_the_library(rows):
    """Parity: HuggingFace and hugging_face_flow against indexing the data set; classes by name."""
    source = HuggingFace(rows)
    assert len(source) == 20 and source[3] == {"sentence": "text 3", "kind": "good", "x": [3.0, 6.0]} and source[-1]["kind"] is None
    assert list(hugging_face_flow(rows)) == list(hugging_face_flow(rows.to_iterable_dataset())) == list(source)
    batch = HuggingFace(rows, {"input": "sentence", "n": "kind"}).gather(torch.tensor([4, 1]))
    assert batch == {"input": ["text 4", "text 1"], "n": ["bad", "good"]}
    with pytest.raises(IndexError):
        source[20]


def test_it_feeds_a_codec_and_reads_from_disk(rows, tmp_path):
    rows = rows.select(range(19))
    rows.save_to_disk(str(tmp_path / "saved"))
    source = HuggingFace(tmp_path / "saved", {"text": "sentence", "label": "kind"})
    codec = TextCodec().fit(source)
    assert codec.classes == ("bad", "good")
    batches = list(Loader(source, codec, batch_size=8, workers=1))
    assert torch.cat([batch["target"] for batch in batches]).tolist() == [i % 2 for i in range(19)]


def test_a_flow_goes_on_where_it_was(rows):
    flow = hugging_face_flow(rows.to_iterable_dataset(), {"t": "sentence"})
    reading = iter(flow)
    first = [next(reading) for _ in range(7)]
    later = hugging_face_flow(rows.to_iterable_dataset(), {"t": "sentence"})
    later.load_state_dict(flow.state_dict())
    assert [r["t"] for r in first + list(later)] == [f"text {i}" for i in range(20)]


def test_errors_say_what_is_there(rows, tmp_path):
    with pytest.raises(ValueError, match=r"no column 'sentense'\. Did you mean 'sentence'"):
        HuggingFace(rows, {"text": "sentense"})
    with pytest.raises(ValueError, match=r"several splits: \['test', 'train'\]"):
        HuggingFace(datasets.DatasetDict({"train": rows, "test": rows}))
    with pytest.raises(ValueError, match="use hugging_face_flow"):
        HuggingFace(rows.to_iterable_dataset())
    with pytest.raises(FileNotFoundError, match=r"load_dataset"):
        HuggingFace("someone/some-data-set")
    with pytest.raises(ValueError, match="no folder that save_to_disk wrote"):
        HuggingFace(tmp_path)
    with pytest.raises(ValueError, match="expected one split"):
        hugging_face_flow(datasets.DatasetDict({"train": rows}))
