"""How near a text comes to the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from weft.metrics.metric import Metric, kept, pick, some
from weft.metrics.sequence import edit_distance, error_rate

REMEDY = "needs a package that is not installed: pip install 'weft[text-metrics]'"


class Texts(Metric):
    """What the metrics of texts share: lists of strings in the prediction and in the batch, with a mask (B,) of whole texts."""

    def count(self, outputs: Sequence[str], targets: Sequence[Any]) -> dict[str, Tensor]:
        """What these texts add."""
        raise TypeError(f"{type(self).__name__} must define count(outputs, targets).")

    def update(self, prediction: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Take one batch in."""
        outputs = pick(prediction, self.output, "prediction", type(self).__name__)
        targets = pick(batch, self.target, "batch", type(self).__name__)
        self.merge(self.count(*self.chosen(list(outputs), list(targets), batch.get(self.mask))))

    def chosen(self, outputs: list[Any], targets: list[Any], keep: Tensor | None) -> tuple[list[str], list[Any]]:
        """The texts that count."""
        if len(outputs) != len(targets):
            raise ValueError(f"Texts come in pairs; got {len(outputs)} outputs and {len(targets)} targets.")
        if keep is not None:
            if keep.ndim != 1:
                raise ValueError(f"Texts take a mask of whole rows (B,); got {tuple(keep.shape)}.")
            chosen = kept(torch.arange(len(outputs)), keep.cpu()).tolist()
            outputs, targets = [outputs[i] for i in chosen], [targets[i] for i in chosen]
        wrong = next((text for text in outputs if not isinstance(text, str)), None)
        if wrong is not None:
            raise TypeError(f"{type(self).__name__} compares strings; got {type(wrong).__name__}. Decode token ids first, or use EditDistance.")
        return outputs, targets

    def of(self, outputs: Sequence[str], targets: Sequence[Any]) -> float:
        """The number for these texts alone."""
        self.merge(self.count(*self.chosen(list(outputs), list(targets), None)))
        return float(self.compute())


def edits(outputs: Sequence[Sequence[str]], targets: Sequence[Sequence[str]]) -> list[int]:
    """The edit distance of each pair of lists of words or characters.

    >>> edits(["kitten", ""], ["sitting", "ab"])
    [3, 2]
    """
    if not outputs:
        return []
    numbers: dict[str, int] = {}
    sides = []
    for side in (outputs, targets):
        longest = max(map(len, side))
        rows = [[numbers.setdefault(unit, len(numbers)) for unit in units] + [-1] * (longest - len(units)) for units in side]
        sides.append(torch.tensor(rows, dtype=torch.long).view(len(rows), longest))
    guess, right = sides
    return edit_distance(guess, right, guess >= 0, right >= 0).tolist()


class ErrorRate(Texts):
    """What the error rates of texts share: edits and right units, summed over the corpus."""

    direction = "min"

    def units(self, text: str) -> list[str]:
        """The words, unless a metric says otherwise."""
        return text.split()

    def count(self, outputs: Sequence[str], targets: Sequence[str]) -> dict[str, Tensor]:
        guess, right = [self.units(text) for text in outputs], [self.units(text) for text in targets]
        totals = {"edits": sum(edits(guess, right)), "length": sum(map(len, right)), "count": len(right)}
        return {key: torch.tensor(float(value), dtype=torch.float64) for key, value in totals.items()}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        some(totals, self)
        return error_rate(totals["edits"], totals["length"])


def word_error_rate(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Edits of words / right words; see ``WordErrorRate``.

    >>> word_error_rate(["the cat sat"], ["the cat sat down"])
    0.25
    """
    return WordErrorRate().of(outputs, targets)


class WordErrorRate(ErrorRate):
    """WER: inserted, deleted and replaced words / words of the right texts, over the whole corpus; it may exceed 1.

    Words are what white space parts; case and punctuation count, so normalise both sides first if they should not.

    Shapes: prediction output and batch target: B strings each.
    Errors: ``ValueError`` for numbers of texts that differ; ``TypeError`` for other than strings. Without any right word 0 or infinite.
    Use when judging recognised speech; instead of it, ``CharacterErrorRate`` for languages without spaces or for handwriting.

    >>> metric = WordErrorRate()
    >>> metric.update({"output": ["the cat sat"]}, {"target": ["the cat sat down"]})
    >>> metric.compute()
    0.25
    """


def character_error_rate(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Edits of characters / right characters; see ``CharacterErrorRate``.

    >>> character_error_rate(["cat"], ["cart"])
    0.25
    """
    return CharacterErrorRate().of(outputs, targets)


class CharacterErrorRate(ErrorRate):
    """CER: inserted, deleted and replaced characters / characters of the right texts, over the whole corpus, spaces within included.

    Shapes: prediction output and batch target: B strings each.
    Errors: ``ValueError`` for numbers of texts that differ; ``TypeError`` for other than strings. Without any right character 0 or infinite.
    Use when words are the wrong unit; instead of it, ``WordErrorRate``.

    >>> metric = CharacterErrorRate()
    >>> metric.update({"output": ["cat"]}, {"target": ["cart"]})
    >>> metric.compute()
    0.25
    """

    def units(self, text: str) -> list[str]:
        return list(text.strip())


def bleu(outputs: Sequence[str], targets: Sequence[str | Sequence[str]]) -> float:
    """sacrebleu's BLEU of a corpus, 0 to 100; see ``BLEU``.

    >>> round(bleu(["the cat sat on the mat"], ["the cat sat on the mat"]))
    100
    """
    return BLEU().of(outputs, targets)


class BLEU(Texts):
    """BLEU of the whole corpus by sacrebleu, 0 to 100: the geometric mean of 1- to 4-gram precision, shortened by the brevity penalty.

    The state is sacrebleu's counts, so that batches and shards give what the whole corpus gives, not a mean of their scores.

    Shapes: prediction output: B strings; batch target: B strings, or B lists of strings where there are several right ones.
    Errors: ``ImportError`` with the remedy without the extra ``text-metrics``; ``ValueError`` for numbers of texts that differ.
    Paper: Papineni et al., 2002, doi:10.3115/1073083.1073135; Post, 2018, arXiv:1804.08771.
    Use when comparing translations with published figures; give ``tokenize`` as they did (``13a``, ``zh``, ``char``, ``intl``).

    >>> metric = BLEU()
    >>> metric.update({"output": ["the cat sat on the mat"]}, {"target": [["a cat sat", "the cat sat on the mat"]]})
    >>> round(metric.compute())
    100
    """

    def __init__(self, *, tokenize: str = "13a", lowercase: bool = False, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        self.tokenize, self.lowercase = tokenize, lowercase

    def count(self, outputs: Sequence[str], targets: Sequence[str | Sequence[str]]) -> dict[str, Tensor]:
        try:
            from sacrebleu.metrics.bleu import BLEU as Scorer
        except ImportError as error:
            raise ImportError(f"BLEU {REMEDY}") from error
        answers = [[target] if isinstance(target, str) else list(target) for target in targets]
        found = torch.zeros(2, 4, dtype=torch.float64)
        lengths = torch.zeros(3, dtype=torch.float64)
        if outputs:
            most = max(map(len, answers))
            # One list for the first right text of each, one for the second, ...; sacrebleu passes over None, though its types do not say so.
            columns = [[answer[i] if i < len(answer) else None for answer in answers] for i in range(most)]
            score = Scorer(tokenize=self.tokenize, lowercase=self.lowercase).corpus_score(list(outputs), cast("list[list[str]]", columns))
            found = torch.tensor([score.counts, score.totals], dtype=torch.float64)
            lengths = torch.tensor([score.sys_len, score.ref_len, len(outputs)], dtype=torch.float64)
        return {"found": found, "lengths": lengths[:2], "count": lengths[2]}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        from sacrebleu.metrics.bleu import BLEU as Scorer

        some(totals, self)
        right, all_of_them = totals["found"].long().tolist()
        said, wanted = totals["lengths"].long().tolist()
        return torch.tensor(Scorer.compute_bleu(right, all_of_them, said, wanted).score, dtype=torch.float64)


def rouge(outputs: Sequence[str], targets: Sequence[str | Sequence[str]], *, kind: str = "L", part: str = "f") -> float:
    """rouge-score's mean over texts, 0 to 1; see ``ROUGE``.

    >>> round(rouge(["the cat"], ["the cat sat"], kind="1"), 4)
    0.8
    """
    return ROUGE(kind, part).of(outputs, targets)


class ROUGE(Texts):
    """ROUGE by rouge-score, the mean over texts, 0 to 1: how many words (``1``), pairs of words (``2``) or how long a common
    subsequence (``L``) a text shares with the right one.

    ``part``: ``f``, ``precision`` or ``recall``. Of several right texts the one with the best F counts.

    Shapes: prediction output: B strings; batch target: B strings, or B lists of strings.
    Errors: ``ImportError`` with the remedy without the extra ``text-metrics``; ``ValueError`` for an unknown kind or part.
    Paper: Lin, 2004, https://aclanthology.org/W04-1013.
    Use when comparing summaries with published figures; it knows English words only (letters a to z and digits).

    >>> metric = ROUGE("1")
    >>> metric.update({"output": ["the cat"]}, {"target": ["the cat sat"]})
    >>> round(metric.compute(), 4)
    0.8
    """

    PARTS: ClassVar[dict[str, str]] = {"f": "fmeasure", "precision": "precision", "recall": "recall"}

    def __init__(
        self, kind: str = "L", part: str = "f", *, stemmer: bool = False, output: str = "output", target: str = "target", mask: str = "mask"
    ) -> None:
        super().__init__(output, target, mask)
        if kind not in ("1", "2", "L") or part not in self.PARTS:
            raise ValueError(f"ROUGE is of kind '1', '2' or 'L' and of part {', '.join(self.PARTS)}; got {kind!r} and {part!r}.")
        self.kind, self.part, self.stemmer = kind, part, stemmer

    def count(self, outputs: Sequence[str], targets: Sequence[str | Sequence[str]]) -> dict[str, Tensor]:
        try:
            from rouge_score.rouge_scorer import RougeScorer
        except ImportError as error:
            raise ImportError(f"ROUGE {REMEDY}") from error
        name = f"rouge{self.kind}"
        scorer = RougeScorer([name], use_stemmer=self.stemmer)
        total = 0.0
        for output, target in zip(outputs, targets, strict=True):
            score = scorer.score_multi([target] if isinstance(target, str) else list(target), output)[name]
            total += getattr(score, self.PARTS[self.part])
        return {"total": torch.tensor(total, dtype=torch.float64), "count": torch.tensor(float(len(outputs)), dtype=torch.float64)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)
