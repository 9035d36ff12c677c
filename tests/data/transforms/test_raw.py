"""Transforms of raw records."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from tests.data.transforms.peers import keyed, picture
from weft.data import BySize, ImageCodec, Loader, Random, RandomResizedCrop, RawResizedCrop, SampleClip, VideoCodec, read_image


def test_pictures_of_different_sizes_become_one_size():
    """Contract: RawResizedCrop in a loader gives one size for pictures of many, the same for any number of workers, anew in each epoch."""
    pictures = [{"image": np.random.default_rng(n).integers(0, 255, (20 + n, 45 - n, 3), dtype=np.uint8)} for n in range(8)]
    runs = [[list(Loader(pictures, ImageCodec(size=8), 4, transforms=[RawResizedCrop(8)], workers=w)) for _ in range(1)][0] for w in (0, 1)]
    assert all(torch.equal(a["input"], b["input"]) for a, b in zip(*runs, strict=True)) and runs[0][0]["input"].shape == (4, 3, 8, 8)
    one, other = (RawResizedCrop(8)(pictures[0], Random(0, epoch, torch.tensor([3])))["image"] for epoch in (0, 1))
    assert np.array(one).tobytes() != np.array(other).tobytes()


def test_the_raw_crop_is_the_batch_crop():
    """Parity: RawResizedCrop (Pillow) and RandomResizedCrop (tensors) cut the same rectangle for the same key, to a level or two of 255."""
    x = picture(1, 37, 50, dtype=torch.uint8)
    for seed in range(6):
        raw = RawResizedCrop((9, 12))({"image": Image.fromarray(x[0].movedim(0, -1).numpy())}, keyed(1, seed))["image"]
        batch = RandomResizedCrop((9, 12))({"input": x}, keyed(1, seed))["input"][0]
        assert (torch.from_numpy(np.array(raw)).movedim(-1, 0).int() - batch.int()).abs().max() <= 2


def test_the_shorter_side_decides():
    """Closed form: BySize takes the first rule that the shorter side does not reach, for arrays, tensors and Pillow images alike."""
    rule = BySize([(10, lambda r, _: r | {"kind": "small"}), (20, lambda r, _: r | {"kind": "middle"}), (None, lambda r, _: r | {"kind": "large"})])
    for (height, width), kind in (((9, 50), "small"), ((10, 50), "middle"), ((50, 19), "middle"), ((20, 20), "large")):
        for image in (np.zeros((height, width, 3), np.uint8), torch.zeros(3, height, width, dtype=torch.uint8), Image.new("RGB", (width, height))):
            assert rule({"image": image}, keyed(1))["kind"] == kind
    assert "kind" not in BySize([(10, lambda r, _: r | {"kind": "small"})])({"image": Image.new("RGB", (30, 30))}, keyed(1))
    with pytest.raises(ValueError, match="rising numbers, None only as the last"):
        BySize([(None, None), (10, None)])


def test_clips_are_drawn_at_many_places_and_speeds():
    """Property: SampleClip takes frames a drawn stride apart, forwards or backwards, from all over the video; lost frames repeat the one before."""
    drawn = [SampleClip(4, stride=(1, 3), reverse=0.5)({"frames": list(range(40))}, keyed(1, seed))["frames"] for seed in range(300)]
    steps = {tuple(b - a for a, b in itertools.pairwise(clip)) for clip in drawn}
    assert steps == {(s,) * 3 for s in (-3, -2, -1, 1, 2, 3)}
    assert min(min(clip) for clip in drawn) == 0 and max(max(clip) for clip in drawn) == 39
    lossy = [SampleClip(6, drop=0.5)({"frames": list(range(6))}, keyed(1, seed))["frames"] for seed in range(100)]
    assert all(clip[0] == 0 and all(b in (a, i) for i, (a, b) in enumerate(zip([0, *clip], clip, strict=False))) for clip in lossy) and len({tuple(c) for c in lossy}) > 15
    parts = SampleClip(4, sampling="segments")({"frames": torch.arange(40)[:, None, None, None].to(torch.uint8)}, keyed(1))["frames"]
    assert [int(frame.max()) // 10 for frame in parts] == [0, 1, 2, 3]


def test_clips_of_one_loader_have_one_length():
    videos = [{"frames": [np.full((4, 4, 3), i, np.uint8) for i in range(n)]} for n in (3, 9, 20)]
    (batch,) = list(Loader(videos, VideoCodec(frames=5, size=4), 3, transforms=[SampleClip(5, stride=2)]))
    assert batch["input"].shape == (3, 5, 3, 4, 4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RawResizedCrop(8, scale=(0.0, 1.0)), "the lower first"),
        (lambda: RawResizedCrop(8)({"image": Image.new("RGB", (9, 9)), "boxes": []}, keyed(1)), "use RandomResizedCrop on batches"),
        (lambda: SampleClip(0), "at least 1"),
        (lambda: SampleClip(2, stride=(3, 1)), "at least 1"),
        (lambda: SampleClip(2, reverse=2.0), "probabilities"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_small_and_cut_at_the_same_place(orientation, monkeypatch):
    """Closed form: of a picture whose brightness says the place, the part read at reduced size shows that of the part read whole."""
    levels = np.linspace(0, 255, 1600)[:, None].repeat(1200, 1) if orientation == 1 else np.linspace(255, 0, 1200)[None].repeat(1600, 0)[:, ::-1]
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(levels.astype(np.uint8)).save(buffer, "JPEG", quality=95, exif=exif)
    sizes = []
    load = JpegImageFile.load
    monkeypatch.setattr(JpegImageFile, "load", lambda self: (sizes.append(self.size), load(self))[1])
    crop = RawResizedCrop((20, 24), scale=(0.3, 1.0), channels=1)
    for seed in range(5):
        small = crop({"image": buffer.getvalue()}, keyed(1, seed))["image"].astype(int)
        whole = crop({"image": read_image(buffer.getvalue(), channels=1)}, keyed(1, seed))["image"].astype(int)
        assert small.shape == whole.shape == (20, 24, 1) and abs(small - whole).max() <= 4
    assert min(size[0] for size in sizes) < 1200 / 3
