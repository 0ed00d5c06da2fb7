import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from zoo.cli import main

ROOT = Path(__file__).parents[2]


def net(width=4):
    affine = {"class_path": "zoo.models.parts.homogeneous.Homogeneous"}
    arguments = {"normaliser": affine, "width": width, "modes": 2, "layers": 1}
    return {"class_path": "zoo.models.fno.FNO", "init_args": arguments}


def data(low=1.0, high=5.0, batch_size=4, train=10):
    equation = {"class_path": "zoo.pde.poisson.Poisson", "init_args": {"eigenvalue": [low, high]}}
    steady = {"equation": equation, "grid": 16, "train": train, "validation": 5, "test": 7}
    sets = [{"class_path": "zoo.data.steady.Steady", "init_args": steady}]
    mixture = {"sets": sets, "batch_size": batch_size}
    return {"class_path": "zoo.data.mixture.Mixture", "init_args": mixture}


def recipe(epochs=2, **changes):
    adam = {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-2}}
    content = {
        "seed_everything": 0,
        "model": {"net": net(), "optimizer": adam},
        "data": data(),
        "trainer": {"max_epochs": epochs, "accelerator": "cpu"},
    }
    return {**content, **changes}


def write(path, content):
    Path(path).write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One cache for the session: the tiny data are made once."""
    return tmp_path_factory.mktemp("zoo-cache")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, cache):
    """Every test works in an empty folder."""
    monkeypatch.setenv("ZOO_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(here):
    return write(here / "tiny.yaml", recipe())


@pytest.fixture
def zoo(capfd):
    """Run a command in this process: exit code, standard output, standard error."""

    def run(*words):
        capfd.readouterr()
        code = main([str(word) for word in words])
        return code, *capfd.readouterr()

    return run


def environment():
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths}


def process(*words, **options):
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "zoo", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=240,
        **{"env": environment(), **options},
    )
