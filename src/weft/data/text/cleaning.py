"""Cleaning of text that keeps every script: forms, tags, addresses, signs, accents, emoji."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from weft.data.contracts import Record
from weft.data.keyed import Random
from weft.data.text.splitting import category

FORMS = ("NFC", "NFD", "NFKC", "NFKD", None)
REMOVABLE = ("tags", "urls", "emails", "punctuation", "digits", "accents", "control")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]\w{1,31});")
TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>|<![A-Za-z][^<>]*>|<\?[^<>]*>")
BLOCKS = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"))  # what stands inside is no text
URL = re.compile(r"(?i)(?<![^\W_])(?:(?:https?|ftp)://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}|"
    "(?:[\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff][\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\u200d]*)+|[\ufe0f\u20e3\U0001f3fb-\U0001f3ff]"
)
SYMBOLS = "$+<=>^`|~"  # signs of ASCII that Unicode counts among the symbols
MAX_ROUNDS = 20


@dataclass(frozen=True)
class CleanText:
    """Text brought to one form, every script left whole; cleaning twice is cleaning once.

    ``form``: Unicode's normal form. ``lower`` knows the Turkish i by ``language``. ``entities`` writes ``&lt;`` as ``<``. ``remove`` names what
    goes: "tags" (with what stands in scripts and comments; ``a < b`` is no tag), "urls", "emails", "punctuation" (all of Unicode's; an apostrophe
    inside a word vanishes, other signs become a space), "digits", "accents" (of Latin and Greek letters; marks of other scripts are letters),
    "control". ``emoji``: "keep", "drop" or "describe" (``:grinning_face:``). ``spaces`` makes runs of white space one space.
    What is removed leaves a space behind, so that words do not run together. Raises ValueError for an unknown name.

    ``clean(text)`` cleans a string; as a raw transform it cleans ``record[key]`` in training only: ``CleanedTokenizer`` saves it with the model.
    Use when texts come from the web; instead of it, the tokenizer's own rules. Cost: a few patterns over the text.

    >>> CleanText(lower=True, remove=("tags", "urls", "punctuation")).clean("<p>Don't!</p> café 你好&nbsp;see www.x.org/a_b now")
    'dont café 你好 see now'
    """

    raw: ClassVar[bool] = True

    lower: bool = False
    form: str | None = "NFC"
    remove: Sequence[str] = ("tags", "control")
    emoji: str = "keep"
    entities: bool = True
    spaces: bool = True
    language: str = ""
    key: str = "text"

    def __post_init__(self) -> None:
        object.__setattr__(self, "remove", tuple(self.remove))
        wrong = [name for name in self.remove if name not in REMOVABLE]
        if wrong:
            raise ValueError(f"remove has {wrong[0]!r}; expected some of {', '.join(REMOVABLE)}")
        if self.form not in FORMS:
            raise ValueError(f"form={self.form!r}; expected one of {', '.join(map(str, FORMS))}")
        if self.emoji not in ("keep", "drop", "describe"):
            raise ValueError(f"emoji={self.emoji!r}; expected 'keep', 'drop' or 'describe'")

    def __call__(self, record: Record, random: Random | None = None) -> Record:
        text = record.get(self.key)
        if not isinstance(text, str):
            raise ValueError(f"There is no text under {self.key!r} to clean; the record has {sorted(record)}")
        return record | {self.key: self.clean(text)}

    def clean(self, text: str) -> str:
        """The cleaned text."""
        # one step may uncover work for an earlier one, as &lt;b&gt; becomes a tag; each round only shortens or changes nothing
        for _ in range(MAX_ROUNDS):
            cleaned = self._round(text)
            if cleaned == text:
                break
            text = cleaned
        return text

    def _round(self, text: str) -> str:
        if self.form is not None:
            text = unicodedata.normalize(self.form, text)  # pyright: ignore[reportArgumentType] - one of FORMS
        if self.entities:
            text = ENTITY.sub(lambda match: html.unescape(match[0]), text)
        if "tags" in self.remove:
            text = without_tags(text)
        if "urls" in self.remove:
            text = URL.sub(" ", text)
        if "emails" in self.remove:
            text = EMAIL.sub(" ", text)
        if self.emoji != "keep":
            text = EMOJI.sub(" " if self.emoji == "drop" else described, text)
        if "control" in self.remove:
            text = control_pattern().sub("", text)
        if self.lower:
            text = lowered(text, self.language)
        if "accents" in self.remove:
            text = without_accents(text)
        if "punctuation" in self.remove:
            text = without_punctuation(text)
        if "digits" in self.remove:
            text = re.sub(r"\d+", " ", text)
        return " ".join(text.split()) if self.spaces else text


def without_tags(text: str) -> str:
    """HTML and XML tags as spaces, comments, scripts and styles with what they hold.

    >>> without_tags("a<br/>b if a < b<script>x()</script>")
    'a b if a < b '
    """
    if "<" not in text:
        return text
    for opening, closing in BLOCKS:
        small, parts, place = text.lower() if len(text.lower()) == len(text) else text, [], 0
        while (start := small.find(opening, place)) >= 0:
            end = small.find(closing, start)
            if end < 0:
                break  # never closed: the opening is a tag like others
            parts.append(text[place:start])
            place = end + len(closing)
        text = " ".join([*parts, text[place:]])
    return TAG.sub(" ", text)


def lowered(text: str, language: str = "") -> str:
    """Lower case; in Turkish and Azerbaijani I becomes ı and İ becomes i.

    >>> lowered("ISI", "tr"), lowered("ISI")
    ('ısı', 'isi')
    """
    return text.replace("İ", "i").replace("I", "ı").lower() if language in ("tr", "az") else text.lower()


def without_accents(text: str) -> str:
    """Latin and Greek letters without their marks; the marks of other scripts, which are letters, stay.

    >>> without_accents("Ünï ά й हिन्दी が")
    'Uni α й हिन्दी が'
    """
    if text.isascii():
        return text
    kept, base = [], ""
    for character in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(character):
            base = character
        elif "\u0300" <= character <= "\u036f" and european(base):
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def european(character: str) -> bool:
    """Whether a letter is Latin or Greek."""
    return character.isalpha() and (character < "\u0250" or "\u0370" <= character <= "\u03ff" or "\u1e00" <= character <= "\u1fff")


@cache
def sign_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Apostrophes inside a word; all other signs."""
    return re.compile(r"(?<=[^\W\d_])['’](?=[^\W\d_])"), re.compile(f"[{category('P')}{re.escape(SYMBOLS)}]+")


@cache
def control_pattern() -> re.Pattern[str]:
    """Control characters but for tabs and line ends, marks of direction and byte order, and zero-width spaces; Persian needs joiners, they stay."""
    return re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")


def without_punctuation(text: str) -> str:
    """Text without punctuation marks and ASCII symbols; the underscore is one of them.

    >>> without_punctuation("don't stop_it, 你好。")
    'dont stop it  你好 '
    """
    inside, signs = sign_patterns()
    return signs.sub(" ", inside.sub("", text))


def described(match: re.Match[str]) -> str:
    """The names of an emoji sequence, between colons.

    >>> EMOJI.sub(described, "🇩🇪👍🏽")
    ' :flag_de:  :thumbs_up_sign: '
    """
    text = match[0]
    if "\U0001f1e6" <= text[0] <= "\U0001f1ff":
        return f" :flag_{''.join(chr(ord(letter) - 0x1F1E6 + ord('a')) for letter in text)}: "
    names = [unicodedata.name(c, "emoji") for c in text if not ("\U0001f3fb" <= c <= "\U0001f3ff" or c in "\u200d\ufe0e\ufe0f\u20e3")]
    return "".join(f" :{name.lower().replace(' ', '_').replace('-', '_')}: " for name in names) or " "
