"""WordPiece against BERT's own rules in tokenizers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data import WordPiece
from weft.data.text.wordpiece import BERT, glued, normal

CORPUS = ["the cat sat on the mat", "unaffable, unwanted running runner!", "Grüße 世界 naïve café", "the running cats' mats"]
FITTED = WordPiece(size=140, min_count=1).fit(CORPUS)
TEXTS = [*CORPUS, "UNRUNNABLE  cats?!", "\tcontrol\x00\x07 chars\u200b\ufffd here\n", "ÀÉÎ \u0130stanbul ΟΔΟΣ", "x" * 101, "世界cat你", "", "a-b_c $5", "e\u0301te\u0301", "각 í"]


def peer(fitted, lower=True):
    tokenizers = pytest.importorskip("tokenizers")
    numbers = {token: number for number, token in enumerate(fitted.vocabulary)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return made


@pytest.mark.parametrize("lower", [True, False])
def test_encodings_equal_those_of_bert_in_tokenizers(lower):
    """Parity: WordPiece with BERT's normaliser, the same vocabulary, the same numbers; spans too where no accent was taken off."""
    fitted = WordPiece(size=140, min_count=1, lower=lower).fit(CORPUS)
    made = peer(fitted, lower)
    for text in TEXTS:
        assert fitted.encode(text) == made.encode(text).ids, text
        if text.isascii():
            assert fitted.offsets(text) == made.encode(text).offsets


@given(st.text("abcdehinrstu ,!éÜ", max_size=40))
def test_any_text_is_cut_as_tokenizers_does(text):
    """Parity, on any text of a small alphabet."""
    assert FITTED.encode(text) == peer(FITTED).encode(text).ids


def test_the_longest_piece_wins():
    """Closed form: greedy, longest first, the whole word unknown when a rest fits nowhere."""
    tokenizer = WordPiece(vocabulary=(*BERT, "a", "ab", "abc", "##d", "##de", "##cd"))
    assert tokenizer.encode("abcd") == [7, 8] and tokenizer.encode("abcde") == [7, 9] and tokenizer.encode("abd ax") == [6, 8, 1]


def test_training_takes_the_likeliest_pair_or_the_most_frequent():
    """Closed form: "xy" always stand together, "ab" are the more frequent pair."""
    corpus = ["ab " * 6 + "ac " * 6 + "db " * 6 + "xy " * 3]
    first = {score: WordPiece(size=12, score=score).fit(corpus).vocabulary[-1] for score in ("likelihood", "count")}
    assert first["likelihood"] == "xy" and first["count"] in ("ab", "ac", "db")


def test_counting_equals_training_of_tokenizers():
    """Parity: with score="count" the pieces are those that tokenizers learns."""
    tokenizers = pytest.importorskip("tokenizers")
    made = peer(FITTED)
    corpus = ["the cat sat on the mat", "the cats sat"] * 3
    made.train_from_iterator(corpus, tokenizers.trainers.WordPieceTrainer(vocab_size=30, min_frequency=2, show_progress=False, special_tokens=list(BERT)))
    ours = WordPiece(size=30, score="count").fit(corpus)
    whole = {token for token in ours.vocabulary if len(token.removeprefix("##")) > 2}
    assert whole & set(made.get_vocab()) and {"the", "cat"} <= whole


def test_bytes_spell_what_cannot_be_cut():
    """Regression: with fallback nothing is lost silently; without it the word is marked."""
    with_bytes = WordPiece(size=700, min_count=1, fallback=True).fit(CORPUS)
    text = "zebra 🙂 the"
    assert with_bytes.decode(with_bytes.encode(text)) == text and "\ufffd" in FITTED.decode(FITTED.encode(text))
    spans = with_bytes.offsets("a🙂 the")
    assert spans[-1] == (3, 6) and spans[1:5] == [(1, 2)] * 4


def test_places_survive_normalisation():
    """Property: each span of a cut word holds the letters that its piece was made of."""
    text = "Éte\u0301 \x07Running"
    pairs = [(FITTED.vocabulary[n], text[a:b]) for n, (a, b) in zip(FITTED.encode("\u00c9t \x07Running"), FITTED.offsets("Ét \x07Running"))]
    assert pairs and normal("e\u0301\x07X", lower=True) == [("e", 0), ("x", 3)] and glued("##a", "##b") == "##ab"
    tokens = WordPiece(vocabulary=(*BERT, "e", "##t", "##e", "run", "##ning"))
    assert [text[a:b] for a, b in tokens.offsets(text)] == ["É", "t", "e", "Run", "ning"]


def test_a_vocabulary_file_is_read(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(FITTED.vocabulary) + "\n", encoding="utf-8")
    read = WordPiece().read_vocabulary(tmp_path / "vocab.txt")
    assert read.vocabulary == FITTED.vocabulary and read.encode(CORPUS[0]) == FITTED.encode(CORPUS[0])
    (tmp_path / "bad.txt").write_text("a\nb\n")
    with pytest.raises(ValueError, match=r"lacks the special tokens \[PAD\]"):
        WordPiece().read_vocabulary(tmp_path / "bad.txt")


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="'likelihood' or 'count'"):
        WordPiece(score="best")
    with pytest.raises(ValueError, match="at least 1"):
        WordPiece(size=0)
    with pytest.raises(ValueError, match="less than the"):
        WordPiece(size=6).fit(["abc"])


PIECES = (*BERT, "un", "##aff", "##able", "run", "##ning", "cat", "##s", "the", "世", "界", "!", ",", "e", "##t", "##e", "a", "-", "mat")
CASED = (*BERT, "Un", "##aff", "cat", "É", "##t", "the", "The")


@pytest.mark.parametrize(("text", "numbers"), [
    ("Unaffable running!", [5, 6, 7, 8, 9, 15]), ("The cats, unrunning", [12, 10, 11, 16, 1]), ("世界cat", [13, 14, 10]), ("dog a", [1, 20]),
    ("É\u0301te\u0301 \x07Running", [17, 18, 19, 8, 9]), ("the-cats  \t mat", [12, 21, 10, 11, 22]), ("a" * 101 + " the", [1, 12]), ("", []),
])  # fmt: skip
def test_numbers_are_those_of_transformers_berttokenizer(text, numbers):
    """Parity: WordPiece against the numbers that BertTokenizer of transformers 5.23.0 gave for this vocabulary, its [CLS] and [SEP] taken off.

    Difference on purpose: names of special tokens within a text are text to weft, so a visitor's "[SEP]" ends no sentence.
    """
    assert WordPiece(vocabulary=PIECES).encode(text) == numbers


def test_numbers_with_capitals_are_those_of_transformers_berttokenizer():
    """Parity: WordPiece(lower=False) against BertTokenizer(do_lower_case=False) of transformers 5.23.0."""
    tokenizer = WordPiece(lower=False, vocabulary=CASED)
    assert [tokenizer.encode(text) for text in ("Unaff The cat", "Ét the", "cats CAT")] == [[5, 6, 11, 7], [8, 9, 10], [1, 1]]
    assert 3 not in WordPiece(vocabulary=PIECES).encode("the [SEP] cat")
