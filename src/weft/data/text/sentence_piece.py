"""SentencePiece's .model files as unigram tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.data.text.tokenizer import BYTES
from weft.data.text.unigram import NORMAL, SPACE, Unigram
from weft.data.text_file import existing

PROBED = 300  # pieces whose text is encoded by both, to see whether they agree


def read_sentencepiece(path: str | Path) -> Unigram:
    """The ``Unigram`` tokenizer with the pieces, scores and numbers of a SentencePiece ``.model`` file, which its library reads.

    Before it is returned, both cut the same texts and must agree: a model of another kind (BPE), with a normalisation that ``Unigram`` lacks, or
    without the space before the text is refused. Padding is the model's own, else its end or begin token.
    Raises FileNotFoundError, ImportError without the library, ValueError for another file or model.

    Use when a pre-trained model comes with a ``.model``; instead of it, ``read_tokenizer_json`` where there is one. Cost: reading the file.
    """
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise ImportError("Reading a SentencePiece model needs sentencepiece: pip install 'weft[text]'") from error
    file = existing(path)
    try:
        model = SentencePieceProcessor(model_file=str(file))
    except (RuntimeError, OSError, ValueError) as error:
        raise ValueError(f"{str(path)!r} is no SentencePiece model: {error}") from None
    size = model.get_piece_size()
    pieces = [model.id_to_piece(i) for i in range(size)]
    # a control token may have any score; it is never cut from a text
    scores = [0.0 if model.is_control(i) or model.is_unknown(i) or model.is_byte(i) else model.get_score(i) for i in range(size)]
    control = [pieces[i] for i in range(size) if model.is_control(i)]
    padding = pieces[model.pad_id()] if model.pad_id() >= 0 else next((name for name in ("</s>", "<s>", *control) if name in control), None)
    if padding is None:
        raise ValueError(f"{str(path)!r} has no special token that could serve as padding; train it with pad_id=0")
    specials = tuple(dict.fromkeys([padding, pieces[model.unk_id()], *control]))
    bytes_ = {pieces[i] for i in range(size) if model.is_byte(i)}
    if bytes_ and bytes_ != set(BYTES):
        raise ValueError(f"{str(path)!r} has {len(bytes_)} byte pieces; expected none or 256")
    for normal in NORMAL:
        tokenizer = Unigram(size=size, fallback=bool(bytes_), normal=normal, specials=specials, vocabulary=pieces, scores=scores)
        if agree(tokenizer, model, pieces):
            return tokenizer
    raise ValueError(
        f"{str(path)!r} does not cut texts as a unigram model with one of the normal forms {', '.join(NORMAL)} does: it is of another type or has"
        " rules of its own. Convert it to a tokenizer.json and use read_tokenizer_json"
    )


def agree(tokenizer: Unigram, model: Any, pieces: list[str]) -> bool:
    """Whether both cut the same texts alike: the pieces themselves, several together, and what normal forms change."""
    plain = [piece.replace(SPACE, " ") for piece in pieces if piece not in tokenizer.specials and piece not in BYTES]
    sample = plain[:: max(1, len(plain) // PROBED)]
    together = ["".join(sample[i : i + 7]) for i in range(0, len(sample), 7)]
    return all(model.encode(text) == tokenizer.encode(text) for text in [*sample, *together, "A  b ", "a\tb", " \ufb01 \uff21", "ÀB c"])
