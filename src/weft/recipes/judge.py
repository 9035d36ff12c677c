"""How well a bundle does on labelled data that it was not measured on before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from weft.data import AudioFolder, ImageFolder, Lines, Loader, Source, Table, TokenCodec
from weft.engine import Method, evaluate
from weft.losses import Loss, cross_entropy
from weft.metrics import AUROC, MAE, R2, RMSE, Accuracy, BalancedAccuracy, LogLoss
from weft.recipes.inputs import picture_field, sound_field, text_field
from weft.recipes.language_model import language_network
from weft.recipes.texts import labelled_texts
from weft.serve import Bundle


@dataclass(frozen=True)
class Undecoded:
    """A codec whose answers stay tensors, so that metrics can be taken from them."""

    codec: Any

    def encode(self, record: Mapping[str, Any]) -> Any:
        return self.codec.encode(record)

    def collate(self, encoded: list[Any]) -> Any:
        return self.codec.collate(encoded)

    def decode(self, prediction: Mapping[str, Tensor]) -> list[dict[str, Any]]:
        return [{"output": row} for row in prediction["output"]]


def judge(bundle: Bundle, path: str | Path) -> dict[str, float]:
    """Metrics of a bundle over a labelled folder or file of the kind that it was trained on.

    Classification: accuracy, balanced accuracy, log loss, and AUROC for two classes. Regression: mean absolute and root mean squared error
    in the target's units, and R². Language models: nats a token over the whole text. The ``loss`` of a run is that of its training
    (smoothed labels, weights of classes), which a bundle does not hold.
    Raises ValueError naming file or row for records without labels, and for classes that training did not have (with the nearest).
    """
    codec = bundle.codec
    if isinstance(codec, TokenCodec):
        return {"loss": nats(bundle, codec, Lines(path))}
    source = labelled(codec, Path(path))
    encoded = []
    for i in range(len(source)):
        try:
            encoded.append(codec.encode(source[i]))
        except ValueError as error:
            raise ValueError(f"{place(source, Path(path), i)}: {error}") from error
        if "target" not in encoded[-1]:
            where = place(source, Path(path), i)
            raise ValueError(f"{where} has no label, so there is nothing to compare with. To get answers instead: weft predict")
    asking = replace(bundle, codec=Undecoded(codec))
    output = torch.stack([row["output"] for start in range(0, len(encoded), 64) for row in asking.answer("predict", encoded[start : start + 64])])
    return scores(codec, output, torch.stack([record["target"] for record in encoded]))


def labelled(codec: Any, path: Path) -> Source:
    """The source of labelled records that fits a codec."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(path)!r} to evaluate on.")
    schema = codec.schema()
    if picture_field(schema) and path.is_dir():
        return ImageFolder(path)
    if sound_field(schema) and path.is_dir():
        return AudioFolder(path)
    if text_field(schema):
        return labelled_texts(path, text=codec.text, label=codec.label)
    return Table(path)


def place(source: Source, path: Path, i: int) -> str:
    """Where a record stands: its file, or its row in one."""
    if isinstance(source, ImageFolder):
        return str(path / source.key(i))
    return str(path / source[i]["path"]) if path.is_dir() else f"{path} row {i + 1}"


def scores(codec: Any, output: Tensor, target: Tensor) -> dict[str, float]:
    """The metrics that fit a codec, in the target's units."""
    classes: Sequence[str] | None = getattr(codec, "classes", None)
    if classes:
        metrics: dict[str, Any] = {"accuracy": Accuracy(), "balanced_accuracy": BalancedAccuracy(), "log_loss": LogLoss()}
        if len(classes) == 2 and len(target.unique()) == 2:
            metrics["auroc"] = AUROC()
    else:
        mean, std = codec.scale
        output, target = output.reshape(target.shape) * std + mean, target * std + mean
        metrics = {"mae": MAE(), "rmse": RMSE(), "r2": R2()}
    for metric in metrics.values():
        metric.update({"output": output}, {"target": target})
    return {name: float(metric.compute()) for name, metric in metrics.items()}


class NextToken(Method):
    """A language model's loss over windows of a text."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        return Loss.mean(cross_entropy(self.network(batch["input"]), batch["target"], dim=-1), batch.get("mask"))


def nats(bundle: Bundle, codec: TokenCodec, text: Lines) -> float:
    """Nats a token over the whole text; every token counts once."""
    return evaluate(NextToken(language_network(bundle)), Loader(codec.windows(text, cover=True), None, 32))["loss"]
