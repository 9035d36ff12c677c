"""Contract: a seed is a picture, and the same one every time."""

from __future__ import annotations

import base64
import io

import pytest
import torch
from PIL import Image
from torch import nn

from weft.catalogue.spec import build, own, own_name
from weft.serve import Bundle
from weft.serve.noise_codec import NoiseCodec


class Painter(nn.Module):
    """Noise to a picture in -1 to 1, brighter for higher labels."""

    def __init__(self, dim: int):
        super().__init__()
        self.layer = nn.Linear(dim, 12)

    def forward(self, noise, label=None):
        shift = 0 if label is None else label[:, None].float()
        return torch.tanh(self.layer(noise) + shift).view(-1, 3, 2, 2)


def test_noise_codec_is_a_seed_in_a_picture_out(tmp_path):
    """Contract: through a bundle with a codec for each verb; the pixels are the network's output on that seed's noise."""
    network, codec = own(Painter, {"dim": 4}), NoiseCodec(shape=[4], span=[-1, 1])
    path = Bundle.save(tmp_path / "m", {"generate": network, "predict": network}, codec={"generate": codec})
    bundle = Bundle.open(path, own={own_name(Painter): Painter})
    answers = bundle.generate([{"seed": 3}, {"seed": 4}, {"seed": 3}, {}])
    assert answers[0] == answers[2] != answers[1] and answers[3] not in answers[:3]
    picture = Image.open(io.BytesIO(base64.b64decode(answers[0]["image"])))
    wanted = network(codec.encode({"seed": 3})["input"][None])[0]
    shown = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(2, 2, 3).movedim(-1, 0) / 127.5 - 1
    assert torch.allclose(shown, wanted, atol=1 / 127)
    assert len(bundle.predict([{"input": [0.0] * 4}])[0]["output"]) == 3  # the other verb has plain numbers


def test_labels_and_what_is_out_of_range():
    codec = NoiseCodec(shape=[4], num_labels=3)
    bundle = Bundle({"generate": Painter(4).eval()}, codec)
    assert bundle.generate([{"seed": 1, "label": 2}]) != bundle.generate([{"seed": 1, "label": 0}])
    for record in ({"seed": 1}, {"seed": 1, "label": 3}, {"seed": 1, "label": -1}, {"seed": "x", "label": 1}, {"seed": 2**32, "label": 1}, {"seed": 1.5, "label": 1}):
        with pytest.raises(ValueError, match=r"Record 0: .*(label|seed)"):
            bundle.generate([record])
    for wrong in ({"shape": [0]}, {"shape": [1 << 30]}, {"shape": [2], "span": [1, 1]}):
        with pytest.raises(ValueError, match=r"shape=|span="):
            NoiseCodec(**wrong)
    assert build(codec.spec()) == codec
