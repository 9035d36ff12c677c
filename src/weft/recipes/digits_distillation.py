"""A narrow network taught by a wide one, beside the same network alone."""

from __future__ import annotations

import copy

from weft.catalogue import build
from weft.data import ImageCodec
from weft.data.transforms.crop import RandomCrop
from weft.losses import cross_entropy
from weft.methods import Distillation, Supervised
from weft.recipes.digits import MEASURED, accuracy, learn, parts
from weft.recipes.few_labels import few
from weft.recipes.session import Result, Session


def digits_distillation(
    session: Session,
    *,
    each: int = 10,
    epochs: int = 100,
    student_epochs: int = 25,
    batch_size: int = 50,
    lr: float = 3e-3,
    teacher_width: int = 24,
    width: int = 4,
    temperature: float = 4.0,
    shift: int = 1,
) -> Result:
    """Teach a narrow network handwritten digits by what a wide one says about them; only ``each`` pictures of every digit have a label.

    The stage ``teacher`` trains the wide network on the labelled pictures. In the stage ``student`` the narrow one learns from all pictures what
    the teacher says, softened by ``temperature``, without any label. The stage ``alone`` trains the same narrow network, from the same first
    weights and for as many steps, on the labelled pictures; its accuracy is ``accuracy_alone``. The last weights count, since there are no
    labels left to choose by. ``shift``: pixels by which pictures move in training.
    Expected: 0.91 accuracy on held-out digits, against 0.81 of the same network alone and 0.94 of its teacher (means of 5 seeds).
    """
    shares = parts()
    codec = ImageCodec(size=8, channels=1).fit(shares["train"])
    moved = [RandomCrop(shift)] if shift else []
    labelled, test = session.loaders({"train": few(shares["train"], each, session.seed), "test": shares["test"]}, codec, batch_size, transforms=moved)
    (everything,) = session.loaders({"train": shares["train"]}, codec, batch_size, transforms=moved)
    sizes = {"in_channels": 1, "num_classes": codec.num_classes, "dropout": 0.0}
    teacher, student = build("simple_cnn", {**sizes, "width": teacher_width}), build("simple_cnn", {**sizes, "width": width})
    same = copy.deepcopy(student)
    expert = learn(session, "teacher", Supervised(teacher, cross_entropy), labelled, epochs=epochs, lr=lr)
    as_long = student_epochs * len(everything) // len(labelled)
    alone = learn(session, "alone", Supervised(same, cross_entropy), labelled, epochs=as_long, lr=lr)
    taught = learn(session, "student", Distillation(student, teacher, temperature=temperature, soft=1.0), everything, epochs=student_epochs, lr=lr)
    beside = {"accuracy_alone": accuracy(alone, test), "accuracy_teacher": accuracy(expert, test)}
    return session.finish(taught, test, MEASURED | beside, codec=codec)
