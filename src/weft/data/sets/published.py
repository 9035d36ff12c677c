"""Files of named data sets: found in a mirror or the cache, downloaded when asked, and checked against their SHA-256."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft._lazy import unknown

MAX_BYTES = 2_000_000_000
GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Published:
    """Where a data set's files are published, their SHA-256 (or several that are all right), and the licence.

    ``packed``: the publisher offers loose files; the archive of them has to be made, or come from a mirror.
    """

    address: str
    sums: Mapping[str, str | tuple[str, ...]]
    licence: str
    packed: bool = False


MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist"
T10K = {  # as published first, and packed anew
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "9fe7630f90c0e670227960a294637bc2e78a29d724810e24204eb342c9f033a1",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "2c54c993d38068b3c3adb720a5cdee07065a066a7b36e7d1df720548d6359eba",
    ),
}
FILES: dict[str, Published] = {
    "mnist": Published(
        MNIST,
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            **T10K,
        },
        "CC BY-SA 3.0",
    ),
    "mnist-10k": Published(MNIST, T10K, "CC BY-SA 3.0"),
    "fashion-mnist": Published(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
        "MIT",
    ),
    "cifar-10": Published(
        "https://www.cs.toronto.edu/~kriz",
        {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
        "none stated; the authors ask to be cited",
    ),
    "cifar-100": Published(
        "https://www.cs.toronto.edu/~kriz",
        {"cifar-100-binary.tar.gz": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
        "none stated; the authors ask to be cited",
    ),
    "omniglot": Published(
        "https://github.com/brendenlake/omniglot/raw/master/python",
        {
            "images_background_small1.zip": "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
            "images_background_small2.zip": "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
        },
        "MIT",
    ),
    "bccd": Published(
        "https://github.com/Shenggan/BCCD_Dataset",
        {"BCCD.zip": "b0fc152f84951c2d23d2d0a92eb53a3f9a93de43e38b9ab9a696f67b46814892"},
        "MIT",
        packed=True,
    ),
    "fsdd": Published(
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        {"recordings.zip": "80c4ce923245762259492a35d8dee34c68b10d214c4bddbf39648611944b034b"},
        "CC BY-SA 4.0",
        packed=True,
    ),
    "tinyshakespeare": Published(
        f"{GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare",
        {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
        "public domain",
    ),
    "ud-ewt": Published(
        f"{GITHUB}/UniversalDependencies/UD_English-EWT/master",
        {
            "en_ewt-ud-dev.conllu": "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
            "en_ewt-ud-test.conllu": "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
        },
        "CC BY-SA 4.0",
    ),
    "wnut17": Published(
        f"{GITHUB}/leondz/emerging_entities_17/master",
        {
            "wnut17train.conll": "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
            "emerging.dev.conll": "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
            "emerging.test.annotated": "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
        },
        "CC BY 4.0",
    ),
    "multi30k": Published(
        f"{GITHUB}/multi30k/dataset/master/data/task1/raw",
        {
            "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
            "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
            "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
            "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
            "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
            "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        },
        "CC BY-NC-SA 4.0",
    ),
    "cora": Published(
        "https://github.com/kimiyoung/planetoid/raw/master/data",
        {
            "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
            "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
            "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
            "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
            "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
            "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
            "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
            "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
        },
        "none stated; Sen et al. 2008, Yang et al. 2016",
    ),
    "ett": Published(
        f"{GITHUB}/zhouhaoyi/ETDataset/main/ETT-small",
        {"ETTh1.csv": "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"},
        "CC BY-ND 4.0",
    ),
}


def fetch(name: str, *, download: bool = False) -> Path:
    """The folder with the files of a named data set, each checked against its SHA-256.

    Looked for in ``$WEFT_MIRROR/<name>``, then in the cache ``$WEFT_CACHE`` (default ``~/.cache/weft``) ``/data/<name>``. Only with ``download``
    is the publisher asked, and what comes is kept in the cache when its checksum is right.
    Raises ValueError for an unknown name or a file with another checksum; FileNotFoundError saying where to get the files and where to put them;
    ConnectionError when the publisher cannot be reached.
    """
    if name not in FILES:
        raise unknown("data set", name, FILES)
    published = FILES[name]
    cache = Path(os.environ.get("WEFT_CACHE") or Path.home() / ".cache" / "weft") / "data" / name
    mirror = os.environ.get("WEFT_MIRROR")
    for folder in ([Path(mirror) / name] if mirror else []) + [cache]:
        if all((folder / file).is_file() for file in published.sums):
            for file, expected in published.sums.items():
                check(folder / file, expected)
            return folder
    looked = f"$WEFT_MIRROR ({mirror})" if mirror else "WEFT_MIRROR, which is not set,"
    lacking = f"The data set {name!r} is neither under {looked} nor in {str(cache)!r}."
    if published.packed:
        wanted = ", ".join(published.sums)
        raise FileNotFoundError(f"{lacking} It is published as loose files at {published.address}: put {wanted}, made of them, into that folder")
    addresses = {file: f"{published.address}/{file}" for file in published.sums}
    if not download:
        wanted = ", ".join(addresses.values())
        raise FileNotFoundError(f"{lacking} Call fetch({name!r}, download=True) once, or download {wanted} into that folder ({published.licence})")
    for file, expected in published.sums.items():
        if not (cache / file).is_file():
            receive(addresses[file], cache / file, expected)
        check(cache / file, expected)
    return cache


def check(path: Path, expected: str | tuple[str, ...]) -> None:
    """Raise ValueError for a file with another checksum."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in ((expected,) if isinstance(expected, str) else expected):
        raise ValueError(f"{str(path)!r} has SHA-256 {found}, expected {expected}; delete it and get it again")


def receive(
    address: str, path: Path, expected: str | tuple[str, ...], *, max_bytes: int = MAX_BYTES, open: Callable[..., Any] = urllib.request.urlopen
) -> None:
    """Download a file; it appears under its name only when it is whole and its checksum right."""
    if not address.startswith(("https://", "http://")):
        raise ValueError(f"{address!r} is no address of the web")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    size = 0
    try:
        with open(address, timeout=60) as stream, aside.open("wb") as file:
            while piece := stream.read(1 << 20):
                size += len(piece)
                if size > max_bytes:
                    raise ValueError(f"{address} sends more than {max_bytes:,} bytes; that is not the data set")
                file.write(piece)
        check(aside, expected)
        os.replace(aside, path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise ConnectionError(f"{address} cannot be reached ({error}). Without a network, put the file into {str(path.parent)!r} by hand") from error
    finally:
        aside.unlink(missing_ok=True)
