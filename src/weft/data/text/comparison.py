"""Tokenizers side by side: into how many tokens they cut a text, and how much of it they know."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from weft.data.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Cut:
    """What one tokenizer makes of one corpus.

    ``fertility``: tokens for each word between spaces. ``unknown``: share of tokens that are the unknown one. ``lost``: share of words with one of
    those in them, words out of the vocabulary. ``used``: share of the vocabulary, special tokens apart, that occurs. ``bytes_per_token``: of UTF-8,
    the compression. ``saved``: bytes of the tokenizer's spec as JSON. ``seconds``: of encoding the corpus once, on this machine now.
    """

    tokenizer: str
    corpus: str
    texts: int
    tokens: int
    fertility: float
    unknown: float
    lost: float
    used: float
    bytes_per_token: float
    saved: int
    seconds: float


def compare_tokenizers(tokenizers: Mapping[str, Tokenizer], corpora: Mapping[str, Iterable[str]]) -> list[Cut]:
    """Every fitted tokenizer on every corpus, all figures of ``Cut``; shares of nothing are 0.

    Paper: Rust et al., 2021, arXiv:2012.15613 (fertility). Raises ValueError for a tokenizer that is not fitted, or none.
    Use on texts that no tokenizer was fitted on, before choosing one or its size; for several languages give each as a corpus of its own.
    Cost: every text is encoded once, and each of its words alone.

    >>> from weft.data.text.words import WordTokenizer
    >>> words = WordTokenizer("whitespace", min_count=1).fit(["the cat sat"])
    >>> cut, = compare_tokenizers({"words": words}, {"cats": ["the cat ran"]})
    >>> cut.tokens, cut.fertility, round(cut.unknown, 2), round(cut.used, 2), cut.bytes_per_token
    (3, 1.0, 0.33, 0.67, 3.6666666666666665)
    """
    bare = [name for name, tokenizer in tokenizers.items() if not tokenizer.num_tokens]
    if bare or not tokenizers:
        raise ValueError(f"Tokenizers to compare must be fitted; these are not: {bare or 'none was given'}")
    held = {name: list(texts) for name, texts in corpora.items()}
    return [_cut(name, tokenizer, corpus, texts) for corpus, texts in held.items() for name, tokenizer in tokenizers.items()]


def _cut(name: str, tokenizer: Tokenizer, corpus: str, texts: Sequence[str]) -> Cut:
    start = time.perf_counter()
    rows = [tokenizer.encode(text) for text in texts]
    seconds = time.perf_counter() - start
    numbers = {token: number for number, token in enumerate(tokenizer.vocabulary or ())}
    special = {numbers[token] for token in tokenizer.specials}
    unknown = numbers[tokenizer.specials[1]] if len(tokenizer.specials) > 1 else -1
    tokens = sum(map(len, rows))
    words = [word for text in texts for word in text.split()]
    known = {word: unknown not in tokenizer.encode(word) for word in set(words)}
    return Cut(
        tokenizer=name,
        corpus=corpus,
        texts=len(texts),
        tokens=tokens,
        fertility=tokens / max(1, len(words)),
        unknown=sum(row.count(unknown) for row in rows) / max(1, tokens),
        lost=sum(not known[word] for word in words) / max(1, len(words)),
        used=len({number for row in rows for number in row} - special) / max(1, tokenizer.num_tokens - len(special)),
        bytes_per_token=sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / max(1, tokens),
        saved=len(json.dumps(tokenizer.spec())),
        seconds=seconds,
    )


def cut_table(cuts: Sequence[Cut]) -> str:
    """The figures as a Markdown table, a line for each tokenizer on each corpus, in the order given.

    >>> print(cut_table([Cut("words", "news", 1, 4, 1.0, 0.25, 0.25, 0.5, 5.5, 80, 0.5)]).splitlines()[2])
    | news | words | 4 | 1.00 | 25.0% | 25.0% | 50.0% | 5.50 | 80 | 0.50 |
    """
    lines = ["| corpus | tokenizer | tokens | a word | unknown | words lost | vocabulary used | bytes a token | saved, bytes | seconds |"]
    lines.append("|---|---|" + "--:|" * 8)
    for c in cuts:
        lines.append(
            f"| {c.corpus} | {c.tokenizer} | {c.tokens} | {c.fertility:.2f} | {c.unknown:.1%} | {c.lost:.1%} | {c.used:.1%} | {c.bytes_per_token:.2f}"
            f" | {c.saved} | {c.seconds:.2f} |"
        )
    return "\n".join(lines)
