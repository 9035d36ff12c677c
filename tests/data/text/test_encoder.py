"""Encoding with begin, end, truncation, padding and pairs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import BPE, CharacterTokenizer, TextEncoder, WordPiece, WordTokenizer

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
LETTERS = CharacterTokenizer(specials=SPECIALS, fallback=False).fit(["abcdefgh"])


def encoder(**options):
    return TextEncoder(LETTERS, begin="<bos>", end="<eos>", **options)


def test_begin_and_end_are_really_there():
    """Regression: <bos> and <eos> stand in the numbers when asked for, and only then."""
    assert encoder().encode("ab")["input"].tolist() == [2, 4, 5, 3] and TextEncoder(LETTERS).encode("ab")["input"].tolist() == [4, 5]
    assert encoder().encode("")["input"].tolist() == [2, 3]


@settings(deadline=None)
@given(st.text("abcdefgh", max_size=12), st.one_of(st.none(), st.text("abcdefgh", max_size=12)), st.integers(3, 14), st.sampled_from(["left", "right"]))
def test_lengths_segments_and_places_agree(text, pair, limit, side):
    """Property: never beyond max_length, cut on the asked side, each place holds its token's text."""
    whole, cut = encoder().encode(text, pair), encoder(max_length=limit, truncate=side).encode(text, pair)
    assert len(cut["input"]) == min(limit, len(whole["input"])) and cut["attend"].all() and cut["input"].dtype == torch.int64
    for segment, source in enumerate([text] if pair is None else [text, pair]):
        rows = (cut["segments"] == segment) & (cut["input"] > 3)
        kept = "".join(source[a:b] for a, b in cut["offsets"][rows].tolist())
        assert LETTERS.decode(cut["input"][rows].tolist()) == kept
        assert source.startswith(kept) if side == "right" else source.endswith(kept)
    if pair is not None and len(cut["input"]) < len(whole["input"]):
        sizes = [int(((cut["segments"] == s) & (cut["input"] > 3)).sum()) for s in (0, 1)]
        assert abs(sizes[0] - sizes[1]) <= 1 or min(sizes) == min(len(text), len(pair)), "the longer text gives up tokens first"


def test_length_zero_is_a_length():
    """Regression: max_length=0 gives no tokens, it does not mean no limit."""
    empty = encoder(max_length=0).encode("abc", "d")
    assert all(len(value) == 0 for value in empty.values()) and empty["offsets"].shape == (0, 2)
    assert encoder(max_length=0).batch(["abc", ""])["input"].shape == (2, 0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_is_padded_on_its_side(side):
    batch = encoder(side=side, multiple_of=4).batch(["abcd", "a"], ["b", "c"])
    assert batch["input"].shape == batch["segments"].shape == (2, 8) and batch["offsets"].shape == (2, 8, 2)
    assert batch["attend"].sum(1).tolist() == [8, 5] and batch["attend"][1, 0].item() == (side == "right")
    assert torch.equal(batch["attend"], batch["input"] != 0) and encoder().decode(batch["input"][1]) == "ac"
    fixed = encoder(side=side, fixed=True, max_length=6).batch(["a", "abcdefgh"])
    assert fixed["input"].shape == (2, 6) and fixed["attend"].sum(1).tolist() == [3, 6]


def test_padding_has_the_tokenizers_own_number():
    """Regression: the number of padding is not taken to be 0."""
    other = WordTokenizer("whitespace", specials=("<pad>", "<unk>"), vocabulary=("a", "<pad>", "<unk>"))
    assert TextEncoder(other).batch(["a", "a a"])["input"].tolist() == [[0, 1], [0, 0]]


def test_decoding_gives_the_normalised_text_back():
    """Property: decode(encode(x)) is x, or x as the tokenizer normalises; special tokens on demand."""
    bpe = BPE(size=300, specials=SPECIALS).fit(["hello world"])
    assert TextEncoder(bpe, begin="<bos>").decode(TextEncoder(bpe, begin="<bos>").encode("Hello, wörld! ")["input"]) == "Hello, wörld! "
    bert = WordPiece(size=60, min_count=1).fit(["hello world !"])
    pair = TextEncoder(bert, begin="[CLS]", end="[SEP]").encode("Hello", "World!")
    assert TextEncoder(bert).decode(pair["input"]) == "hello world !"
    assert TextEncoder(bert).decode(pair["input"], skip_special=False) == "[CLS] hello [SEP] world ! [SEP]"
    assert encoder().lengths(["", "ab"]) == [2, 4]


def test_pairs_equal_those_of_tokenizers():
    """Parity with the template, truncation and padding of tokenizers."""
    tokenizers = pytest.importorskip("tokenizers")
    bert = WordPiece(size=80, min_count=1).fit(["hello there big world !", "how are you"])
    numbers = {token: number for number, token in enumerate(bert.vocabulary)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(numbers, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = tokenizers.normalizers.BertNormalizer(), tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"]))
    made.enable_truncation(9)
    made.enable_padding(pad_token="[PAD]")
    texts, pairs = ["hello there", "how are you hello there big world !"], ["world", "hello you there"]
    expected = made.encode_batch(list(zip(texts, pairs, strict=True)))
    batch = TextEncoder(bert, max_length=9, begin="[CLS]", end="[SEP]").batch(texts, pairs)
    assert batch["input"].tolist() == [one.ids for one in expected] and batch["attend"].int().tolist() == [one.attention_mask for one in expected]
    assert (batch["segments"] * batch["attend"]).tolist() == [one.type_ids for one in expected]
    assert batch["offsets"].tolist() == [[list(place) for place in one.offsets] for one in expected]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"truncate": "middle"}, "'left' or 'right'"), ({"max_length": -1}, "0 or more"), ({"fixed": True}, "give one"), ({"begin": "<s>"}, "no special token '<s>'")],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(LETTERS, **wrong)
    with pytest.raises(ValueError, match="no room for 2"):
        encoder(max_length=1).encode("a")
    with pytest.raises(ValueError, match="2 texts and 1 second"):
        encoder().batch(["a", "b"], ["c"])


@pytest.mark.parametrize(("length", "numbers", "first"), [
    (None, [2, 5, 6, 7, 10, 11, 16, 12, 10, 11, 15, 3, 12, 22, 3], 12), (9, [2, 5, 6, 7, 10, 3, 12, 22, 3], 6), (8, [2, 5, 6, 7, 3, 12, 22, 3], 5),
    (7, [2, 5, 6, 3, 12, 22, 3], 4),
])  # fmt: skip
def test_pairs_are_those_of_transformers_berttokenizer(length, numbers, first):
    """Parity: TextEncoder's pair with [CLS] and [SEP], segments and truncation against BertTokenizer of transformers 5.23.0 for this vocabulary."""
    pieces = ["un", "##aff", "##able", "run", "##ning", "cat", "##s", "the", "世", "界", "!", ",", "e", "##t", "##e", "a", "-", "mat"]
    bert = WordPiece(vocabulary=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces))
    made = TextEncoder(bert, max_length=length, begin="[CLS]", end="[SEP]").encode("unaffable cats, the cats!", "the mat")
    assert made["input"].tolist() == numbers and made["attend"].all()
    assert made["segments"].tolist() == [0] * first + [1] * (len(numbers) - first)
