"""Records of one split that are also, or nearly, in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weft.data.contracts import Source
from weft.data.quality.duplicates import alike, prints


@dataclass(frozen=True)
class Leak:
    """A pair of records, (split, number) each, that are ``equal`` or ``near`` duplicates of each other."""

    first: tuple[str, int]
    second: tuple[str, int]
    how: str

    def __str__(self) -> str:
        words = {"equal": "is also", "near": "is nearly"}[self.how]
        return f"{self.first[0]}[{self.first[1]}] {words} {self.second[0]}[{self.second[1]}]"


def leaks(splits: Mapping[str, Source], *, near: bool = True) -> list[Leak]:
    """Duplicates, and with ``near`` pictures that look alike and texts that share most phrases, between splits; empty is good.

    Labels do not count: a record that stands in two splits with different labels is a leak too. Raises ValueError for fewer than two splits.

    Use after every split of data that was collected (frames of one film, articles of one agency); instead of it, ``overlap`` when records
    have a key. Cost: each record is read once.

    >>> [str(leak) for leak in leaks({"train": [{"text": "to be or not to be"}], "test": [{"text": "To be, or not to be!"}]})]
    ['train[0] is nearly test[0]']
    """
    if len(splits) < 2:
        raise ValueError(f"A leak is between splits; expected two or more, got {list(splits)}")
    places = [(name, i) for name, source in splits.items() for i in range(len(source))]
    found = [each for source in splits.values() for each in prints(source)]
    first: dict[str, dict[str, int]] = {}
    pairs = {}
    for at, (content, _, _) in enumerate(found):  # of equal records each split's first one is compared, whatever stands between
        name = places[at][0]
        for other, where in first.setdefault(content, {}).items():
            if other != name:
                pairs[where, at] = "equal"
        first[content].setdefault(name, at)
    for i, j, how in alike(found, near=near):
        if places[i][0] != places[j][0]:
            pairs.setdefault((i, j), how)
    return [Leak(places[i], places[j], how) for (i, j), how in sorted(pairs.items())]
