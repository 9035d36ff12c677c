"""What every test gets: shapes in annotations checked, two quiet threads, the same random state."""

from __future__ import annotations

import os

from jaxtyping import install_import_hook

import tests.house.typed  # noqa: F401 -- the hook finds it by name

# Public packages whose annotations are checked while the tests run. Left out: the engine, whose step is also traced by the compiler,
# and packages without tensors in their signatures.
CHECKED = ["weft.nn", "weft.losses", "weft.metrics", "weft.models", "weft.data"]

if os.environ.get("WEFT_SHAPES", "1") != "0":
    install_import_hook(CHECKED, "tests.house.typed.checked")

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from tests.references import declare_operators  # noqa: E402

hypothesis.settings.register_profile("same", derandomize=True)  # the same cases in every run: what is green stays so until something changes
hypothesis.settings.load_profile("same")

declare_operators()  # before any library finds that it cannot import torchvision

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


@pytest.fixture(autouse=True)
def same_random_state():
    """Every test starts from seed 0 and leaves no changed default behind."""
    torch.manual_seed(0)
    before = torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_default_dtype(before[0])
    torch.use_deterministic_algorithms(before[1])
