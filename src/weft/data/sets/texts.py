"""Sets of running text and of translations."""

from __future__ import annotations

from weft.data.lines import Lines
from weft.data.sets.published import fetch
from weft.data.sets.stand_ins import pairs_of_sentences
from weft.data.text_file import read_text


def tiny_shakespeare(*, download: bool = False) -> Lines:
    """1.1 million characters of Shakespeare. Train on the first 90 % of ``.text``, validate on the rest.

    A. Karpathy's selection of public-domain text.

    >>> len(tiny_shakespeare().text)  # doctest: +SKIP
    1115394
    """
    return Lines(fetch("tinyshakespeare", download=download) / "input.txt")


def multi30k(part: str = "train", *, download: bool = False, stand_in: bool = False) -> list[dict[str, str]]:
    """German and English captions of photographs: ``{"de", "en"}``; ``part`` "train" (29,000), "val" (1,014) or "test" (1,000, Flickr 2016).

    ``stand_in`` gives a few made sentences in the same form, without a file.

    Elliott, Frank, Sima'an, Specia, 2016, arXiv:1605.00459; CC BY-NC-SA 4.0.

    >>> multi30k("val")[0]["en"]  # doctest: +SKIP
    'A group of men are loading cotton onto a truck'
    """
    stems = {"train": "train", "val": "val", "test": "test_2016_flickr"}
    if part not in stems:
        raise ValueError(f"part={part!r}; expected {', '.join(map(repr, stems))}")
    if stand_in:
        return pairs_of_sentences(part)
    folder = fetch("multi30k", download=download)
    sides = [[line.strip() for line in read_text(folder / f"{stems[part]}.{language}.gz").strip("\n").split("\n")] for language in ("de", "en")]
    return [{"de": de, "en": en} for de, en in zip(*sides, strict=True)]
