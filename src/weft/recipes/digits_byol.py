"""Features of handwritten digits from predicting one view by another, without labels."""

from __future__ import annotations

from weft.methods import BYOL
from weft.recipes.few_labels import encoder, learn, projector
from weft.recipes.session import Result, Session


def digits_byol(
    session: Session, *, epochs: int = 80, batch_size: int = 200, lr: float = 3e-3, width: int = 32, decay: float = 0.95, labels: int = 10
) -> Result:
    """Learn features of scikit-learn's handwritten digits with BYOL, and see what a few labels make of them.

    The network sees 1,262 pictures without their labels, each twice: turned, scaled, sheared, shifted and noisy. A linear probe then gets its
    features of ``labels`` pictures a class. ``accuracy``: the probe's on 535 held-out digits, which are the same for every seed; ``untrained``: that
    of the network before training; ``raw_pixels``: that of pixels as features. ``width``: channels of the first of two stages.
    ``decay``: of the averages that say what is to be predicted. The bundle's verb is embed.
    Expected: 0.95 accuracy, against 0.84 untrained and 0.88 of raw pixels (mean of 5 seeds).
    """
    network, features = encoder(width)
    method = BYOL(network, projector(features, 64), projector(64, 64), decay=decay)
    return learn(session, method, epochs=epochs, batch_size=batch_size, lr=lr, labels=labels)
