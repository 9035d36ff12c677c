"""Tokens and words: which token belongs to which word, and labels from one to the other."""

from __future__ import annotations

from collections.abc import Sequence

IGNORE = -100
POLICIES = ("first", "last", "all")
Span = tuple[int, int]


def words_of_tokens(tokens: Sequence[Span], words: Sequence[Span]) -> list[int | None]:
    """For each token the word that its span overlaps, the first of several; None for special tokens and white space.

    Spans are (start, end) in the same text, words in ascending order. A token that stands for a space and the word after it belongs to the word.

    >>> words_of_tokens([(0, 0), (0, 2), (2, 5), (5, 8)], [(0, 5), (6, 8)])
    [None, 0, 0, 1]
    """
    found: list[int | None] = []
    word = 0
    for start, end in tokens:
        while word < len(words) and words[word][1] <= start:
            word += 1
        inside = word < len(words) and words[word][0] < end and start < end
        found.append(word if inside else None)
    return found


def project_labels(labels: Sequence[int], words: Sequence[int | None], policy: str = "first", ignore: int = IGNORE) -> list[int]:
    """Labels of words as labels of tokens, ``ignore`` where none is wanted.

    ``policy``: "first" labels the first token of a word, "last" its last one, "all" every token. ``words`` is what ``words_of_tokens`` gave.
    Raises ValueError for a word without a label. Cost: linear.

    >>> project_labels([7, 8], [None, 0, 0, 1]), project_labels([7, 8], [None, 0, 0, 1], policy="all")
    ([-100, 7, -100, 8], [-100, 7, 7, 8])
    """
    if policy not in POLICIES:
        raise ValueError(f"policy={policy!r}; expected one of {', '.join(map(repr, POLICIES))}")
    beyond = [word for word in words if word is not None and word >= len(labels)]
    if beyond:
        raise ValueError(f"There are {len(labels)} labels but tokens of word {max(beyond)}; give one label for each word")
    projected = []
    for place, word in enumerate(words):
        begins = place == 0 or words[place - 1] != word
        ends = place + 1 == len(words) or words[place + 1] != word
        wanted = policy == "all" or (begins if policy == "first" else ends)
        projected.append(labels[word] if word is not None and wanted else ignore)
    return projected


def labels_of_words(labels: Sequence[int], words: Sequence[int | None], count: int, ignore: int = IGNORE) -> list[int]:
    """Labels of tokens as labels of ``count`` words: of each word the first that is not ``ignore``; words without tokens get ``ignore``.

    Turns ``project_labels`` back, for every policy; for predictions, it takes that of a word's first token. Raises ValueError for unequal lengths.

    >>> labels_of_words([-100, 7, -100, 8], [None, 0, 0, 1], count=3)
    [7, 8, -100]
    """
    if len(labels) != len(words):
        raise ValueError(f"{len(labels)} labels for {len(words)} tokens; expected as many")
    found = [ignore] * count
    for label, word in zip(labels, words, strict=True):
        if word is not None and word < count and found[word] == ignore:
            found[word] = label
    return found
