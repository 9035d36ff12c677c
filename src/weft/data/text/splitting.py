"""Rough pieces of a text, inside which sub-word tokenizers work; each rule is a name or a pattern."""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from re import _constants, _parser  # type: ignore[attr-defined] - as Python itself reads a pattern: no trick of writing escapes it
from typing import Any

# White_Space of Unicode; Python's \s has four control characters more
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# BERT leaves the last extensions of the Chinese characters out
CJK = "\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f"
ASCII_SIGNS = "!-/:-@\\[-`{-~"
RULES = ("gpt2", "whitespace", "words", "bert", "none")
MAX_PATTERN = 500  # characters; a pattern may stand in a file from a stranger
MAX_OPEN = 6  # repetitions of no fixed number in one alternative: each multiplies the ways to match
REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


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
    Raises ValueError for a pattern that is too long, malformed or could take exponential time (a repetition or a choice inside a
    repetition, a reference back, more than 6 repetitions in a row).

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
    if nested(pattern):
        remedy = f"Write it without a repetition or a choice inside a repetition, without references back, and with at most {MAX_OPEN} repetitions"
        raise ValueError(f"The pattern {pattern!r} may take exponential time on some texts. {remedy}")
    if compiled.match(""):
        raise ValueError(f"The pattern {pattern!r} matches nothing at all; every match must hold at least one character")
    return compiled


def nested(pattern: str) -> bool:
    """Whether a repetition holds another one or a choice, so that one text has many ways to match; or there are too many repetitions in a row.

    >>> nested("(a+)+b"), nested("(a|ab)*c"), nested("(a+b)?c*")
    (True, True, False)
    """
    tree = _parser.parse(pattern)
    alternatives = tree[0][1][1] if len(tree) == 1 and tree[0][0] is _constants.BRANCH else [tree]
    return any(sum(_open(part, within=False)) > MAX_OPEN for part in alternatives)


def _open(part: Any, *, within: bool) -> Iterator[float]:
    """1 for each repetition of no fixed number, infinity where one, or a choice, stands ``within`` another."""
    for operation, argument in part:
        if operation in REPEATS:
            least, most, inner = argument
            if least != most:
                yield math.inf if within else 1
            yield from _open(inner, within=within or most > 1)
        elif operation is _constants.BRANCH:
            if within:
                yield math.inf
            for branch in argument[1]:
                yield from _open(branch, within=within)
        elif operation in (_constants.GROUPREF, _constants.GROUPREF_EXISTS):
            yield math.inf
        elif isinstance(argument, _parser.SubPattern):
            yield from _open(argument, within=within)
        elif isinstance(argument, tuple):
            for inner in argument:
                if isinstance(inner, _parser.SubPattern):
                    yield from _open(inner, within=within)
