"""SentencePiece models read and cut as its library cuts."""

from __future__ import annotations

import pytest

from weft.data import TextEncoder, Unigram, read_sentencepiece

CORPUS = ["the cat sat on the mat", "the dogs and the cats sat on a log", "Grüße aus Köln, viele Grüße", "the quick brown fox jumps", "世界 你好 世界"] * 8
TEXTS = [*CORPUS[:5], "unseen xyz! 123", "  two  spaces ", "ﬁne ＡＢＣ", "", "the\tcat", "dogs 🙂🙂 cats", "Köln世界"]


def trained(tmp_path, **options):
    sentencepiece = pytest.importorskip("sentencepiece")
    settings = {"model_type": "unigram", "vocab_size": 90, "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "hard_vocab_limit": False, "minloglevel": 2} | options
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_prefix=str(tmp_path / "m"), **settings)
    return tmp_path / "m.model", sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "m.model"))


@pytest.mark.parametrize(
    "options",
    [{"normalization_rule_name": "nmt_nfkc"}, {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}, {"normalization_rule_name": "nmt_nfkc_cf"}, {"byte_fallback": True, "vocab_size": 350}],
    ids=["nfkc", "identity", "folded", "bytes"],
)
def test_a_model_cuts_as_its_library_does(tmp_path, options):
    """Parity: Unigram with the pieces and scores of a model gives the library's numbers, and its best five cuts."""
    file, model = trained(tmp_path, **options)
    ours = read_sentencepiece(file)
    assert isinstance(ours, Unigram) and ours.num_tokens == model.get_piece_size() and ours.specials == ("<pad>", "<unk>", "<s>", "</s>")
    for text in TEXTS:
        assert ours.encode(text) == model.encode(text), text
    scores = [score for _, score in ours.nbest("the cats", 5)]
    theirs = [sum(model.get_score(i) for i in ids) for ids in model.nbest_encode("the cats", nbest_size=5)]
    assert scores == pytest.approx(theirs, abs=1e-3)
    assert ours.decode(model.encode("the cat sat")) == "the cat sat"
    assert TextEncoder(ours, begin="<s>", end="</s>").encode("the cat")["input"].tolist() == model.encode("the cat", add_bos=True, add_eos=True)


def test_a_model_without_padding_pads_with_its_end(tmp_path):
    file, _ = trained(tmp_path, pad_id=-1, unk_id=0, bos_id=1, eos_id=2)
    assert read_sentencepiece(file).specials[:2] == ("</s>", "<unk>")


@pytest.mark.parametrize("options", [{"model_type": "bpe"}, {"add_dummy_prefix": False}, {"normalization_rule_name": "nfkc"}], ids=["bpe", "no prefix", "tabs kept"])
def test_a_model_that_cuts_otherwise_is_refused(tmp_path, options):
    """Regression: a model of another kind is an error, not a tokenizer that cuts wrongly."""
    file, _ = trained(tmp_path, **options)
    with pytest.raises(ValueError, match="does not cut texts as a unigram model"):
        read_sentencepiece(file)


def test_another_file_is_refused(tmp_path):
    pytest.importorskip("sentencepiece")
    (tmp_path / "no.model").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="no SentencePiece model"):
        read_sentencepiece(tmp_path / "no.model")
    with pytest.raises(FileNotFoundError, match=r"other\.model"):
        read_sentencepiece(tmp_path / "other.model")
