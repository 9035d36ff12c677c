"""Augmentation of texts: words deleted, swapped, inserted, replaced; letters mistyped; translation there and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from weft.data.contracts import Record
from weft.data.keyed import Random
from weft.data.text.lexicon import Synonyms, synonyms_of
from weft.data.text.tokenizer import Tokenizer, draws

CORE = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
NOISE = ("swap", "delete", "insert", "substitute")


def text_of(record: Record, key: str) -> str:
    """The text of a raw record; raises ValueError naming the keys that are there."""
    text = record.get(key)
    if not isinstance(text, str):
        raise ValueError(f"There is no text under {key!r} to augment; the record has {sorted(record)}")
    return text


def check_share(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a probability."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value}; expected a probability from 0 to 1")


def check_count(count: int) -> None:
    """Raise ValueError unless there is something to do."""
    if count < 1:
        raise ValueError(f"count={count}; expected at least 1")


def some(numbers: Iterator[float], size: int, count: int) -> list[int]:
    """``count`` different places among ``size`` at random, fewer when there are not as many; in random order."""
    places = list(range(size))
    chosen = []
    for _ in range(min(count, size)):
        chosen.append(places.pop(int(next(numbers) * len(places))))
    return chosen


@dataclass(frozen=True)
class DeleteWords:
    """Leave out each word of a raw text with some probability; at least one word stays.

    Paper: Wei, Zou, 2019, arXiv:1901.11196.
    Use when single words do not decide; instead of it, ``SwapWords`` where each matters. Cost: one number a word.

    >>> import torch
    >>> len(DeleteWords(0.5)({"text": "one two three four five six"}, Random(0, 0, torch.tensor([1])))["text"].split()) < 6
    True
    """

    raw: ClassVar[bool] = True

    probability: float = 0.1
    key: str = "text"

    def __post_init__(self) -> None:
        check_share("probability", self.probability)

    def __call__(self, record: Record, random: Random) -> Record:
        words = text_of(record, self.key).split()
        numbers = draws(random)
        kept = [word for word in words if next(numbers) >= self.probability]
        if words and not kept:
            kept = [words[int(next(numbers) * len(words))]]
        return record | {self.key: " ".join(kept)}


@dataclass(frozen=True)
class SwapWords:
    """Exchange two random words of a raw text, ``count`` times; a text of one word stays.

    Paper: Wei, Zou, 2019, arXiv:1901.11196.
    Use when the order of words says little; instead of it, ``DeleteWords``. Cost: two numbers a swap.

    >>> import torch
    >>> SwapWords()({"text": "one two"}, Random(0, 0, torch.tensor([1])))["text"]
    'two one'
    """

    raw: ClassVar[bool] = True

    count: int = 1
    key: str = "text"

    def __post_init__(self) -> None:
        check_count(self.count)

    def __call__(self, record: Record, random: Random) -> Record:
        words = text_of(record, self.key).split()
        numbers = draws(random)
        if len(words) > 1:
            for _ in range(self.count):
                a, b = some(numbers, len(words), 2)
                words[a], words[b] = words[b], words[a]
        return record | {self.key: " ".join(words)}


@dataclass(frozen=True)
class ReplaceSynonyms:
    """Replace up to ``count`` words of a raw text by synonyms; case and the signs around a word stay.

    ``lexicon``: None for the built-in one (English, some 500 words), a CSV file whose rows are words of one meaning, or "wordnet" (nltk with its
    data). Texts in which the lexicon knows no word stay as they are; a lexicon that is not there is an error at once.
    Raises FileNotFoundError, ImportError or LookupError with the remedy.

    Paper: Wei, Zou, 2019, arXiv:1901.11196; Zhang et al., 2015, arXiv:1509.01626.
    Use when meaning decides, not the word; instead of it, ``BackTranslate`` with a good translator. Cost: a look-up a word.

    >>> import torch
    >>> ReplaceSynonyms()({"text": "Quick!"}, Random(0, 0, torch.tensor([1])))["text"] in ("Fast!", "Rapid!", "Swift!", "Speedy!")
    True
    """

    raw: ClassVar[bool] = True

    count: int = 1
    lexicon: str | None = None
    key: str = "text"

    def __post_init__(self) -> None:
        check_count(self.count)
        synonyms_of(self.lexicon)

    def __call__(self, record: Record, random: Random) -> Record:
        words = text_of(record, self.key).split()
        numbers, synonyms = draws(random), synonyms_of(self.lexicon)
        able = [place for place, word in enumerate(words) if synonyms(core(word))]
        for place in some(numbers, len(able), self.count):
            words[able[place]] = instead(words[able[place]], synonyms, next(numbers))
        return record | {self.key: " ".join(words)}


@dataclass(frozen=True)
class InsertSynonyms:
    """Insert, ``count`` times, a synonym of a random word of a raw text at a random place.

    ``lexicon`` and errors as in ``ReplaceSynonyms``. Paper: Wei, Zou, 2019, arXiv:1901.11196.
    Use when texts may grow; instead of it, ``ReplaceSynonyms``. Cost: a look-up a word.

    >>> import torch
    >>> len(InsertSynonyms()({"text": "a quick test"}, Random(0, 0, torch.tensor([1])))["text"].split())
    4
    """

    raw: ClassVar[bool] = True

    count: int = 1
    lexicon: str | None = None
    key: str = "text"

    def __post_init__(self) -> None:
        check_count(self.count)
        synonyms_of(self.lexicon)

    def __call__(self, record: Record, random: Random) -> Record:
        words = text_of(record, self.key).split()
        numbers, synonyms = draws(random), synonyms_of(self.lexicon)
        able = [core(word) for word in words if synonyms(core(word))]
        for _ in range(self.count if able else 0):
            choices = synonyms(able[int(next(numbers) * len(able))])
            words.insert(int(next(numbers) * (len(words) + 1)), choices[int(next(numbers) * len(choices))])
        return record | {self.key: " ".join(words)}


def core(word: str) -> str:
    """A word without the signs around it.

    >>> core("(quick!)")
    'quick'
    """
    return CORE.sub(r"\2", word)


def instead(word: str, synonyms: Synonyms, number: float) -> str:
    """A synonym in the place of a word, with its signs and its case."""
    before, middle, after = (CORE.match(word) or [""]).groups()  # type: ignore[union-attr]  # the pattern fits every text
    choices = synonyms(middle)
    new = choices[int(number * len(choices))]
    if middle.isupper() and len(middle) > 1:
        new = new.upper()
    elif middle[:1].isupper():
        new = new[:1].upper() + new[1:]
    return before + new + after


@dataclass(frozen=True)
class CharacterNoise:
    """Mistype letters of a raw text: each letter with some probability swapped with the next, deleted, doubled by another, or substituted.

    New letters are drawn from the text's own, so that its script stays; white space and signs are left alone, and every word keeps a letter.

    Paper: Belinkov, Bisk, 2018, arXiv:1711.02173.
    Use when people type; instead of it, ``DeleteWords`` for clean texts. Cost: one to three numbers a letter.

    >>> import torch
    >>> CharacterNoise(1.0, kinds=("swap",))({"text": "abcd"}, Random(0, 0, torch.tensor([1])))["text"]
    'badc'
    """

    raw: ClassVar[bool] = True

    probability: float = 0.05
    kinds: Sequence[str] = NOISE
    key: str = "text"

    def __post_init__(self) -> None:
        check_share("probability", self.probability)
        object.__setattr__(self, "kinds", tuple(self.kinds))
        wrong = [kind for kind in self.kinds if kind not in NOISE]
        if wrong or not self.kinds:
            raise ValueError(f"kinds={self.kinds}; expected some of {', '.join(NOISE)}")

    def __call__(self, record: Record, random: Random) -> Record:
        text = text_of(record, self.key)
        letters = [character for character in text if character.isalnum()]
        numbers = draws(random)
        parts = [self._mistyped(part, letters, numbers) if part[:1].isalnum() else part for part in re.split(r"([^\W_]+)", text)]
        return record | {self.key: "".join(parts)}

    def _mistyped(self, word: str, letters: list[str], numbers: Iterator[float]) -> str:
        out: list[str] = []
        place = 0
        while place < len(word):
            here = word[place]
            place += 1
            if next(numbers) >= self.probability:
                out.append(here)
                continue
            kind = self.kinds[int(next(numbers) * len(self.kinds))]
            if kind == "swap" and place < len(word):
                out += [word[place], here]
                place += 1
            elif kind == "insert":
                out += [here, letters[int(next(numbers) * len(letters))]]
            elif kind == "substitute":
                out.append(letters[int(next(numbers) * len(letters))])
            elif kind == "swap" or (not out and place == len(word)):
                out.append(here)  # nothing to swap with; the last letter of a word stays
        return "".join(out)


@dataclass(frozen=True)
class BackTranslate:
    """Translate a raw text into another language and back with translators of your own, functions from text to text.

    With probability ``probability``; a translator that gives no text is an error. Nothing is downloaded: load a model and pass its function.

    Paper: Sennrich et al., 2016, arXiv:1511.06709; Xie et al., 2020, arXiv:1904.12848.
    Use when paraphrases are worth a translation each; instead of it, ``ReplaceSynonyms``. Cost: two translations a text, so translate beforehand.

    >>> import torch
    >>> BackTranslate(str.swapcase, str.lower)({"text": "Ein Test"}, Random(0, 0, torch.tensor([1])))["text"]
    'ein test'
    """

    raw: ClassVar[bool] = True

    there: Callable[[str], str]
    back: Callable[[str], str]
    probability: float = 1.0
    key: str = "text"

    def __post_init__(self) -> None:
        check_share("probability", self.probability)
        if not callable(self.there) or not callable(self.back):
            raise TypeError(f"there={self.there!r}, back={self.back!r}; both must be functions from text to text")

    def __call__(self, record: Record, random: Random) -> Record:
        text = text_of(record, self.key)
        if not text or not bool(random.chance(self.probability)):
            return record
        for name, translate in (("there", self.there), ("back", self.back)):
            result: Any = translate(text)
            if not isinstance(result, str):
                raise TypeError(f"The translator {name!r} gave a {type(result).__name__} for {text[:40]!r}; expected text")
            text = result
        return record | {self.key: text}


@dataclass(frozen=True)
class SampleTokens:
    """Cut a raw text in one of several ways and put the numbers under ``tokens``, which ``TextCodec`` takes instead of its own.

    Each epoch cuts a text anew: BPE with dropout, Unigram by its probabilities. Raises ValueError for a tokenizer that knows one way only.

    Papers: Provilkov et al., 2020, arXiv:1910.13267; Kudo, 2018, arXiv:1804.10959.
    Use when training data is small or spelling varies; in evaluation the plain encoding is taken. Cost: no piece is remembered, so slower.

    >>> import torch
    >>> from weft.data.text import BPE
    >>> tokenizer = BPE(size=300, min_count=1).fit(["lower lowest"])
    >>> record = SampleTokens(tokenizer)({"text": "lower"}, Random(0, 0, torch.tensor([1])))
    >>> tokenizer.decode(record["tokens"])
    'lower'
    """

    raw: ClassVar[bool] = True

    tokenizer: Tokenizer
    key: str = "text"

    def __post_init__(self) -> None:
        if not callable(getattr(self.tokenizer, "sample", None)):
            raise ValueError(f"A {type(self.tokenizer).__name__} cuts a text in one way only; take BPE or Unigram")

    def __call__(self, record: Record, random: Random) -> Record:
        sample: Any = self.tokenizer
        return record | {"tokens": sample.sample(text_of(record, self.key), random)}
