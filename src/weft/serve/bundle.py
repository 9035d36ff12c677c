"""A bundle: one file that holds networks, codec, metrics and card, for people who do not know each other."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from weft.catalogue.entries import entries
from weft.catalogue.spec import build, is_spec, spec_of
from weft.serve.archive import FORMAT, VERSION, Archive, BundleError, canonical, describe, parse, write
from weft.serve.signature import verify
from weft.serve.values import Values
from weft.serve.weights import check, pack, rebuild, unpack

VERB = re.compile("[a-z][a-z_]{0,31}")
RESERVED = {"health", "ready", "card", "openapi"}
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
BUILDS = ("model", "layer", "codec", "surgery", "activation", "tokenizer")  # kinds of the catalogue that a bundle may ask for
MAX_DEPTH = 64
MAX_NUMBERS = 1 << 28  # that a codec may make of one record: 1 GiB as float32
TRAINING = ("target", "weight", "index")  # keys of a batch that a network never gets when it predicts


@dataclass(eq=False)
class Bundle:
    """Networks with the codec that feeds them, as one file: safetensors, JSON and a model card, never a pickle.

    ``networks`` maps a verb (predict, embed, generate, act) to its network. A record goes in as the codec's ``schema()`` says;
    ``predict(records)`` encodes, batches, runs and decodes. A network gets ``batch["input"]``, and further keys of the batch
    (``mask``, …) that its ``forward`` has a parameter for.

    Shapes: records are dicts; encoded, each is a dict of tensors without the batch dimension.
    Raises ``BundleError`` (a ``ValueError``) for a file that is truncated, corrupted, altered, newer, or holds what no bundle holds.
    Use when a model leaves the run that made it; instead of it, a run directory, which is trusted like a script.
    Cost: opening reads the file once and holds the weights twice for a moment.

    >>> import tempfile, pathlib, torch
    >>> from weft.serve import Bundle
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "double.weft"
    >>> double = torch.nn.Linear(1, 1)
    >>> _ = torch.nn.init.constant_(double.weight, 2), torch.nn.init.zeros_(double.bias)
    >>> spec = {"own": "mine:Linear", "args": {"in_features": 1, "out_features": 1}}
    >>> _ = Bundle.save(path, {"predict": double}, spec={"predict": spec})
    >>> Bundle.open(path, own={"mine:Linear": torch.nn.Linear}).predict([{"input": [3.0]}])
    [{'output': [6.0]}]
    """

    networks: dict[str, nn.Module]
    codec: Any
    spec: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    card: str = ""
    precision: str = "float32"
    device: str = "cpu"
    signer: str | None = None
    codecs: dict[str, Any] = field(default_factory=dict)  # of the verbs that have their own

    @staticmethod
    def save(
        path: str | Path,
        networks: Mapping[str, nn.Module],
        *,
        codec: Any = None,
        spec: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        card: str | None = None,
        precision: str = "float32",
        replace: bool = False,
    ) -> Path:
        """Write a bundle: whole or not at all, over an existing file only with ``replace=True``. Returns its path.

        ``spec`` maps each verb to the spec that rebuilds its network; without it the networks must come from ``weft.build`` or
        ``weft.own``. ``codec`` is for all verbs, or a dict with one for each. Without a codec, records are ``{"input": numbers}``.
        Without a card, a short one is written.
        """
        if precision not in PRECISIONS:
            raise BundleError(f"Precision {precision!r} is none of {', '.join(PRECISIONS)}; a bundle records the one that was used.")
        if not networks:
            raise BundleError("A bundle needs at least one network, such as {'predict': network}.")
        specs = {verb: spec_of(network) for verb, network in networks.items()} if spec is None else dict(spec)
        if set(specs) != set(networks):
            raise BundleError(f"Networks are for {sorted(networks)}, specs for {sorted(specs)}; each verb needs both.")
        contents, described = _pack_all(networks, specs)
        codecs = codec if isinstance(codec, Mapping) else {"": codec}
        written = {verb: None if one is None or isinstance(one, Values) else spec_of(one) for verb, one in codecs.items()}
        codec_spec = written.pop("", None)
        if set(written) - set(networks):
            raise BundleError(f"Codecs are for {sorted(written)}, networks for {sorted(networks)}; a codec needs its network.")
        clean = {name: _number(name, value) for name, value in (metrics or {}).items()}
        text = _card(path, networks, specs, clean, [codec_spec, *written.values()]) if card is None else card
        whole = {"networks": described, "codec": codec_spec, "codecs": written, "precision": precision}
        contents |= {"spec.json": _json(whole, "spec"), "metrics.json": _json(clean, "metrics"), "card.md": text.encode()}
        manifest = {"format": FORMAT, "version": list(VERSION), "weft": _version(), "torch": torch.__version__}
        write(Path(path), manifest | {"members": [describe(name, data) for name, data in contents.items()]}, contents, replace=replace)
        return Path(path)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        own: Mapping[str, type] | None = None,
        trust: Iterable[str | Path] | None = None,
        device: str = "cpu",
    ) -> Bundle:
        """Check a bundle, then rebuild its networks and codec and load the weights exactly.

        ``own`` gives the classes that are not weft's, by the name in the spec: nothing is imported by a name read from a file.
        ``trust`` (public keys) refuses every bundle that none of them signed.
        """
        with Archive(Path(path)) as archive:
            signer = verify(archive.manifest, archive.path, trust)
            contents = {name: archive.read(name) for name in archive.members}
        missing = {"spec.json", "metrics.json", "card.md"} - set(contents)
        if missing:
            raise BundleError(f"{path} lacks {', '.join(sorted(missing))}.")
        spec = parse(contents["spec.json"], "spec.json")
        _check_spec(spec, contents)
        try:
            card = contents["card.md"].decode()
        except UnicodeDecodeError as error:
            raise BundleError(f"card.md in {path} is not UTF-8 text.") from error
        build = functools.partial(_build, own=dict(own or {}))
        networks = {verb: network.to(device) for verb, network in _load_all(spec["networks"], contents, build).items()}
        codec, codecs = _codec(spec["codec"], build), {verb: _codec(one, build) for verb, one in spec["codecs"].items()}
        return cls(networks, codec, spec, parse(contents["metrics.json"], "metrics.json"), card, spec["precision"], device, signer, codecs)

    def predict(self, records: Sequence[Mapping[str, Any]], *, batch_size: int = 32) -> list[dict[str, Any]]:
        """The codec's answer to each record."""
        return self.ask("predict", records, batch_size=batch_size)

    def embed(self, records: Sequence[Mapping[str, Any]], *, batch_size: int = 32) -> list[dict[str, Any]]:
        """Each record's representation: ``{"embedding": [...]}``."""
        return self.ask("embed", records, batch_size=batch_size)

    def generate(self, records: Sequence[Mapping[str, Any]], *, batch_size: int = 32) -> list[dict[str, Any]]:
        """What the generating network makes of each record."""
        return self.ask("generate", records, batch_size=batch_size)

    def ask(self, verb: str, records: Sequence[Mapping[str, Any]], *, batch_size: int = 32) -> list[dict[str, Any]]:
        """Answer records with the network of any verb, ``batch_size`` at a time; answers keep the records' order."""
        self.network(verb)
        if isinstance(records, Mapping | str | bytes):
            raise TypeError(f"{verb} takes a list of records, but got one {type(records).__name__}. Write [record].")
        encoded = []
        for index, record in enumerate(records):
            try:
                encoded.append(self.encode(record, verb))
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"Record {index}: {_message(error)}") from error
        parts = [encoded[start : start + batch_size] for start in range(0, len(encoded), batch_size)]
        return [answer for part in parts for answer in self.answer(verb, part)]

    def network(self, verb: str) -> nn.Module:
        """The network of a verb; an unknown one raises with those that there are."""
        if verb not in self.networks:
            raise ValueError(f"This bundle cannot {verb}; it can {' and '.join(sorted(self.networks))}.")
        return self.networks[verb]

    def codec_of(self, verb: str) -> Any:
        """What turns records into tensors for a verb."""
        return self.codecs.get(verb, self.codec)

    def encode(self, record: Mapping[str, Any], verb: str = "predict") -> dict[str, Tensor]:
        """One raw record as tensors."""
        if not isinstance(record, Mapping):
            raise TypeError(f"expected a record (a dict of named fields), but got a {type(record).__name__}.")
        return self.codec_of(verb).encode(record)

    def answer(self, verb: str, encoded: Sequence[Mapping[str, Tensor]]) -> list[dict[str, Any]]:
        """Run one batch of encoded records through a verb's network and decode it."""
        network, batch = self.network(verb), _collate(self.codec_of(verb), encoded)
        batch = {name: value.to(self.device) if isinstance(value, Tensor) else value for name, value in batch.items() if name not in TRAINING}
        dtype, kind = PRECISIONS[self.precision], torch.device(self.device).type
        with torch.inference_mode(), nullcontext() if dtype is None else torch.autocast(kind, dtype):
            output = _call(network, batch, verb)
        prediction = {name: _plain(value) for name, value in _named(output).items()}
        answers = self._decode(verb, prediction)
        if len(answers) != len(encoded):
            raise RuntimeError(f"{verb} gave {len(answers)} answers to {len(encoded)} records; the network must keep the batch's first size.")
        return answers

    def _decode(self, verb: str, prediction: dict[str, Any]) -> list[dict[str, Any]]:
        if verb in ("embed", "act") and verb not in self.codecs:
            name = {"embed": "embedding", "act": "action"}[verb]
            renamed = {name if key == "output" else key: value for key, value in prediction.items()}
            return Values().decode(renamed)
        return self.codec_of(verb).decode(prediction)


def _allow(value: Any, depth: int = 0) -> None:
    """Raise for a spec, or one within it, that would make anything but networks and codecs: sources and listeners touch files."""
    if depth > MAX_DEPTH:
        raise BundleError(f"A spec in the bundle is nested more than {MAX_DEPTH} deep.")
    if isinstance(value, Mapping):
        if isinstance(value.get("name"), str) and (is_spec(value) or set(value) <= {"name", "args", "then"}):
            kind, slash, name = value["name"].rpartition("/")
            known = [entry.kind for entry in entries() if entry.name == name and (not slash or entry.kind == kind)]
            if known and not set(known) & set(BUILDS):
                raise BundleError(f"The bundle asks for {value['name']!r}, a {known[0]}; opening one makes only {', '.join(BUILDS)}.")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _allow(item, depth + 1)


def _build(spec: Any, own: Mapping[str, type]) -> Any:
    """What a spec in a bundle makes: nothing that touches files, and whatever is wrong with it is a ``ValueError``."""
    if not isinstance(spec, dict):
        raise BundleError(f"A spec in the bundle is a {type(spec).__name__}; expected an object with name or own, and args.")
    _allow(spec)
    try:
        return build(spec, own=own)
    except (TypeError, ArithmeticError, LookupError, AttributeError, AssertionError) as error:
        raise BundleError(f"{spec.get('name', spec.get('own'))!r} cannot be made from its spec in the bundle: {error}") from error


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("weft")
    except PackageNotFoundError:
        return "unknown"


def _pack_all(networks: Mapping[str, nn.Module], specs: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The weights' members and what spec.json says of each verb; a network under two verbs is stored once."""
    contents: dict[str, bytes] = {}
    described: dict[str, Any] = {}
    files: dict[int, tuple[str, dict[str, str]]] = {}
    for verb, network in networks.items():
        if not VERB.fullmatch(verb) or verb in RESERVED:
            raise BundleError(f"{verb!r} cannot be a verb: expected a short lower-case word such as predict, embed, generate or act.")
        if not isinstance(network, nn.Module):
            raise BundleError(f"The {verb} network is a {type(network).__name__}; expected an nn.Module.")
        if id(network) not in files:
            data, tied = pack(network)
            files[id(network)] = f"{verb}.safetensors", tied
            contents[f"{verb}.safetensors"] = data
            _check_rebuilds(specs[verb], network, verb)
        name, tied = files[id(network)]
        described[verb] = {"weights": name, "tied": tied, "spec": specs[verb]}
    return contents, described


def _check_rebuilds(spec: Any, network: nn.Module, verb: str) -> None:
    """Find now, not when a stranger opens the bundle, that a spec does not make this network. Own classes are the opener's to give."""
    if '"own"' in _json(spec, f"the spec of {verb}").decode():
        return
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            made = _build(spec, {})
    except RuntimeError:
        return  # it cannot be made without memory; opening checks it all the same
    check(made, network.state_dict(), f"the {verb} network")


def _load_all(described: Mapping[str, Any], contents: Mapping[str, bytes], build: Callable[[Any], Any]) -> dict[str, nn.Module]:
    made: dict[str, tuple[Any, nn.Module]] = {}
    networks = {}
    for verb, entry in described.items():
        name, spec = entry["weights"], entry["spec"]
        if name not in made or made[name][0] != spec:
            tensors = unpack(contents[name], entry["tied"], name)
            made[name] = spec, rebuild(functools.partial(build, spec), tensors, f"the {verb} network")
        networks[verb] = made[name][1]
    return networks


def _codec(spec: Any, build: Callable[[Any], Any]) -> Any:
    codec = Values() if spec is None else build(spec)
    if not all(callable(getattr(codec, name, None)) for name in ("encode", "collate", "decode")):
        raise BundleError(f"The codec's spec makes a {type(codec).__name__}, which does not encode, collate and decode.")
    for part in (vars(codec) if hasattr(codec, "__dict__") else {}, *getattr(codec, "fields", ())):
        _check_memory(part)
    return codec


def _check_memory(part: Mapping[str, Any]) -> None:
    """Raise for a codec, or a field of one, whose numbers would make each record fill the memory: a stranger wrote them."""
    size = part.get("size", 1)
    sides = size if isinstance(size, tuple | list) else (size, size) if part.get("kind") == "image" else (1,)
    pixels = math.prod(sides) * part.get("channels", 1) * part.get("frames", 1)
    samples = part.get("sample_rate", 1) * max(part.get("seconds") or 0, part.get("window", 0) * (part.get("num_features") or 1))
    if max(pixels, samples) > MAX_NUMBERS:
        raise BundleError(
            f"A codec in the bundle makes {max(pixels, samples):,.0f} numbers of one record; at most {MAX_NUMBERS:,} are taken.."
        )


def _check_spec(spec: Mapping[str, Any], contents: Mapping[str, bytes]) -> None:
    """The shape of spec.json, so that what follows may rely on it."""
    networks, used = spec.get("networks"), set()
    if set(spec) != {"networks", "codec", "codecs", "precision"} or not isinstance(networks, dict) or not networks:
        raise BundleError(f"spec.json holds {', '.join(sorted(spec)) or 'nothing'}; expected networks, codec, codecs and precision.")
    if not isinstance(spec["codecs"], dict) or set(spec["codecs"]) - set(networks):
        raise BundleError("spec.json has a codec for a verb without a network.")
    if spec["precision"] not in PRECISIONS:
        raise BundleError(f"spec.json asks for precision {spec['precision']!r}; known: {', '.join(PRECISIONS)}.")
    for verb, entry in networks.items():
        if not VERB.fullmatch(verb) or verb in RESERVED or not isinstance(entry, dict) or set(entry) != {"weights", "tied", "spec"}:
            raise BundleError(f"spec.json describes {verb!r} in a way that this weft does not know.")
        tied = entry["tied"]
        if not isinstance(tied, dict) or not all(isinstance(original, str) for original in tied.values()):
            raise BundleError(f"spec.json ties weights of {verb!r} in a way that this weft does not know.")
        if not isinstance(entry["weights"], str) or not entry["weights"].endswith(".safetensors") or entry["weights"] not in contents:
            raise BundleError(f"spec.json names the weights {entry['weights']!r} for {verb}, which the bundle does not hold.")
        used.add(entry["weights"])
    idle = set(contents) - used - {"spec.json", "metrics.json", "card.md"}
    if idle:
        raise BundleError(f"The bundle holds {', '.join(sorted(idle))}, which nothing in it uses. It was not written by weft.")


def _json(value: Any, what: str) -> bytes:
    try:
        return canonical(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"{what} is not JSON: {error}. A bundle holds JSON values and tensors only.") from error


def _number(name: str, value: Any) -> float | None:
    """A metric as JSON has it; what is not finite has no number there."""
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BundleError(f"The metric {name!r} is a {type(value).__name__}; expected one number.") from error
    return number if math.isfinite(number) else None


def _card(path: Any, networks: Mapping[str, nn.Module], specs: Mapping[str, Any], metrics: Mapping[str, Any], codecs: list[Any]) -> str:
    lines = [f"# {Path(path).stem}", "", "| verb | network | parameters |", "|---|---|---|"]
    for verb, network in networks.items():
        named = specs[verb] if isinstance(specs[verb], str) else specs[verb].get("name", specs[verb].get("own", type(network).__name__))
        lines.append(f"| {verb} | {named} | {sum(p.numel() for p in network.parameters()):,} |")
    if metrics:
        lines += ["", "| metric | value |", "|---|---|", *(f"| {name} | {'-' if v is None else f'{v:.6g}'} |" for name, v in metrics.items())]
    named = [codec.get("name", codec.get("own")) for codec in codecs if codec is not None]
    lines += ["", f"Codec: {', '.join(named) or 'plain numbers'}.", ""]
    lines += ["Intended use, training data, limits: not stated. Pass `card=` to say them."]
    return "\n".join(lines) + "\n"


def _collate(codec: Any, encoded: Sequence[Mapping[str, Tensor]]) -> dict[str, Any]:
    try:
        return codec.collate(list(encoded))
    except RuntimeError as error:
        shapes = sorted({str({name: tuple(value.shape) for name, value in item.items() if isinstance(value, Tensor)}) for item in encoded})
        raise ValueError(f"These records do not make one batch: their shapes are {' and '.join(shapes[:4])}. Give records of one shape.") from error


@functools.lru_cache(maxsize=64)
def _takes(kind: type[nn.Module]) -> frozenset[str]:
    return frozenset(inspect.signature(kind.forward).parameters)


def _call(network: nn.Module, batch: Mapping[str, Any], verb: str) -> Any:
    """Give the network its input, and the further keys of the batch that its ``forward`` names."""
    if "input" not in batch:
        raise ValueError(f"The codec's batch has {', '.join(batch)} and no 'input', which {verb} gives to the network.")
    further = {name: value for name, value in batch.items() if name != "input" and name in _takes(type(network))}
    try:
        return network(batch["input"], **further)
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        came = {name: tuple(value.shape) for name, value in batch.items() if isinstance(value, Tensor)}
        first = next(((name, tuple(p.shape)) for name, p in network.named_parameters()), None)
        wants = f"; its first weight is {first[0]} {first[1]}" if first else ""
        raise ValueError(
            f"{type(network).__name__} cannot {verb} from a batch of shapes {came}{wants}: {_message(error)} "
            "Give records of the size that the network was trained on."
        ) from error


def _named(output: Any) -> Mapping[str, Any]:
    """A network's output by name: what is not named is ``output``, further ones of a tuple ``output_1`` and so on."""
    if isinstance(output, Mapping):
        return output
    several = output if isinstance(output, tuple | list) else [output]
    return {f"output_{number}" if number else "output": value for number, value in enumerate(several)}


def _plain(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.float().cpu() if value.is_floating_point() else value.cpu()


def _message(error: BaseException) -> str:
    """An exception in one line; a KeyError shows only the key, so it is said what it means."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"the field {text} is missing." if isinstance(error, KeyError) else text
