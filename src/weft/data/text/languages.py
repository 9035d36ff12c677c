"""Languages: which script a text is in, how its words are found, how it is cleaned."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weft.data.text.characters import grapheme_pattern
from weft.data.text.cleaning import CleanText, lowered
from weft.data.text.splitting import category
from weft.data.text.tokenizer import SPECIALS, numbered, settle, spec_of, unknown_id, written
from weft.data.vocabulary import vocabulary_of

SEGMENTERS = ("auto", "jieba", "dictionary", "characters")
# scripts that write words without spaces between them: Han, kana; Thai, Lao, Burmese, Khmer
HAN = "\u2e80-\u2fdf\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
UNSPACED = HAN + KANA + "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
NAMES = {"CJK": "han", "IDEOGRAPHIC": "han", "KATAKANA-HIRAGANA": "katakana"}
Word = tuple[str, int, int]


@dataclass(frozen=True)
class Language:
    """What is particular to a language: ``lower`` case matters not, words are looked up without ``drop``, ``elision`` divides l'homme.

    ``drop``: characters and ranges of them, as between the brackets of a regular expression; ValueError for what is no such range. Languages that
    are not among ``LANGUAGES`` can be given to ``LanguageWords`` and ``clean_for`` in place of a code.

    >>> LanguageWords(Language("sanskrit", drop="\u0951-\u0954")).words("अ॑ग्निः")[0]
    ('अग्निः', 0, 7)
    """

    code: str
    lower: bool = True
    drop: str = ""
    elision: bool = False

    def __post_init__(self) -> None:
        try:
            re.compile(f"[{self.drop}]" if self.drop else "")
        except re.error as error:
            raise ValueError(f"drop={self.drop!r} is no range of characters ({error}); expected such as 'a-c'") from None


ARABIC_MARKS = "\u0640\u064b-\u0652\u0670"  # the stretching sign and the vowel signs, which newspapers leave out
LANGUAGES = {
    language.code: language
    for language in (
        Language(""),  # any other
        Language("ar", lower=False, drop=ARABIC_MARKS),
        Language("fa", lower=False, drop=ARABIC_MARKS),
        Language("he", lower=False, drop="\u0591-\u05c7"),
        Language("fr", elision=True),
        Language("it", elision=True),
        Language("ca", elision=True),
        *(Language(code, lower=False) for code in ("zh", "ja", "ko", "th", "hi")),
        *(Language(code) for code in ("en", "de", "es", "pt", "nl", "sv", "pl", "ru", "uk", "el", "tr", "az", "vi")),
    )
}


@functools.lru_cache(maxsize=20_000)
def script_of_character(character: str) -> str:
    """The script of a letter, or nothing for what is no letter.

    >>> [script_of_character(c) for c in "aя你あ가!"]
    ['latin', 'cyrillic', 'han', 'hiragana', 'hangul', '']
    """
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ")[0]
    return NAMES.get(name, name.lower())


def scripts_of(text: str) -> dict[str, float]:
    """The share of each script among the letters of a text, the largest first.

    >>> scripts_of("abc яю")
    {'latin': 0.6, 'cyrillic': 0.4}
    """
    counts = Counter(script_of_character(character) for character in text)
    counts.pop("", None)
    total = sum(counts.values())
    return {script: count / total for script, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))}


def script_of(text: str) -> str:
    """The script of most letters of a text, nothing where there is no letter; Japanese, which mixes three, counts as its kana.

    >>> script_of("Привет, world!!"), script_of("日本語です"), script_of("123")
    ('cyrillic', 'hiragana', '')
    """
    shares = scripts_of(text)
    kana = [script for script in ("hiragana", "katakana") if shares.get(script, 0) >= 0.1]
    if kana and next(iter(shares)) == "han":
        return kana[0]
    return next(iter(shares), "")


def rules_of(language: str | Language) -> Language:
    """The rules of a language, or of the code of one; an unknown code has those of any language.

    >>> rules_of("fr").elision, rules_of("xx").elision, rules_of(Language("xx", elision=True)).elision
    (True, False, True)
    """
    return language if isinstance(language, Language) else LANGUAGES.get(language, LANGUAGES[""])


def clean_for(language: str | Language) -> CleanText:
    """A cleaning that suits a language: lower case where it has one, with its own rules for it; unknown languages are cleaned as any text.

    >>> clean_for("tr").clean("IŞIK"), clean_for("xx").clean("Ünï 你好")
    ('ışık', 'ünï 你好')
    """
    return CleanText(lower=rules_of(language).lower, language=language.code if isinstance(language, Language) else language)


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """Words with their marks and inner apostrophes, and signs alone."""
    marks = category("M") + "\u200c\u200d"
    return re.compile(rf"[\w{marks}]+(?:['’][\w{marks}]+)*|[^\w\s]")


def max_match(text: str, dictionary: frozenset[str], longest: int) -> list[str]:
    """The longest word of the dictionary that the text starts with, again and again; a character alone where none fits.

    >>> max_match("研究生命起源", frozenset(["研究", "研究生", "生命", "起源"]), 3)
    ['研究生', '命', '起源']
    """
    words, place = [], 0
    while place < len(text):
        ends = range(min(len(text), place + longest), place + 1, -1)
        end = next((end for end in ends if text[place:end] in dictionary), place + 1)
        words.append(text[place:end])
        place = end
    return words


@dataclass(frozen=True)
class LanguageWords:
    """Words of a language as tokens, also where it writes no spaces between them.

    ``language``: a code such as "en", "zh", "ar"; an unknown one gets Unicode's rules: words between spaces and signs, scripts without spaces cut by
    the segmenter. A ``Language``, or its fields in a dict, stands for a language of one's own, which is saved with the tokenizer.
    ``segmenter``: "jieba" (Chinese, needs the library), "dictionary" (longest match among ``dictionary``), "characters" (what a reader takes for
    one, runs of kana whole), or "auto": jieba for Chinese where installed, else the dictionary where given, else characters; ``fit`` writes down
    what it chose, so that a served model cuts as its training did. Words are compared in lower case where the language has one.
    Raises ValueError before ``fit``, ImportError for jieba without the library.

    Use when words of one language are the unit; instead of it, ``Unigram`` for many languages at once. Cost: that of the segmenter.

    >>> tokenizer = LanguageWords("zh", "dictionary", dictionary=("你好", "世界"), min_count=1).fit(["你好世界!"])
    >>> [word for word, _, _ in tokenizer.words("世界你好 ok")], tokenizer.encode("你好")
    (['世界', '你好', 'ok'], [4])
    """

    language: str | Language | Mapping[str, Any] = ""
    segmenter: str = "auto"
    dictionary: Sequence[str] = ()
    size: int = 10_000
    min_count: int = 2
    specials: Sequence[str] = SPECIALS
    vocabulary: Sequence[str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dictionary", tuple(self.dictionary))
        if isinstance(self.language, Mapping):
            object.__setattr__(self, "language", Language(**self.language))
        if self.segmenter not in SEGMENTERS:
            raise ValueError(f"segmenter={self.segmenter!r}; expected one of {', '.join(map(repr, SEGMENTERS))}")
        if self.segmenter == "dictionary" and not self.dictionary:
            raise ValueError("segmenter='dictionary' needs words in dictionary=")
        settle(self)

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ())

    @property
    def _rules(self) -> Language:
        return rules_of(self.language)  # pyright: ignore[reportArgumentType]  # a mapping has become a Language

    @property
    def _code(self) -> str:
        return self.language if isinstance(self.language, str) else self._rules.code

    @cached_property
    def _chosen(self) -> str:
        if self.segmenter != "auto":
            return self.segmenter
        if self._code == "zh" and importlib.util.find_spec("jieba") is not None:
            return "jieba"
        return "dictionary" if self.dictionary else "characters"

    @cached_property
    def _known(self) -> tuple[frozenset[str], int]:
        return frozenset(self.dictionary), max(map(len, self.dictionary), default=1)

    def words(self, text: str) -> list[Word]:
        """Each word, as it is looked up, with its place in the text: (word, start, end)."""
        found: list[Word] = []
        for match in word_pattern().finditer(text):
            start = match.start()
            for part in re.findall(rf"[{UNSPACED}]+|[^{UNSPACED}]+", match[0]):
                for word in self._segmented(part):
                    shown = self._shown(word)
                    if shown:
                        found.append((shown, start, start + len(word)))
                    start += len(word)
        return found

    def _shown(self, word: str) -> str:
        rules = self._rules
        if rules.drop:
            word = re.sub(f"[{rules.drop}]", "", word)
        return lowered(word, self._code) if rules.lower else word

    def _segmented(self, part: str) -> list[str]:
        """A run of one kind of script as words; joined they are the run."""
        if not re.match(f"[{UNSPACED}]", part):
            if self._rules.elision:
                return re.findall(r"[^'’]+['’](?=.)|.+$", part)
            return [part]
        if self._chosen == "jieba":
            return jieba_cut(part)
        if self._chosen == "dictionary":
            return max_match(part, *self._known)
        return [word for run in re.findall(rf"[{KANA}]+|[^{KANA}]+", part) for word in ([run] if re.match(f"[{KANA}]", run) else graphemes(run))]

    def fit(self, texts: Iterable[str]) -> LanguageWords:
        """Choose the segmenter and learn the vocabulary."""
        chosen = dataclasses.replace(self, segmenter=self._chosen)
        found = (word for text in texts for word, _, _ in chosen.words(text))
        return dataclasses.replace(chosen, vocabulary=vocabulary_of(found, self.size, self.min_count, self.specials))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return numbered(self)

    def encode(self, text: str) -> list[int]:
        numbers = self._numbers
        found = [numbers.get(word, -1) for word, _, _ in self.words(text)]
        return [unknown_id(self) if number < 0 else number for number in found] if -1 in found else found

    def decode(self, ids: Iterable[int]) -> str:
        words = written(self, ids)
        return re.sub(rf"(?<=[{HAN}{KANA}]) (?=[{HAN}{KANA}])", "", " ".join(words))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(start, end) for _, start, end in self.words(text)]

    def spec(self) -> dict[str, Any]:
        spec = spec_of("language_words", self)
        if isinstance(self.language, Language):
            spec["args"]["language"] = dataclasses.asdict(self.language)
        return spec


def graphemes(text: str) -> list[str]:
    """Characters as a reader takes them."""
    return grapheme_pattern().findall(text)


def jieba_cut(text: str) -> list[str]:
    """Chinese words by jieba's dictionary and hidden Markov model."""
    try:
        import jieba
    except ImportError as error:
        raise ImportError("segmenter='jieba' needs jieba: pip install 'weft[languages]'; 'dictionary' and 'characters' need nothing") from error
    jieba.setLogLevel(60)  # it reports the reading of its dictionary as a warning
    return jieba.lcut(text)
