"""Rough pieces of a text, inside which sub-word tokenizers work; each rule is a name or a pattern."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable

# White_Space of Unicode; Python's \s has four control characters more
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# BERT leaves the last extensions of the Chinese characters out
CJK = "\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f"
ASCII_SIGNS = "!-/:-@\\[-`{-~"
RULES = ("gpt2", "whitespace", "words", "bert", "none")
MAX_PATTERN = 500  # characters; a pattern may stand in a file from a stranger


def spans(characters: Iterable[int]) -> str:
    """Ascending code points as the inside of a character class.

    >>> spans([48, 49, 50, 97])
    '0-2a'
    """
    runs: list[list[int]] = []
    for code in characters:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(re.escape(chr(a)) if a == b else f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in runs)


@functools.cache
def category(*names: str) -> str:
    """The characters of general categories (``"P"``, ``"No"``) as the inside of a character class."""
    # no punctuation mark or number has a code point above 0x1FFFF
    return spans(code for code in range(0x20000) if unicodedata.category(chr(code)).startswith(names))


@functools.cache
def pattern_of(rule: str) -> re.Pattern[str]:
    """The compiled pattern of a rule: one of ``RULES``, or a regular expression of your own.

    ``gpt2``: words with the space before them, numbers, signs and white space; nothing is lost. ``whitespace``: what stands between white
    space. ``words``: words, and signs between them. ``bert``: words, each sign alone, each Chinese character alone. ``none``: the whole text.
    Raises ValueError for a pattern that is too long, malformed or could take exponential time (a repetition inside a repetition, a
    reference back).

    >>> pattern_of("gpt2").findall("It's 2 o'clock"), pattern_of("bert").findall("don't!")
    (['It', "'s", ' 2', ' o', "'", 'clock'], ['don', "'", 't', '!'])
    """
    if rule == "gpt2":
        other = category("Nl", "No")  # \w holds letters, all numbers and the underscore, \d only decimal digits
        letters, numbers, signs = rf"[^\W\d_{other}]", rf"[\d{other}]", rf"(?:[^\w{SPACE}]|_)"
        return re.compile(rf"'s|'t|'re|'ve|'m|'ll|'d| ?{letters}+| ?{numbers}+| ?{signs}+|[{SPACE}]+(?![^{SPACE}])|[{SPACE}]+")
    if rule == "whitespace":
        return re.compile(rf"[^{SPACE}]+")
    if rule == "words":
        marks = category("M") + "\U000e0100-\U000e01ef"  # vowel signs belong to their word
        return re.compile(rf"[\w{marks}]+|[^\w{marks}{SPACE}]+")
    if rule == "bert":
        signs = ASCII_SIGNS + category("P")
        return re.compile(rf"[{CJK}]|[{signs}]|[^{SPACE}{signs}{CJK}]+")
    if rule == "none":
        return re.compile(r"(?s).+")
    return checked(rule)


def checked(pattern: str) -> re.Pattern[str]:
    """A regular expression of the user's, compiled; raises ValueError when it is malformed or may run away."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"The pattern has {len(pattern)} characters; at most {MAX_PATTERN} are allowed")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is neither one of {', '.join(RULES)} nor a regular expression: {error}") from None
    if re.search(r"\\[1-9]|\(\?P=", pattern) or nested(pattern):
        remedy = "Write it without a repetition inside a repetition and without references back"
        raise ValueError(f"The pattern {pattern!r} may take exponential time on some texts. {remedy}")
    if compiled.match(""):
        raise ValueError(f"The pattern {pattern!r} matches nothing at all; every match must hold at least one character")
    return compiled


def nested(pattern: str) -> bool:
    """Whether an open repetition stands inside another one.

    >>> nested("(a+)+b"), nested("(a+b)?c*")
    (True, False)
    """
    plain = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\.", "x", pattern)  # classes and escapes repeat nothing
    depth: list[bool] = [False]
    i = 0
    while i < len(plain):
        if plain[i] == "(":
            depth.append(False)
        elif plain[i] == ")" and len(depth) > 1:
            inside = depth.pop()
            if inside and re.match(r"[*+]|\{\d*,\d*\}", plain[i + 1 :]):
                return True
            depth[-1] |= inside
        elif plain[i] in "*+" or re.match(r"\{\d*,\d*\}", plain[i:]):
            depth[-1] = True
        i += 1
    return False
