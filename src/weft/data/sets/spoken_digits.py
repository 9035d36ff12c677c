"""The Free Spoken Digit Dataset."""

from __future__ import annotations

from typing import Any

from weft.data.files.zip_members import ZipMembers
from weft.data.sets.published import fetch
from weft.data.sets.stand_ins import spoken


def fsdd(part: str = "train", *, download: bool = False, stand_in: bool = False) -> list[dict[str, Any]]:
    """3,000 spoken digits of six speakers, 8 kHz mono: ``audio`` (the bytes of a WAV file), ``label`` "0"-"9", ``speaker``, ``index``, ``path``.

    ``part`` "test" is takes 0-4 of each digit and speaker (300), "train" the rest (2,700).

    ``stand_in`` gives a few made tones in the same form, without a file.

    Jackson et al., 2018, doi:10.5281/zenodo.1342401; CC BY-SA 4.0.

    >>> fsdd("test")[0]["path"]  # doctest: +SKIP
    '0_george_0.wav'
    """
    if part not in ("train", "test"):
        raise ValueError(f"part={part!r}; expected 'train' or 'test'")
    if stand_in:
        return spoken(part)
    members = ZipMembers(fetch("fsdd", download=download) / "recordings.zip", max_bytes=1_000_000)
    records = []
    for name in members.names:
        file = name.rpartition("/")[2]
        if file.endswith(".wav"):
            label, speaker, index = file.removesuffix(".wav").split("_")
            if (int(index) < 5) == (part == "test"):
                records.append({"audio": members.read(name), "label": label, "speaker": speaker, "index": int(index), "path": file})
    return records
