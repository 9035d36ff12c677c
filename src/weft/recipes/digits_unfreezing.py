"""Features learnt on some digits, used for others of which few are labelled: unfrozen from the top, stage by stage."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from weft.catalogue import build
from weft.data import Arrays, ImageCodec, RandomAffine, Subset
from weft.engine import Epochs, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import adamw, cosine
from weft.recipes.digits import MEASURED, accuracy, columns, learn, only, parts
from weft.recipes.few_labels import few
from weft.recipes.session import Result, Session
from weft.surgery import gradual_unfreezing

KNOWN, NEW = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)
FROM_THE_TOP = ("head", "features.7", "features.6", "features")  # of a simple_cnn with three stages; the last is all that is left


def in_four_directions(part: Subset) -> Arrays:
    """Each digit upright and turned by one, two and three quarters; what it is and how it lies are one of 20 classes.

    Five classes alone would leave features that tell these five apart and nothing else.
    """
    upright, turns = columns(part), range(4)
    images = torch.cat([upright["image"].rot90(turn, (1, 2)) for turn in turns])
    return Arrays({"image": images, "label": torch.cat([upright["label"] + len(KNOWN) * turn for turn in turns])})


def digits_unfreezing(
    session: Session,
    *,
    each: int = 5,
    epochs: int = 15,
    stage_epochs: int = 40,
    batch_size: int = 64,
    few_batch_size: int = 25,
    lr: float = 3e-3,
    head_lr: float = 3e-3,
    further_lr: float = 1e-3,
    width: int = 12,
) -> Result:
    """Learn the digits 5 to 9 from ``each`` labelled pictures of every one, on features learnt on the digits 0 to 4.

    The stage ``known`` trains a network to say which of the first five digits it sees and how it is turned. With a new head, it is then unfrozen
    from the top, a stage of ``stage_epochs`` for each part, the optimizer going on with what it remembers. ``scratch`` trains the same network
    from its first weights, all at once, for as many steps on the same few pictures; ``at_once`` does so from the learnt features. Their accuracies
    are ``accuracy_scratch`` and ``accuracy_at_once``. The last weights count, since there are no labels left to choose by.
    Expected: 0.91 accuracy on held-out pictures of the digits 5 to 9 against 0.85 from scratch (means of 5 seeds). Unfreezing all at once does as
    well here: the features are worth the 6 points, not the order.
    """
    shares = parts()
    known = {name: in_four_directions(only(shares[name], KNOWN)) for name in ("train", "val")}
    codec = ImageCodec(size=8, channels=1, mean=[0.0], std=[1.0])
    old, new = codec.fit(known["train"]), replace(codec, classes=[str(digit) for digit in NEW])
    moved = [RandomAffine(degrees=12, scale=0.15, shear=0.1, shift=0.12)]
    earlier, val = session.loaders(known, old, batch_size, transforms=moved)
    named = few(only(shares["train"], NEW), each, session.seed)
    train, test = session.loaders({"train": named, "test": only(shares["test"], NEW)}, new, few_batch_size)
    network = build("simple_cnn", {"in_channels": 1, "num_classes": new.num_classes, "width": width})
    scratch, head = copy.deepcopy(network), network.head
    network.head = torch.nn.Linear(head.in_features, old.num_classes)
    learn(session, "known", Supervised(network, cross_entropy), earlier, val, epochs=epochs, lr=lr)
    network.head = head
    whole = stage_epochs * len(FROM_THE_TOP)
    alone = learn(session, "scratch", Supervised(scratch, cross_entropy), train, epochs=whole, lr=lr)
    at_once = learn(session, "at_once", Supervised(copy.deepcopy(network), cross_entropy), train, epochs=whole, lr=further_lr)
    method = Supervised(network, cross_entropy)
    for stage in gradual_unfreezing(network, FROM_THE_TOP):
        rate = adamw(head_lr if stage == "head" else further_lr, weight_decay=0.05)
        session.fit(stage, method, train, {"unfreezing": Update(rate, on="network", schedule=cosine())}, until=Epochs(stage_epochs))
    beside = {"accuracy_scratch": accuracy(alone, test), "accuracy_at_once": accuracy(at_once, test)}
    return session.finish(method, test, MEASURED | beside, codec=new)
