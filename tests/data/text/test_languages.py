"""Languages: scripts, segmentation with and without libraries, profiles."""

from __future__ import annotations

import importlib.util
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.data import Language, LanguageWords, clean_for, script_of, scripts_of
from weft.data.text.languages import LANGUAGES, max_match, script_of_character

SAMPLES = {
    "latin": "Grüße aus Köln", "cyrillic": "Привет мир", "han": "你好，世界", "hiragana": "日本語を話します", "katakana": "コンピュータ", "hangul": "안녕하세요",
    "arabic": "مرحبا بالعالم", "hebrew": "שלום", "devanagari": "नमस्ते दुनिया", "thai": "สวัสดีชาวโลก", "greek": "Καλημέρα", "georgian": "გამარჯობა", "": "123 !? 🙂",
}  # fmt: skip


@pytest.mark.parametrize("script", SAMPLES)
def test_scripts_are_told_apart(script):
    assert script_of(SAMPLES[script]) == script and script_of("") == ""


def test_shares_add_up():
    shares = scripts_of("abc где 你")
    assert list(shares) == ["cyrillic", "latin", "han"] and sum(shares.values()) == pytest.approx(1) and script_of_character("々") == "han"


@pytest.mark.parametrize("language", [*LANGUAGES, "xx"])
@given(text=st.text("aI你世界あアก'’l m.مـً🙂é한", max_size=20))
def test_words_of_every_language_stand_where_they_say(language, text):
    """Property: LanguageWords finds words in ascending places, none empty, nothing but spaces and dropped marks between, for unknown languages too."""
    tokenizer = LanguageWords(language, "characters")
    place = 0
    for word, start, end in tokenizer.words(text):
        assert place <= start < end <= len(text) and word
        assert not text[place:start].strip(" \u0640\u064b")
        place = end
    assert not text[place:].strip(" \u0640\u064b")


def test_chinese_by_jieba_gives_the_stored_words():
    """Parity with the published example of jieba; what "auto" chose is written down."""
    pytest.importorskip("jieba")
    tokenizer = LanguageWords("zh", min_count=1).fit(["我来到北京清华大学。"])
    assert [word for word, _, _ in tokenizer.words("我来到北京清华大学。")] == ["我", "来到", "北京", "清华大学", "。"]
    assert tokenizer.segmenter == "jieba" and weft.build(json.loads(json.dumps(tokenizer.spec()))).words("北京") == [("北京", 0, 2)]
    assert tokenizer.decode(tokenizer.encode("我来到北京")) == "我来到北京"


def test_without_jieba_the_dictionary_then_characters(monkeypatch):
    """Contract: "auto" falls back by what is there, at fit, and a saved model keeps its choice."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    plain, listed = LanguageWords("zh", min_count=1), LanguageWords("zh", dictionary=("世界", "你好"), min_count=1)
    assert [w for w, _, _ in plain.words("你好世界")] == list("你好世界") and [w for w, _, _ in listed.words("你好世界")] == ["你好", "世界"]
    assert plain.fit(["你好"]).segmenter == "characters" and listed.fit(["你好"]).segmenter == "dictionary"
    with pytest.raises(ValueError, match="needs words"):
        LanguageWords(segmenter="dictionary")
    with pytest.raises(ValueError, match="'jieba'"):
        LanguageWords(segmenter="mecab")


@given(st.text("abc", max_size=12), st.lists(st.text("abc", min_size=1, max_size=4), max_size=6))
def test_the_longest_match_wins(text, dictionary):
    """Brute force: each word is the longest of the dictionary that fits where it stands, or one character."""
    assert max_match("研究生命起源", frozenset(["研究", "研究生", "生命", "起源"]), 3) == ["研究生", "命", "起源"]
    words = max_match(text, frozenset(dictionary), max(map(len, dictionary), default=1))
    place = 0
    for word in words:
        fitting = [entry for entry in dictionary if text.startswith(entry, place)]
        assert word == max([*fitting, text[place]], key=len)
        place += len(word)
    assert "".join(words) == text


def test_languages_have_their_own_rules():
    def words(language, text):
        return [word for word, _, _ in LanguageWords(language, "characters").words(text)]

    assert words("fr", "L'homme d’Orléans") == ["l'", "homme", "d’", "orléans"] and words("en", "Don't STOP") == ["don't", "stop"]
    assert words("ar", "مُحَمَّد كـتاب") == ["محمد", "كتاب"] and words("tr", "IŞIK") == ["ışık"] and words("ko", "안녕 세상") == ["안녕", "세상"]
    assert words("ja", "東京タワーです") == ["東", "京", "タワーです"] and words("hi", "हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert words("xx", "Mixed你好text") == ["mixed", "你", "好", "text"] and words("th", "น้ำ") == ["น้ำ"]


def test_a_language_of_ones_own_is_saved_with_the_model():
    """LanguageWords, contract: rules that no list holds come back from JSON, and give the same words and numbers."""
    own = LanguageWords(Language("old", lower=False, drop="\u0300-\u0302", elision=True), "characters", min_count=1).fit(
        ["Ta\u0301 l'Homme", "no\u0302n"]
    )
    again = weft.build(json.loads(json.dumps(own.spec())))
    assert again == own and own.spec()["args"]["language"] == {"code": "old", "lower": False, "drop": "\u0300-\u0302", "elision": True}
    for tokenizer in (own, again):
        assert [word for word, _, _ in tokenizer.words("l'Homme Ta\u0301 no\u0302n")] == ["l'", "Homme", "Ta", "non"]
    assert again.encode("l'Homme non") == own.encode("l'Homme non") and 1 not in own.encode("l'Homme no\u0302n")
    assert LanguageWords("old", "characters").words("l'Homme")[0][0] == "l'homme"  # the code alone is an unknown language
    assert clean_for(Language("az")).clean("IŞIK") == "ışık" and clean_for(Language("q", lower=False)).clean("ABC") == "ABC"
    with pytest.raises(ValueError, match="no range of characters"):
        Language("x", drop="z-a")


def test_cleanings_suit_their_language():
    assert clean_for("tr").clean("<b>IŞIK</b>") == "ışık" and clean_for("de").clean("Über ÄPFEL") == "über äpfel"
    assert clean_for("zh").clean("你好 World") == "你好 World" and clean_for("unknown").clean("ABC") == "abc"
