"""Pictures in an archive."""

from __future__ import annotations

import io
import zipfile

import pytest
import torch
from PIL import Image

from weft.data import ImageCodec, ImageFolder, Loader
from weft.data.files.zip_pictures import ZipPictures


@pytest.fixture
def photos(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for i in range(6):
            buffer = io.BytesIO()
            Image.new("RGB", (8, 8), (40 * i, 0, 0)).save(buffer, "PNG")
            archive.writestr(f"photos/{'cat' if i % 2 else 'dog'}/{i}.png", buffer.getvalue())
        archive.writestr("photos/notes.txt", "x")
        archive.writestr("__MACOSX/photos/cat/._1.png", "x")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        archive.extractall(tmp_path / "out")
    return tmp_path


def test_an_archive_is_the_folder_it_was_made_of(photos):
    """Parity: ZipPictures against ImageFolder over the unpacked archive, also in worker processes."""
    packed, loose = ZipPictures(photos / "photos.zip"), ImageFolder(photos / "out" / "photos")
    assert packed.classes == loose.classes and len(packed) == len(loose) == 6
    codec = ImageCodec(size=8).fit(loose)
    for i in range(6):
        one, two = codec.encode(packed[i]), codec.encode(loose[i])
        assert torch.equal(one["input"], two["input"]) and one["target"] == two["target"] and packed.key(i) == f"photos/{loose.key(i)}"
    alone, together = (torch.cat([b["input"] for b in Loader(packed, codec, 4, workers=workers)]) for workers in (0, 2))
    assert torch.equal(alone, together) and "label" not in ZipPictures(photos / "photos.zip", labels=False)[0]


def test_bad_pictures_and_archives(photos):
    with zipfile.ZipFile(photos / "photos.zip", "a") as archive:
        archive.writestr("photos/cat/broken.png", "no picture")
    source = ZipPictures(photos / "photos.zip", unreadable="skip")
    assert len(source) == 6 and len(source.skipped) == 1 and "broken.png" in source.skipped[0]
    for names, words in ((["a.txt"], "holds no pictures"), (["1.png", "a/2.png"], "lies in no folder"), (["a/1.png", "a/2.png"], "expected two or more")):
        with zipfile.ZipFile(photos / "b.zip", "w") as archive:
            for name in names:
                archive.writestr(name, "x")
        with pytest.raises(ValueError, match=words):
            ZipPictures(photos / "b.zip")
    with pytest.raises(ValueError, match="expected 'stop' or 'skip'"):
        ZipPictures(photos / "photos.zip", unreadable="no")
