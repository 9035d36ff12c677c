"""Features of handwritten digits from comparing views of them, without labels."""

from __future__ import annotations

from weft.methods import SimCLR
from weft.recipes.few_labels import encoder, learn, projector
from weft.recipes.session import Result, Session


def digits_simclr(
    session: Session, *, epochs: int = 80, batch_size: int = 200, lr: float = 3e-3, width: int = 32, temperature: float = 0.2, labels: int = 10
) -> Result:
    """Learn features of scikit-learn's handwritten digits with SimCLR, and see what a few labels make of them.

    The network sees 1,262 pictures without their labels, each twice: turned, scaled, sheared, shifted and noisy. A linear probe then gets its
    features of ``labels`` pictures a class. ``accuracy``: the probe's on 535 held-out digits, which are the same for every seed; ``untrained``: that
    of the network before training; ``raw_pixels``: that of pixels as features. ``width``: channels of the first of two stages.
    ``temperature``: the lower, the more the nearest other pictures count. The bundle's verb is embed.
    Expected: 0.96 accuracy, against 0.84 untrained and 0.88 of raw pixels (mean of 5 seeds).
    """
    network, features = encoder(width)
    method = SimCLR(network, projector(features, 64), temperature=temperature)
    return learn(session, method, epochs=epochs, batch_size=batch_size, lr=lr, labels=labels)
