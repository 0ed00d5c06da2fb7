"""Suite-wide: one thread, every annotation in `zoo` checked, no token, no user's cache."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # child processes inherit it

import jaxtyping
import pytest
import torch
from safetensors.torch import load_file

import tests.typecheck  # noqa: F401 - the hook looks it up by name

# before any module of ours is imported, or its annotations stay unchecked
jaxtyping.install_import_hook("zoo", "tests.typecheck.check")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_users_home(tmp_path, monkeypatch):
    """No test reads or writes a user's caches or tokens."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def rng() -> torch.Generator:
    """A generator with a fixed seed."""
    return torch.Generator().manual_seed(1)


@pytest.fixture(scope="session")
def ranks(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], list[dict[str, torch.Tensor]]]:
    """What two gloo processes hold after training, one after the other: see `tests.gloo`."""
    folder, command = tmp_path_factory.mktemp("gloo"), [sys.executable, "-m", "tests.gloo"]
    root = Path(__file__).parents[1]
    two = [subprocess.Popen([*command, str(rank), str(folder)], cwd=root) for rank in range(2)]
    assert [one.wait(timeout=240) for one in two] == [0, 0]
    return lambda suite: [load_file(folder / f"{suite}{rank}.safetensors") for rank in range(2)]
