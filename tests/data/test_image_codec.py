"""The image codec: the same tensors in training, predicting and serving."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from weft.data import Arrays, ImageCodec, ImageFolder, Loader
from weft.data.image_codec import resized


def test_file_bytes_text_and_array_encode_to_the_same_tensor(tmp_path):
    """Contract: image_codec gives one tensor for a picture, however it arrives."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(buffer.getvalue())
    source = ImageFolder(tmp_path)
    codec = ImageCodec(size=(8, 12)).fit(source)
    trained = codec.encode(source[0])["input"]
    for form in (buffer.getvalue(), base64.b64encode(buffer.getvalue()).decode(), pixels):
        assert torch.equal(codec.encode({"image": form})["input"], trained)
    assert trained.shape == (3, 8, 12) and trained.dtype == torch.float32


def test_statistics_are_over_all_pixels():
    """Closed form: half black and half white pictures have deviation 0.5; the mean of their own deviations would be 0."""
    pictures = Arrays({"image": torch.tensor([0, 255]).to(torch.uint8)[:, None, None].expand(2, 4, 4).clone(), "label": [0, 1]})
    codec = ImageCodec(size=4, channels=1).fit(pictures)
    assert codec.mean == (0.5,) and codec.std == (0.5,)
    assert codec.encode(pictures[1])["input"].unique().tolist() == [1.0]


def test_statistics_are_per_channel_and_a_flat_channel_is_left_alone():
    image = np.zeros((2, 2, 3), np.uint8)
    image[..., 1] = [[0, 255], [255, 0]]
    codec = ImageCodec(size=2).fit([{"image": image}])
    assert codec.mean == (0.0, 0.5, 0.0) and codec.std == (1.0, 0.5, 1.0)
    assert codec.classes is None


def test_what_is_given_is_not_learned():
    pictures = [{"image": np.full((2, 2), 9, np.uint8), "label": name} for name in "ab"]
    codec = ImageCodec(size=2, channels=1, mean=(0.1,), std=(0.2,), classes=("b", "a", "c")).fit(pictures)
    assert codec.mean == (0.1,) and codec.std == (0.2,) and codec.classes == ("b", "a", "c")
    assert codec.encode(pictures[0])["target"].item() == 1


def test_target_only_with_a_label_and_only_a_known_one():
    codec = ImageCodec(size=2, channels=1, classes=("cat", "dog"))
    picture = {"image": np.zeros((2, 2), np.uint8)}
    assert "target" not in codec.encode(picture)
    target = codec.encode(picture | {"label": "dog"})["target"]
    assert target.shape == () and target.dtype == torch.int64 and target.item() == 1
    with pytest.raises(ValueError, match="'cow' was not among the training classes"):
        codec.encode(picture | {"label": "cow"})


def test_crop_keeps_the_middle_pad_keeps_all_stretch_fills():
    wide = Image.fromarray(np.repeat(np.array([[10] * 4 + [100] * 4 + [200] * 4], np.uint8), 4, 0))  # 4 x 12
    assert np.unique(np.asarray(resized(wide, 4, 4, "crop"))).tolist() == [100]
    padded = np.asarray(resized(wide, 12, 12, "pad"))
    assert (padded[:4] == 0).all() and (padded[8:] == 0).all() and np.array_equal(padded[4:8], np.asarray(wide))
    assert np.asarray(resized(wide, 4, 12, "stretch")).tolist() == np.asarray(wide).tolist()
    for how in ("crop", "pad", "stretch"):
        for shape in ((1, 1000), (1000, 1), (3, 3)):
            assert resized(Image.fromarray(np.zeros(shape, np.uint8)), 5, 7, how).size == (7, 5)


def test_a_large_jpeg_read_small_is_nearly_the_same_as_read_whole():
    gradient = np.linspace(0, 255, 640)[None, :].repeat(480, 0).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(gradient).save(buffer, "JPEG", quality=95)
    small = ImageCodec(size=16, channels=1).encode({"image": buffer.getvalue()})["input"]
    whole = ImageCodec(size=16, channels=1).encode({"image": gradient})["input"]
    assert (small - whole).abs().max() < 0.02


def test_picture_undoes_the_normalisation():
    image = np.random.default_rng(1).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    codec = ImageCodec(size=6, mean=(0.2, 0.4, 0.6), std=(0.1, 0.2, 0.3))
    assert np.array_equal(np.asarray(codec.picture(codec.encode({"image": image})["input"])), image)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 0}, "positive"),
        ({"size": (1, 2, 3)}, "height, width"),
        ({"size": 4, "channels": 2}, r"1 \(grey\) or 3"),
        ({"size": 4, "mean": (0.5,)}, "expected 3"),
        ({"size": 4, "channels": 1, "std": (0.0,)}, "positive deviation"),
        ({"size": 4, "resize": "squash"}, "'crop', 'pad' or 'stretch'"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        ImageCodec(**arguments)


def test_decoding_needs_classes_and_limits_hold():
    with pytest.raises(ValueError, match="knows no classes"):
        ImageCodec(size=4).decode({"output": torch.zeros(1, 2)})
    with pytest.raises(ValueError, match="the limit is 15"):
        ImageCodec(size=4, max_pixels=15).encode({"image": Image.new("L", (4, 4))})


def test_packing_and_unpacking_is_encoding():
    """Contract: ImageCodec, what a batch of packed records becomes is what encoding makes of each, for pictures of every kind and size."""
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        codec = ImageCodec(size=(40, 60), channels=channels, mean=(0.3,) * channels, std=(0.2,) * channels, classes=("a", "b"))
        shapes = [(40, 60, 3), (50, 70, 3), (40, 60), (40, 60, channels), (80, 30, 3)]
        records = [{"image": rng.integers(0, 256, shape, dtype=np.uint8), "label": "ab"[i % 2]} for i, shape in enumerate(shapes)]
        batch = codec.unpack(codec.collate([codec.pack(record) for record in records]))
        expected = codec.collate([codec.encode(record) for record in records])
        assert batch.keys() == expected.keys() and all(torch.equal(batch[key], expected[key]) for key in expected)
        assert batch["input"].is_contiguous() and batch["input"].dtype == torch.float32
        levels = np.asarray(Image.fromarray(records[1]["image"]).convert("RGB" if channels == 3 else "L"))
        same = codec.encode({"image": np.ascontiguousarray(levels[5:45, 5:65])})["input"]
        assert torch.allclose(same, (torch.from_numpy(levels[5:45, 5:65].reshape(40, 60, channels).copy()).movedim(-1, 0) / 255 - 0.3) / 0.2, atol=1e-6)


def test_a_codec_with_an_encode_of_its_own_is_not_packed():
    class Inverted(ImageCodec):
        def encode(self, record):
            encoded = super().encode(record)
            return encoded | {"input": -encoded["input"]}

    pictures = [{"image": np.full((4, 4, 3), n, np.uint8)} for n in (10, 200)]
    plain, inverted = (next(iter(Loader(pictures, kind(4), 2)))["input"] for kind in (ImageCodec, Inverted))
    assert torch.equal(plain, -inverted)
