"""Randomness keyed by (seed, epoch, record, transform): no state, hence the same for any number of workers."""

from __future__ import annotations

import copy
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15, the step of splitmix64, as a signed 64-bit integer
FIRST = -4658895280553007687  # 0xBF58476D1CE4E5B9
SECOND = -7723592293110705685  # 0x94D049BB133111EB


def shift(x: Int[Tensor, " *n"], bits: int) -> Int[Tensor, " *n"]:
    """Logical shift to the right; torch's own repeats the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Int[Tensor, " *n"]) -> Int[Tensor, " *n"]:
    """The finaliser of splitmix64: a bijection of 64-bit integers in which each input bit moves about half of the output bits.

    Paper: Steele, Lea, Flood, 2014, doi:10.1145/2714064.2660195.
    """
    x = (x ^ shift(x, 30)) * FIRST
    x = (x ^ shift(x, 27)) * SECOND
    return x ^ shift(x, 31)


def signed(value: int) -> int:
    """A Python integer wrapped into a signed 64-bit one."""
    return (value + 2**63) % 2**64 - 2**63


def hashed(*parts: int | Tensor) -> Tensor:
    """One well-mixed 64-bit integer of several; tensors broadcast.

    >>> bool((hashed(0, torch.arange(3)) == hashed(0, torch.arange(3))).all())
    True
    """
    key: Tensor = torch.zeros((), dtype=torch.int64)
    for part in parts:
        value = part if isinstance(part, Tensor) else torch.tensor(signed(part))
        key = mix((key ^ mix(value + GOLDEN)) * 3 + GOLDEN)
    return key


def shuffled(size: int, seed: int, epoch: int) -> Int[Tensor, " size"]:
    """The order of ``size`` records in an epoch: records sorted by their hash, the same on every platform.

    >>> sorted(shuffled(5, seed=0, epoch=1).tolist())
    [0, 1, 2, 3, 4]
    """
    return hashed(seed, epoch, torch.arange(size)).argsort(stable=True)


def uniform(size: int, *key: int) -> Float[Tensor, " size"]:
    """Numbers in [0, 1) with 53 bits, the same for the same key on every platform.

    >>> uniform(2, 7).dtype, torch.equal(uniform(2, 7), uniform(3, 7)[:2])
    (torch.float64, True)
    """
    return shift(hashed(*key, torch.arange(size)), 11).double() * 2.0**-53


class Random:
    """The random numbers of one transform for the records of one batch.

    A record's numbers depend on ``(seed, epoch, index, transform)`` and on how many draws came before, never on its neighbours in the
    batch or on the process: counter-based, as splitmix64. Every draw has shape (B, \\*shape).

    >>> a = Random(seed=1, epoch=0, index=torch.tensor([3, 7]), transform=0).uniform(2)
    >>> b = Random(seed=1, epoch=0, index=torch.tensor([7]), transform=0).uniform(2)
    >>> torch.equal(a[1], b[0])
    True
    """

    def __init__(self, seed: int, epoch: int, index: Int[Tensor, " b"], transform: int = 0) -> None:
        self.key = hashed(seed, epoch, transform, index)
        self.epoch = epoch
        self.draws = 0
        self.drawn: dict[tuple[int, tuple[int, ...]], Tensor] = {}  # what rows have asked for

    @staticmethod
    def of(key: Int[Tensor, " b"], epoch: int) -> Random:
        """The randomness of these keys, from its first draw on.

        >>> bool((Random.of(torch.tensor([5]), 0).bits() == Random.of(torch.tensor([5]), 0).bits()).all())
        True
        """
        made = Random.__new__(Random)
        made.key, made.epoch, made.draws, made.drawn = key, epoch, 0, {}
        return made

    def bits(self, *shape: int) -> Int[Tensor, " b *shape"]:
        """Uniform 64-bit integers."""
        start = mix(self.key + signed(GOLDEN * self.draws))
        self.draws += 1
        counter = torch.arange(1, math.prod(shape) + 1)
        return mix(start[:, None] + counter * GOLDEN).reshape(-1, *shape) if shape else mix(start + GOLDEN)

    def row(self, place: int) -> Random:
        """The same numbers for the record at one place of the batch alone, drawn for all places at once."""
        return Row(self, place)

    def uniform(self, *shape: int) -> Float[Tensor, " b *shape"]:
        """Uniform in [0, 1), 24 bits."""
        return shift(self.bits(*shape), 40).float() * 2.0**-24

    def chance(self, probability: float, *shape: int) -> Tensor:
        """True with the given probability, shape (B, \\*shape)."""
        return self.uniform(*shape) < probability

    def integers(self, low: int, high: int, *shape: int) -> Int[Tensor, " b *shape"]:
        """Uniform integers in [low, high)."""
        if high <= low:
            raise ValueError(f"integers({low}, {high}) is an empty range; high must be above low")
        return low + shift(self.bits(*shape), 1) % (high - low)

    def normal(self, *shape: int) -> Float[Tensor, " b *shape"]:
        """Standard normal, by Box and Muller (1958)."""
        radius = (-2 * (1 - self.uniform(*shape)).log()).sqrt()
        return radius * (2 * math.pi * self.uniform(*shape)).cos()

    def beta(self, alpha: float) -> Float[Tensor, " b"]:
        """Beta(alpha, alpha), one number a record: a ratio of two gammas, taken in logarithms so that a small alpha does not give 0 / 0."""
        return (self._log_gamma(alpha) - self._log_gamma(alpha)).sigmoid()

    def permutation(self) -> Int[Tensor, " b"]:
        """A random order of the batch."""
        return self.bits().argsort(stable=True)

    def _log_gamma(self, alpha: float) -> Float[Tensor, " b"]:
        """Logarithm of Gamma(alpha) draws by Marsaglia and Tsang (2000), doi:10.1145/358407.358414.

        Rejection needs a number of draws that is not known before, so eight candidates are drawn at once and the first good one is kept;
        each is good with probability above 0.95.
        """
        d = alpha + 1 - 1 / 3
        x, u = self.normal(8), 1 - self.uniform(8)
        v = (1 + x / math.sqrt(9 * d)).clamp(min=1e-12) ** 3
        good = (u.log() < 0.5 * x**2 + d - d * v + d * v.log()) & (v > 1e-12)
        first = good.int().argmax(1, keepdim=True)
        return (d * v.gather(1, first)[:, 0]).log() + (1 - self.uniform()).log() / alpha


class Row(Random):
    """One record's share of a batch's randomness: what it draws is drawn for its neighbours too, and kept for when they ask.

    >>> whole = Random(0, 0, torch.arange(3))
    >>> bool(whole.row(2).uniform() == Random(0, 0, torch.tensor([2])).uniform())
    True
    """

    def __init__(self, whole: Random, place: int) -> None:
        self.whole, self.place = whole, place
        self.key, self.epoch, self.draws = whole.key[place : place + 1], whole.epoch, 0

    def bits(self, *shape: int) -> Int[Tensor, " 1 *shape"]:
        key = (self.draws, shape)
        if key not in self.whole.drawn:
            every = copy.copy(self.whole)
            every.draws = self.draws
            self.whole.drawn[key] = every.bits(*shape)
        self.draws += 1
        return self.whole.drawn[key][self.place : self.place + 1]
