"""Videos as tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from weft.data import ImageCodec, VideoCodec


def frames(count=12):
    return [np.full((6, 8, 3), 20 * i, np.uint8) for i in range(count)]


def test_frames_are_those_of_the_image_codec():
    """Contract: video_codec encodes each frame that its formula names as image_codec encodes that picture; folders, lists and tensors alike."""
    codec = VideoCodec(frames=4, size=(4, 5), mean=(0.1, 0.2, 0.3), std=(0.5, 0.5, 0.5))
    alone = ImageCodec(size=(4, 5), mean=(0.1, 0.2, 0.3), std=(0.5, 0.5, 0.5))
    clip = codec.encode({"frames": frames()})["input"]
    assert clip.shape == (4, 3, 4, 5)
    for place, number in enumerate((1, 4, 7, 10)):
        assert torch.equal(clip[place], alone.encode({"image": frames()[number]})["input"])
    tensor = torch.from_numpy(np.stack(frames())).movedim(-1, 1)
    assert torch.equal(codec.encode({"frames": tensor})["input"], clip)
    dense = VideoCodec(frames=3, size=4, channels=1, sampling="dense", stride=2).encode({"frames": frames()})["input"]
    assert (dense[:, 0, 0, 0] * 255 / 20).round().tolist() == [4, 6, 8]


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    """Property: frame_10 comes after frame_9, although its name sorts before."""
    for i, frame in enumerate(frames()):
        Image.fromarray(frame).save(tmp_path / f"frame_{i}.png")
    codec = VideoCodec(frames=12, size=4, channels=1)
    read = (codec.encode({"frames": tmp_path})["input"][:, 0, 0, 0] * 255 / 20).round().tolist()
    assert read == list(range(12))


def test_only_the_frames_taken_are_decoded():
    broken = frames()
    broken[0] = b"not a picture"
    assert VideoCodec(frames=2, size=4).encode({"frames": broken})["input"].shape[0] == 2
    with pytest.raises(ValueError, match="not a readable picture"):
        VideoCodec(frames=12, size=4).encode({"frames": broken})


def test_classes_statistics_and_answers():
    """Contract: video_codec learns classes and the mean of middle frames, and decodes logits into names."""
    source = [{"frames": frames(), "label": "up"}, {"frames": frames()[::-1], "label": "down"}]
    codec = VideoCodec(frames=3, size=4).fit(source)
    assert codec.classes == ("down", "up") and codec.num_classes == 2 and codec.encode(source[0])["target"].item() == 1
    assert codec.mean == pytest.approx((110 / 255,) * 3, abs=1e-3)
    assert codec.decode({"output": torch.tensor([[0.0, 9.0]])})[0]["label"] == "up"
    assert codec.collate([codec.encode(record) for record in source])["input"].shape == (2, 3, 3, 4, 4)


def test_bad_videos_are_named(tmp_path):
    for wrong, words in (({"frames": []}, "has no frames"), ({"frames": tmp_path / "nowhere"}, "not a folder of frames"), ({"image": 1}, "needs the key 'frames'")):
        with pytest.raises(ValueError, match=words):
            VideoCodec(frames=2, size=4).encode(wrong)
    with pytest.raises(ValueError, match="'uniform' or 'dense'"):
        VideoCodec(frames=2, size=4, sampling="random")
    with pytest.raises(ValueError, match="knows no classes"):
        VideoCodec(frames=2, size=4).decode({"output": torch.zeros(1, 2)})
