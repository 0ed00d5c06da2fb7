import pytest
import torch

import zoo
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.parts.homogeneous import Homogeneous


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=[Homogeneous, Affine])
def normaliser(request):
    return request.param


@pytest.fixture
def model(normaliser):
    """Two inputs, two outputs, two coefficients, and statistics that are not the neutral ones."""
    torch.manual_seed(3)
    units = {"f": "N/m", "g": "1", "u": "m", "w": "1", "k": "m/s", "q": "1"}
    face = Interface(("f", "g"), ("u", "w"), ("k", "q"), units)
    made = FNO(face, normaliser(), width=6, modes=3, layers=2)
    for buffer in made.buffers():
        buffer.copy_(torch.rand_like(buffer) + 0.5)
    return made.eval()


@pytest.fixture
def folder(model, tmp_path):
    """That model, released."""
    return zoo.save_pretrained(model, tmp_path / "two-by-two", about={"equations": ["poisson"]})
