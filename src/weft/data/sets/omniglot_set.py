"""Omniglot's two small background sets."""

from __future__ import annotations

import numpy as np

from weft.data.arrays import Arrays
from weft.data.files.zip_members import ZipMembers
from weft.data.image_file import read_image
from weft.data.sets.published import fetch


def omniglot(part: int = 1, *, download: bool = False) -> Arrays:
    """Handwritten characters of five alphabets, each by 20 people: ``image`` (N, 105, 105) uint8, black on white; ``part`` 1 or 2.

    ``label`` is the number of the character over all alphabets, ``alphabet`` that of the alphabet, ``drawer`` 1-20; names of the characters are in
    ``character``, such as "Balinese/character01".

    Lake, Salakhutdinov, Tenenbaum, 2015, doi:10.1126/science.aab3050; MIT.

    >>> omniglot().columns["label"].max()  # doctest: +SKIP
    tensor(135)
    """
    if part not in (1, 2):
        raise ValueError(f"part={part!r}; expected 1 or 2, the two small background sets")
    members = ZipMembers(fetch("omniglot", download=download) / f"images_background_small{part}.zip", max_bytes=100_000)
    names = [name for name in members.names if name.endswith(".png")]
    parts = [name.split("/")[-3:] for name in names]
    characters = sorted({f"{alphabet}/{character}" for alphabet, character, _ in parts})
    alphabets = sorted({alphabet for alphabet, _, _ in parts})
    return Arrays(
        {
            "image": np.stack([np.asarray(read_image(members.read(name), channels=1)) for name in names]),
            "label": np.array([characters.index(f"{alphabet}/{character}") for alphabet, character, _ in parts]),
            "alphabet": np.array([alphabets.index(alphabet) for alphabet, _, _ in parts]),
            "drawer": np.array([int(file.rpartition("_")[2].removesuffix(".png")) for _, _, file in parts]),
            "character": [f"{alphabet}/{character}" for alphabet, character, _ in parts],
        }
    )
