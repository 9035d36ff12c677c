"""Readiness: a server says yes after one answer of every verb, whatever its records are."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from weft.data import AudioCodec, ImageCodec, TableCodec, TextCodec
from weft.serve import Bundle
from weft.serve.batching import Batcher
from weft.serve.limits import Refused
from weft.serve.readiness import Readiness, sample
from weft.serve.values import Values

ROWS = [{"age": 20 + i, "city": ("Rome", "Oslo")[i % 2], "buys": ("no", "yes")[i // 3]} for i in range(6)]


def ended(network, codec=None):
    """A readiness whose warming up has ended."""
    bundle = Bundle({"predict": network}, codec or Values())
    batchers = {"predict": Batcher(lambda items: bundle.answer("predict", items), 4, 0)}
    readiness = Readiness(bundle, batchers, {"predict": {"type": "object", "properties": {"input": {"type": "array"}}}})
    readiness.begin()
    for _ in range(1000):
        if readiness.state != "warming up":
            break
        time.sleep(0.01)
    batchers["predict"].close()
    return readiness


class Raising(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        raise self.error


def test_a_network_that_cannot_compute_is_never_ready(caplog):
    """Contract: its failure is in the log and behind the 503; a record that does not fit is no failure of the network."""
    readiness = ended(Raising(OSError("disk")))
    assert readiness.state == "failed" and "disk" in caplog.text
    with pytest.raises(Refused) as caught:
        readiness.said()
    assert caught.value.status == 503 and "first answer failed" in caught.value.message
    assert ended(Raising(ValueError("another size"))).said() == {"status": "ready"}
    assert ended(nn.Identity()).said() == {"status": "ready"}


def test_stopping_is_final():
    """Property: neither the end of warming up nor another beginning makes a stopped server ready."""
    readiness = ended(nn.Identity())
    readiness.stop()
    readiness.begin()
    with pytest.raises(Refused):
        readiness.said()
    assert readiness.state == "stopping"


@pytest.mark.parametrize(
    "codec",
    [
        ImageCodec(size=4, channels=1),
        AudioCodec(sample_rate=8000, num_features=20),
        TableCodec("buys").fit(ROWS),
        TextCodec().fit([{"text": "good film", "label": "yes"}, {"text": "bad film", "label": "no"}]),
    ],
    ids=lambda codec: type(codec).__name__,
)
def test_codecs_take_the_sample(codec):
    """Contract: every everyday codec encodes the record that is made from its schema."""
    assert isinstance(codec.encode(sample(codec.schema()))["input"], torch.Tensor)
