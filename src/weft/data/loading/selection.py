"""Which records to label next: the uncertain, the disputed, those unlike all that is labelled; and who is labelled by now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.data.keyed import hashed

KINDS = ("entropy", "margin", "least_confidence")
JOINT = 65_536  # outcomes of a batch that are told apart


def uncertainty(probabilities: Float[Tensor, "n c"], kind: str = "entropy") -> Float[Tensor, " n"]:
    """How unsure a classifier is of each record, the larger the less sure.

    ``entropy``: -sum p ln p; ``margin``: 1 - (p1 - p2) of the two likeliest classes; ``least_confidence``: 1 - p1. For two classes all three
    give one order. Raises ValueError for an unknown kind and rows that are no probabilities.

    Paper: Settles, 2009, Active Learning Literature Survey, Wisconsin TR 1648; margin: Scheffer et al., 2001, doi:10.1007/3-540-44816-0_31.
    Use to choose what to label next, ``margin`` first; instead of it, ``k_centre`` when whole batches are labelled and must differ. Cost: none.

    >>> uncertainty(torch.tensor([[1.0, 0.0], [0.5, 0.5]])).tolist()
    [0.0, 0.6931471824645996]
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}; expected one of {', '.join(KINDS)}")
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or not bool(((probabilities.sum(1) - 1).abs() < 1e-3).all()):
        shape = tuple(probabilities.shape)
        raise ValueError(f"Expected probabilities (n, classes) whose rows sum to 1; got shape {shape}. Take the softmax of logits")
    if kind == "entropy":
        return torch.special.entr(probabilities).sum(1)
    first, second = probabilities.topk(2, 1).values.unbind(1)
    return 1 - first if kind == "least_confidence" else 1 - (first - second)


def disagreement(samples: Float[Tensor, "t n c"]) -> Float[Tensor, " n"]:
    """How much several predictions of one record contradict each other (BALD): H(mean_t p_t) - mean_t H(p_t), in nats, never negative.

    ``samples`` are the probabilities of an ensemble or of draws with dropout. What all find equally unclear scores 0. Paper: Houlsby et al.,
    2011, arXiv:1112.5745.
    Use where noise in the labels fools ``uncertainty``. Cost: as many predictions.

    >>> disagreement(torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])).tolist()
    [0.6931471824645996, 0.0]
    """
    return (torch.special.entr(samples.mean(0)).sum(1) - torch.special.entr(samples).sum(2).mean(0)).clamp(min=0)


def batch_disagreement(samples: Float[Tensor, "t n c"], count: int) -> Int[Tensor, " count"]:
    """``count`` records that together tell most about the model (BatchBALD), chosen one after the other.

    Each next one maximises H(y_1 … y_k) - mean_t sum H(y_i | t), with the joint entropy over all C^k outcomes; a second record that says the same
    as the first adds nothing. Raises ValueError when C^(count - 1) outcomes are more than 65,536.

    Paper: Kirsch et al., 2019, arXiv:1906.08158; the sampled form for larger batches is left out.
    Use for small batches of labels with few classes; instead of it, the highest ``disagreement`` with a larger pool. Cost: T n C^count.

    >>> yes = torch.tensor([[9, 9, 1], [9, 9, 9], [1, 1, 1], [1, 1, 9]]) / 10.0  # of four draws; records 0 and 1 say the same
    >>> batch_disagreement(torch.stack([yes, 1 - yes], 2).double(), 2).tolist()
    [0, 2]
    """
    draws, size, classes = samples.shape
    if not 1 <= count <= size or classes ** (count - 1) > JOINT:
        raise ValueError(f"count={count} of {size} records of {classes} classes; expected 1 or more, and at most {JOINT:,} joint outcomes")
    given = torch.special.entr(samples).sum(2).mean(0)
    joint, chosen = samples.new_ones(draws, 1), list[int]()
    for _ in range(count):
        mean = torch.einsum("tj,tnc->njc", joint, samples) / draws
        score = torch.special.entr(mean).sum((1, 2)) - given
        score[chosen] = -torch.inf
        best = int(score.argmax())
        chosen.append(best)
        joint = (joint[:, :, None] * samples[:, best, None, :]).flatten(1)
    return torch.tensor(chosen)


def k_centre(features: Float[Tensor, "n d"], count: int, labelled: Int[Tensor, " m"] | None = None) -> Int[Tensor, " count"]:
    """``count`` records so that every record lies near a labelled one: each next one is that farthest from all so far (greedy k-centre).

    The largest distance left over is at most twice the least possible. Without ``labelled`` it begins with the record nearest to the mean.
    Raises ValueError for more records than are open.

    Paper: Sener and Savarese, 2018, arXiv:1708.00489 (core set); bound: Gonzalez, 1985, doi:10.1016/0304-3975(85)90224-5.
    Use to label a whole batch without repetitions; instead of it, ``uncertainty`` for one record at a time. Cost: O(count n d).

    >>> k_centre(torch.tensor([[0.0], [0.1], [5.0], [9.0]]), 2, torch.tensor([0])).tolist()
    [3, 2]
    """
    known = [] if labelled is None else labelled.tolist()
    has = len(set(known))
    if not 1 <= count <= len(features) - has:
        raise ValueError(f"count={count} of {len(features)} records, of which {has} are labelled; expected at least 1 and no more than are open")
    chosen: list[int] = []
    far = torch.full((len(features),), torch.inf, dtype=features.dtype)
    for i in known:
        far = torch.minimum(far, (features - features[i]).norm(dim=1))
    while len(chosen) < count:
        if not known and not chosen:
            best = int((features - features.mean(0)).norm(dim=1).argmin())
        else:
            reach = far.clone()
            reach[known + chosen] = -1  # copies of a labelled record are at distance 0, and still open
            best = int(reach.argmax())
        chosen.append(best)
        far = torch.minimum(far, (features - features[best]).norm(dim=1))
    return torch.tensor(chosen)


class LabelPool:
    """Which of ``size`` records are labelled, in what order and round, within a ``budget`` of labels.

    ``labelled`` and ``open`` are record numbers; ``best(scores, count)`` the open records of the highest scores (one for each of all records, or
    for each open one); ``random(count)`` is the baseline; ``add(index)`` notes labels and returns what is left of the budget. ``rounds`` holds
    what each call added. The state is plain data.
    Errors: ``ValueError`` for a record that is labelled already or does not exist, and for more labels than the budget has.
    Use around a training that is repeated with more labels; ``Subset(source, pool.labelled)`` is its data. Cost: none.

    >>> pool = LabelPool(5, budget=3)
    >>> pool.add([4]), pool.add(pool.best(torch.tensor([0.1, 0.9, 0.3, 0.2, 1.0]), 2)), pool.labelled.tolist(), pool.open.tolist()
    (2, 0, [4, 1, 2], [0, 3])
    """

    def __init__(self, size: int, *, budget: int | None = None, seed: int = 0) -> None:
        if size < 1 or (budget is not None and not 1 <= budget <= size):
            raise ValueError(f"size={size}, budget={budget}; expected at least 1 record, and a budget between 1 and their number")
        self.size, self.budget, self.seed = size, size if budget is None else budget, seed
        self.rounds: list[list[int]] = []

    @property
    def labelled(self) -> Int[Tensor, " m"]:
        """The labelled records, in the order of labelling."""
        return torch.tensor([i for one in self.rounds for i in one], dtype=torch.int64)

    @property
    def open(self) -> Int[Tensor, " k"]:
        """The records without a label, in their order."""
        rest = torch.ones(self.size, dtype=torch.bool)
        rest[self.labelled] = False
        return rest.nonzero()[:, 0]

    @property
    def left(self) -> int:
        """Labels that the budget still has."""
        return self.budget - len(self.labelled)

    def best(self, scores: Float[Tensor, " n"], count: int) -> Int[Tensor, " m"]:
        """The open records of the highest scores, no more than the budget has; equal ones in their order."""
        rows = self.open
        if len(scores) not in (self.size, len(rows)):
            raise ValueError(f"{len(scores)} scores; expected one for each of {self.size} records or of {len(rows)} open ones")
        own = scores[rows] if len(scores) == self.size else scores
        return rows[own.argsort(descending=True, stable=True)[: min(count, self.left)]]

    def random(self, count: int) -> Int[Tensor, " m"]:
        """Open records drawn at random, others in each round."""
        rows = self.open
        return rows[hashed(self.seed, len(self.rounds), rows).argsort(stable=True)[: min(count, self.left)]]

    def add(self, index: Iterable[int] | Tensor) -> int:
        """Note that records have labels now; what is left of the budget."""
        new = [int(i) for i in index]
        wrong = sorted({i for i in new if not 0 <= i < self.size or new.count(i) > 1} | (set(new) & set(self.labelled.tolist())))
        if wrong or len(new) > self.left:
            why = f"record {wrong[0]} is labelled already, or there is no such record" if wrong else f"the budget has {self.left} labels left"
            raise ValueError(f"{len(new)} records cannot be labelled: {why}")
        self.rounds.append(new)
        return self.left

    def state_dict(self) -> dict[str, Any]:
        return {"size": self.size, "budget": self.budget, "seed": self.seed, "rounds": [list(one) for one in self.rounds]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.size, self.budget, self.seed, self.rounds = state["size"], state["budget"], state["seed"], [list(one) for one in state["rounds"]]
