"""Cleaning keeps every script, and twice is once."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import CleanText
from weft.data.text.cleaning import REMOVABLE, without_accents, without_tags

WORST = st.text("aB<>/!-&;#lt gamp@.wx'’İIéпн你नि🙂🇩🇪\u200d\ufe0f\u0301\t1²", max_size=40)


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=40), WORST), st.lists(st.sampled_from(REMOVABLE), unique=True), st.sampled_from(["keep", "drop", "describe"]), st.booleans())
def test_cleaning_twice_is_cleaning_once(text, remove, emoji, lower):
    """Property: CleanText is idempotent, whatever it removes."""
    clean = CleanText(lower=lower, remove=remove, emoji=emoji, form="NFKC" if lower else "NFC")
    assert clean.clean(clean.clean(text)) == clean.clean(text)


def test_other_scripts_are_left_whole():
    """Regression: an ASCII pattern would destroy all other languages; by default no letter is touched, with everything removed none is lost."""
    text = "Don't café 你好 Привет हिन्दी مرحبا 한국어 が Ελλάδα ใช่"
    assert CleanText().clean(text) == text
    cleaned = CleanText(remove=REMOVABLE).clean(text)
    assert cleaned == "Dont cafe 你好 Привет हिन्दी مرحبا 한국어 が Ελλαδα ใช่"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b and c > d", "a < b and c > d"),
        ("<p>one</p><p>two</p>", "one two"),
        ("x<br/>y", "x y"),
        ("1 <2 3> 4", "1 <2 3> 4"),
        ('<a href="x">link</a>, <!-- no > --> end', "link , end"),
        ("<script>if (a<b) x()</script>text<STYLE>p{}</STYLE>", "text"),
        ("<!-- never closed", "<!-- never closed"),
        ("&lt;b&gt;fat&lt;/b&gt; AT&T &amp; &eacute; &#233; ?a=1&copy=2", "fat AT&T & é é ?a=1&copy=2"),
    ],
)
def test_tags_leave_a_space_and_comparisons_survive(text, expected):
    assert CleanText().clean(text) == expected


def test_what_is_removed_leaves_a_space():
    clean = CleanText(remove=("urls", "emails", "punctuation", "digits")).clean
    assert clean("see https://x.org/a?b=c, (www.y.de). or me.you+z@mail.example.com!now") == "see or now"
    assert clean("snake_case end.Next 3,000 it's rock'n'roll") == "snake case end Next its rocknroll"
    assert CleanText(remove=("urls",)).clean("(http://a.b/c). x") == "( ). x"


def test_punctuation_is_that_of_all_scripts():
    assert CleanText(remove=("punctuation",)).clean("你好，世界！ «да» ¿qué? a_b $5 `x` ½ 5° €") == "你好 世界 да qué a b 5 x ½ 5° €"


def test_emoji_are_kept_dropped_or_described():
    text = "ok 👍🏽 🇩🇪 👩‍👧 ❤️ done"
    assert CleanText().clean(text) == text and CleanText(emoji="drop").clean(text) == "ok done"
    assert CleanText(emoji="describe").clean(text) == "ok :thumbs_up_sign: :flag_de: :woman: :girl: :heavy_black_heart: done"


def test_accents_go_from_latin_and_greek_only():
    assert without_accents("Ünïcödé Łódź ά ñ") == "Unicode Łodz α n" and without_accents("йоё हि がぎ") == "йоё हि がぎ"


def test_lower_case_knows_turkish():
    assert CleanText(lower=True, language="tr").clean("DIŞ İŞ") == "dış iş" and CleanText(lower=True).clean("DIS") == "dis"


def test_forms_white_space_and_control():
    assert CleanText().clean("e\u0301\x00\u200b a\t\n\u3000b\ufeff") == "é a b" and CleanText(form="NFKC").clean("ﬁ ①") == "fi 1"
    assert CleanText(spaces=False, form=None).clean(" a  b") == " a  b" and CleanText().clean("می\u200cخواهم") == "می\u200cخواهم"


def test_hostile_text_is_cleaned_in_linear_steps():
    """Regression: unclosed scripts, long words before a missing @ and many openings do not multiply."""
    for text in ("<script>" * 20_000, "a" * 200_000, "<a " * 50_000, "&amp;" * 20_000, "<!--" * 50_000):
        assert isinstance(CleanText(remove=REMOVABLE).clean(text), str)
    assert CleanText().clean("&" + "amp;" * 15 + "lt;") == "<" == html.unescape("&lt;")
    assert without_tags("plain") == "plain"


def test_a_record_is_cleaned_and_its_other_values_stay():
    record = {"text": "<b>A</b>", "label": 1}
    assert CleanText()(record) == {"text": "A", "label": 1} and record["text"] == "<b>A</b>"
    with pytest.raises(ValueError, match=r"no text under 'body'"):
        CleanText(key="body")(record)


@pytest.mark.parametrize(("wrong", "message"), [({"remove": ("html",)}, "'html'"), ({"form": "nfc"}, "NFKC"), ({"emoji": "text"}, "'describe'")])
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        CleanText(**wrong)
