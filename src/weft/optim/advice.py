"""Which optimizer to begin with, and why; what to tune, in which order and range; how large a batch pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from weft._lazy import unknown


@dataclass(frozen=True)
class Range:
    """A number to tune: where it usually lies, what it does, and whether to search on a logarithmic scale."""

    name: str
    low: float
    high: float
    usual: float
    effect: str
    logarithmic: bool = False


# In the order in which to tune.
RANGES: tuple[Range, ...] = (
    Range("lr", 1e-5, 1e-1, 1e-3, "too high diverges, too low stands still; find it before anything else", True),
    Range("batch", 16, 512, 64, "larger is steadier and wants a larger rate; bounded by memory and by the noise scale", True),
    Range("layers", 2, 100, 4, "depth; beyond ten with residual connections and normalisation", True),
    Range("units", 32, 2048, 256, "width, in powers of two; more needs more data or regularisation", True),
    Range("dropout, dense", 0.3, 0.5, 0.5, "against overfitting in dense layers"),
    Range("dropout, convolution", 0.1, 0.3, 0.1, "against overfitting in convolutions, or drop_path instead"),
    Range("weight_decay", 1e-6, 1e-2, 1e-4, "shrinks matrices; of AdamW 0.01 to 0.1", True),
    Range("l1 or l2 penalty", 1e-5, 1e-2, 1e-4, "sparse or small weights; not together with weight_decay", True),
    Range("label smoothing", 0.0, 0.2, 0.1, "less sure answers"),
    Range("patience", 5, 20, 10, "evaluations without progress before stopping"),
)


@dataclass(frozen=True)
class Advice:
    """A catalogue name, a rate to search around, a schedule, and the reasons."""

    optimizer: str
    lr: float
    schedule: str
    why: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.optimizer}, lr around {self.lr:g} (search a decade each way), {self.schedule}\n" + "\n".join(
            f"- {reason}" for reason in self.why
        )


NETWORKS = ("mlp", "cnn", "transformer", "recurrent", "gan", "reinforcement")


def advise(
    network: str = "mlp",
    *,
    batch: int = 64,
    sparse: bool = False,
    whole: bool = False,
    tight_memory: bool = False,
    fine_tune: bool = False,
    known_length: bool = True,
) -> Advice:
    """An optimizer to begin with. Whatever it says, the rate has to be searched: adaptive rules need that as much as the others.

    ``network`` is one of mlp, cnn, transformer, recurrent, gan, reinforcement; ``batch`` the samples of a step; ``sparse`` embeddings with sparse
    gradients; ``whole`` the whole data in each step and few parameters; ``tight_memory`` state does not fit. Errors: an unknown network.

    >>> advise("cnn", batch=4096).optimizer, advise(whole=True).optimizer
    ('lars', 'lbfgs')
    """
    if network not in NETWORKS:
        raise unknown("network", network, NETWORKS)
    schedule = "warmup(500) | cosine()" if known_length else "plateau on the validation loss, or a schedule-free rule"
    if sparse:
        why = ("sparse gradients move only the rows that were used; by_parts gives the rest its own rule",)
        return Advice("sparse_adam", 1e-3, schedule, why)
    if whole:
        return Advice("lbfgs", 1.0, "none", ("with the same objective at every step curvature can be learned; few, dear steps",))
    if network in ("gan", "reinforcement"):
        why = ("moving targets: no decay, little momentum (betas 0.5 or 0.9), small rates",)
        return Advice("adam", 2e-4 if network == "gan" else 3e-4, "constant", why)
    if batch >= 2048:
        rule, lr = ("lars", 1.0) if network == "cnn" else ("lamb", 2e-3)
        why = ("beyond a few thousand samples a rate for each layer keeps the first epochs stable",)
        return Advice(rule, lr, "warmup over the first twentieth | cosine()", why)
    if tight_memory:
        why = ("adafactor keeps a row and a column of each matrix; lion keeps half of AdamW's state",)
        return Advice("adafactor" if network == "transformer" else "lion", 1e-2 if network == "transformer" else 1e-4, schedule, why)
    if network == "cnn" and not fine_tune:
        return Advice("sgd", 0.1, schedule, ("with momentum 0.9 and a full schedule it generalises at least as well as adaptive rules on pictures",))
    if not known_length:
        return Advice("schedule_free_adamw", 2.5e-3, "none", ("an average takes the place of a schedule that would need the length",))
    why = ["decoupled decay, forgiving"] + (["gradients of recurrent nets explode: clip_norm at 1 to 5"] if network == "recurrent" else [])
    if fine_tune:
        why.append("small rates, smaller still for early layers: by_depth or layerwise")
    return Advice("adamw", 2e-5 if fine_tune and network == "transformer" else 1e-4 if fine_tune else 1e-3, schedule, tuple(why))


def noise_scale(small: Sequence[float | Tensor], large: Sequence[float | Tensor], small_batch: int, large_batch: int) -> float:
    """The simple noise scale tr(S) / |G|^2: about the batch size above which larger batches stop paying.

    ``small`` and ``large`` are squared norms of gradients over batches of two sizes, several of each: |G|^2 = (B l - b s) / (B - b) and
    tr(S) = (s - l) / (1 / b - 1 / B) of their means s and l; infinite when no slope is left over the noise.
    Errors: sizes that do not differ, no measurements.
    Paper: McCandlish et al., 2018, arXiv:1812.06162. Use to choose a batch size; measure anew later in training, for it grows.

    >>> noise_scale([5.0], [2.0], 1, 4)
    4.0
    """
    if not 0 < small_batch < large_batch or not len(small) or not len(large):
        raise ValueError(
            f"noise_scale: batches of {small_batch} and {large_batch}, {len(small)} and {len(large)} norms; expected two sizes, the small one"
            " first, and norms of both."
        )
    s, l = (float(sum(float(v) for v in values) / len(values)) for values in (small, large))
    slope = (large_batch * l - small_batch * s) / (large_batch - small_batch)
    noise = (s - l) / (1 / small_batch - 1 / large_batch)
    return noise / slope if slope > 0 else float("inf")
