"""The signs of an illness: each function looks at the evidence and says, with figures, what it sees, or None."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass

from weft.observe.health.evidence import Evidence


@dataclass(frozen=True)
class Limits:
    """Where healthy ends. Found on small dense, convolutional and recurrent networks; each stands well between what healthy and ill ones showed."""

    high_ratio: float = 0.15  # |step| / |weight|; healthy trainings stayed below 0.05
    low_ratio: float = 5e-4  # its largest value over the run; healthy ones came above 1e-2
    spike: float = 1.5  # times the first loss
    dead: float = 0.75  # of a layer; healthy ones had up to 0.52
    saturated: float = 0.5
    purity: float = 0.95
    input_rms: float = 10.0
    input_small: float = 0.01
    input_spread: float = 1e4
    through_time: float = 10.0
    norm: float = 10.0
    trend: float = -3.0  # powers of ten
    frozen: float = 0.05  # of the network's weights
    tiny: int = 4  # samples that a batch norm sees
    reduction: float = 2.0  # how far the first loss may be from a multiple by the batch
    gap: float = 0.1  # between validation and training loss, of the loss of knowing nothing


def reduction(e: Evidence, limit: Limits) -> str | None:
    """The first loss is more (or less) than a mean over these outputs can be, by about the batch or its items.

    A mean cross entropy of outputs that are at most m in size lies between log K - 2 m and log K + 2 m.
    """
    batch, items, size = (next(iter(e.reported(f"output/{name}")), 0.0) for name in ("batch", "items", "size"))
    if e.classes < 2 or batch < 8 or e.first <= 0:
        return None
    guess, room = math.log(e.classes), 2 * size
    far = limit.reduction if e.names_classes else 1 + (limit.reduction - 1) / 4  # another loss may come near by chance
    for count, what in ((batch, "batch"), (items, "number of items in the batch"), (items / batch, "length of the sequences")):
        for factor, verb in ((count, "times"), (1 / count if count else 0.0, "over")):
            outside = e.first > guess + room if factor > 1 else e.first < guess - room
            if count >= 8 and outside and 1 / far < e.first / (guess * factor) < far:
                return f"The first loss was {e.first:.4g}: about log {e.classes} = {guess:.3g} {verb} the {what}, {count:.0f}."
    return None


def unnormalised(e: Evidence, limit: Limits) -> str | None:
    """The input's values are far from 1, and no norm comes first."""
    rms, spread = e.most("input/rms"), statistics.median(e.reported("input/spread") or [0.0])
    if not rms or e.latest("input/normed"):
        return None
    if rms > limit.input_rms or rms < limit.input_small:
        return f"The input's root mean square is {rms:.3g} (mean {e.latest('input/mean'):.3g}); about 1 is expected."
    if limit.input_spread < spread < math.inf:
        return f"Columns of the input differ {spread:.3g} times in their spread."
    return None


def frozen(e: Evidence, limit: Limits) -> str | None:
    """Weights that need no gradient and were never marked as frozen, or that get none."""
    share, unused = e.latest("frozen/share"), e.reported("gradient/unused")
    if share >= limit.frozen:
        return f"{share:.0%} of the network's weights need no gradient, {e.where('frozen/')} among them, and weft.surgery.freeze did not mark them."
    if len(unused) >= 3 and min(unused) >= limit.frozen and e.most("relu/dead") < limit.dead and e.most("rows/silent") < limit.dead:
        return f"{min(unused):.0%} of the trained weights never had a gradient, or one of zeros: something cuts them off from the loss."
    return None


def tiny_batch(e: Evidence, limit: Limits) -> str | None:
    """Batch norm over very few samples."""
    batch = e.reported("batchnorm/batch")
    if batch and statistics.median(batch) <= limit.tiny:
        return f"Batch norm took its mean and deviation over {statistics.median(batch):.0f} samples; they are mostly noise."
    return None


def leak(e: Evidence, limit: Limits) -> str | None:
    """One input value alone tells the class, and the network is nearly always right."""
    purity, accuracy = e.latest("leak/purity"), e.accuracy
    good = accuracy > 0.9 if accuracy is not None else e.ending("loss") < 0.1 * e.chance
    if purity >= limit.purity and good:
        place, samples = e.latest("leak/feature"), e.latest("leak/samples")
        return f"{purity:.1%} of the variance of input value {place:.0f} lies between the classes answered (over {samples:.0f} samples)."
    return None


def exploding(e: Evidence, limit: Limits) -> str | None:
    """Gradients grow on their way back through time from the very first step, or are huge for no other reason."""
    if e.at_first("gradient/through_time") >= limit.through_time and e.at_first("gradient/norm") >= limit.norm:
        return (
            f"At step 1 the recurrent weights had {e.at_first('gradient/through_time'):.3g} times the gradient of the last layer (norm of all:"
            f" {e.at_first('gradient/norm'):.3g})."
        )
    later, norm = e.most("gradient/through_time"), max([e.most("gradient/norm"), *e.values("grad_norm")])
    if later >= limit.through_time and norm >= limit.norm and not fast(e, limit):
        return f"The recurrent weights had up to {later:.3g} times the gradient of the last layer, with a norm of {norm:.3g}."
    return None


def fast(e: Evidence, limit: Limits) -> float:
    """The largest update over weight, when it is beyond the limit; else 0."""
    ratio = e.most("update/ratio")
    return ratio if ratio > limit.high_ratio else 0.0


def too_high(e: Evidence, limit: Limits) -> str | None:
    """Steps that are a large share of the weights, and a loss that shows it."""
    ratio, losses, first = fast(e, limit), [*e.values("loss"), *(e.values(e.validation) if e.validation else [])], e.first
    if not losses or not first or e.at_first("gradient/through_time") >= limit.through_time:
        return None
    worst, end = max(losses), e.ending("loss")
    if ratio and (worst > limit.spike * first or e.failed or end > 0.9 * e.chance):
        rose = f"the loss rose from {first:.3g} to {worst:.3g}" if worst > limit.spike * first else f"the loss ended at {end:.3g}"
        return f"A step changed the weights by up to {ratio:.0%} of their size (0.1 % to 5 % is usual), and {rose}."
    known = bool(e.reported("update/ratio"))
    if not known and e.validation and worst > 2 * limit.spike * first:
        return f"The loss rose from {first:.3g} to {worst:.3g}."
    return None


def dead(e: Evidence, limit: Limits) -> str | None:
    """ReLU units that no sample wakes."""
    share = e.latest("relu/dead")
    if share >= limit.dead:
        return f"{share:.0%} of the units of {e.where('dead/') or 'a layer'} were zero for every sample of three looks running."
    silent = e.latest("rows/silent")
    if silent >= limit.dead:  # an activation that is a function, not a module
        return f"{silent:.0%} of the output units of a layer had no gradient at all in three looks running."
    return None


def saturated(e: Evidence, limit: Limits) -> str | None:
    """Sigmoids and tanhs at the ends of their range."""
    values = e.reported("bounded/saturated")
    if values and statistics.median(values) >= limit.saturated:
        share = statistics.median(values)
        return f"{share:.0%} of the values of {e.where('saturated/')} lie in the outer hundredth of its range, where it has no slope."
    return None


def vanishing(e: Evidence, limit: Limits) -> str | None:
    """Early layers get a tiny share of the gradient that late ones get."""
    trend = e.reported("gradient/trend")
    if trend and statistics.median(trend) <= limit.trend:
        return f"Relative to their weights, the first layers get 10^{statistics.median(trend):.1f} of the gradient of the last ones."
    return None


def too_low(e: Evidence, limit: Limits) -> str | None:
    """Steps that are next to nothing, and most of the loss still there."""
    ratios, end = e.reported("update/ratio"), e.ending("loss")
    if len(ratios) >= 3 and 0 < max(ratios) < limit.low_ratio and e.steps >= 50 and end > 0.6 * e.first:
        slow = f"A step changed the weights by at most {max(ratios):.1e} of their size (1e-3 is usual)"
        return f"{slow}, and the loss went only from {e.first:.3g} to {end:.3g}."
    return None


def strangers(e: Evidence, limit: Limits) -> str | None:
    """The weights move, and on data not trained on nothing was ever learned."""
    held, chance, end = e.values(e.validation) if e.validation else [], e.chance, e.ending("loss")
    ratios = e.reported("update/ratio")
    if len(held) < 3 or not e.classifies or e.steps < 50 or end > 1.1 * chance or (ratios and max(ratios) < limit.low_ratio):
        return None
    if min(held) < 0.95 * chance or (e.accuracy is not None and e.accuracy > 2 / e.classes):
        return None
    fell = f"the training loss fell to {end:.3g}" if end < 0.95 * chance else f"the training loss stayed at {end:.3g}"
    return f"The validation loss never came below {min(held):.3g} (guessing gives {chance:.3g}), while {fell}."


def overfit(e: Evidence, limit: Limits) -> str | None:
    """The training loss is nearly nothing, the validation loss is not and no longer falls."""
    held, end = e.values(e.validation) if e.validation else [], e.ending("loss")
    if len(held) < 5 or min(held) > 0.9 * e.chance:
        return None
    last, early = e.ending(e.validation), min(held[: max(1, round(0.7 * len(held)))])
    stale = min(held[round(0.7 * len(held)) :]) > 0.95 * early
    gap = last - end
    if gap > limit.gap * e.chance and end < 0.2 * last and stale:
        when = (held.index(min(held)) + 1) / len(held)
        return f"The training loss is {end:.3g}, the validation loss {last:.3g}; its best, {min(held):.3g}, was reached after {when:.0%} of the run."
    if min(held[-3:]) > 1.25 * min(held) and end < 0.5 * last and gap > limit.gap * e.chance:
        return f"The validation loss rose from {min(held):.3g} to {last:.3g} while the training loss went down to {end:.3g}."
    return None


def nan(e: Evidence, limit: Limits) -> str | None:
    """A loss or gradient that is not a number."""
    if e.failed.get("error") == "NonFinite":
        return str(e.failed.get("message", "The training stopped at a step that is not finite."))
    bad = next((row for row in e.metrics if any(isinstance(row.get(n), float) and not math.isfinite(row[n]) for n in ("loss", e.validation))), None)
    if bad is not None:
        return f"At step {bad.get('step')} the loss was not finite."
    return f"Gradients of {e.most('gradient/nonfinite'):.0f} parameters were not finite." if e.most("gradient/nonfinite") else None


def memory(e: Evidence, limit: Limits) -> str | None:
    """The device had no room."""
    return str(e.failed.get("message", "")) if e.failed.get("error") == "OutOfMemoryError" else None


def oscillating(e: Evidence, limit: Limits) -> str | None:
    """The validation loss goes up and down by a large share of itself, to the end."""
    held = e.values(e.validation) if e.validation else []
    late = held[len(held) // 2 :]
    if len(late) < 5:
        return None
    moves = [b - a for a, b in itertools.pairwise(late)]
    turns = sum(a * b < 0 for a, b in itertools.pairwise(moves))
    size = statistics.median(abs(move) for move in moves) / max(statistics.median(late), 1e-12)
    if size > 0.25 and turns >= 0.6 * (len(moves) - 1) and statistics.median(late) > 0.02 * e.chance:
        return f"From one evaluation to the next the validation loss changes by {size:.0%} of itself, up and down."
    return None


def flat(e: Evidence) -> float | None:
    """The level at which the training loss stands still although the rate is still high; None when it moves."""
    rates = e.values("lr")
    rows = [row for row in e.metrics if "loss" in row and (not rates or float(row.get("lr", 0.0)) >= 0.2 * max(rates))]
    losses = [float(row["loss"]) for row in rows if math.isfinite(float(row["loss"]))]
    if len(losses) < 20 or e.steps < 100:
        return None
    quarter = len(losses) // 4
    before, after = statistics.mean(losses[quarter : 2 * quarter]), statistics.mean(losses[-quarter:])
    return after if abs(before - after) < 0.02 * e.chance else None


def plateau(e: Evidence, limit: Limits) -> str | None:
    """The loss stands where it began."""
    level = flat(e)
    return (
        f"The training loss stands at {level:.3g}; knowing nothing gives {e.chance:.3g}."
        if level is not None and level > 0.9 * e.chance and e.validation
        else None
    )


def underfit(e: Evidence, limit: Limits) -> str | None:
    """The loss stands still far above nothing, in training as in validation."""
    level, held = flat(e), e.ending(e.validation) if e.validation else math.nan
    if level is None or not e.classifies or not 0.3 * e.chance < level <= 0.9 * e.chance or not level > 0.85 * held:
        return None
    return f"The training loss stands at {level:.3g}, the validation loss at {held:.3g}: both far above nothing, and neither moves."
