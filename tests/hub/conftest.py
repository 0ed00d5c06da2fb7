"""A Hub on loopback, releases to send, and a client."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from tests.hub.clients import TOKENS, Client
from zoo.hubserver import LoopbackHub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub(tmp_path / "hub") as hub:
        hub.add_user("alice", TOKENS["alice"], orgs=["lab"])
        hub.add_user("bob", TOKENS["bob"])
        hub.add_user("eve", TOKENS["eve"], orgs=["lab"], role="read")
        yield hub


@pytest.fixture
def client(hub: LoopbackHub, tmp_path: Path) -> Client:
    return Client(hub, tmp_path / "home")


def picture(seed: int) -> bytes:
    """A PNG."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (seed, 99, 200)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two real releases of one architecture with different weights."""
    from zoo.models.fno import FNO

    folders = []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = FNO(**FNO.tiny())
        folder = tmp_path_factory.mktemp("releases") / f"tiny{seed}"
        about = {"summary": f"number {seed}"}
        # three large files, as a real release has: weights, probe and picture
        folders.append(zoo.save_pretrained(model, folder, about=about, preview=picture(seed)))
    return folders
