"""Lattices of a recipe, told beforehand and written to a file that data are read from."""

from pathlib import Path

import pytest
import torch
import yaml

from zoo import exporting
from zoo.data.spins.recorded import RecordedSpins

DRAWN = {
    "system": {"class_path": "zoo.spin.potts.Potts", "init_args": {"colours": 3}},
    "shape": [4, 4],
    "temperature": 2.0,
    "count": 60,
    "evaluation": 20,
    "drawing": {"chains": 8},
}


def recipe(file, name="zoo.data.spins.spins.Spins", **given):
    file.write_text(yaml.safe_dump({"data": {"class_path": name, "init_args": given}}))
    return str(file)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return recipe(tmp_path / "potts.yaml", **DRAWN)


def test_what_a_recipe_draws_is_told_without_drawing(drawn, tmp_path):
    told = exporting.describe(drawn).splitlines()
    assert told[1] == "Potts 4x4: zoo.spin.potts.Potts, 3 colours, T0 = 2"
    assert [line.split()[:2] for line in told[2:5]] == [
        ["train", "60"],
        ["validation", "20"],
        ["test", "20"],
    ]
    assert all("will be generated" in line for line in told[2:5])
    assert not (tmp_path / "cache").exists()


def test_lattices_that_are_drawn_are_told_apart(drawn):
    exporting.module(drawn).lattices("test")
    told = exporting.describe(drawn).splitlines()
    assert "in the cache" in told[4] and "will be generated" in told[2]


@pytest.mark.parametrize("ending", [".h5", ".npz"])
def test_an_exported_split_is_read_as_data(drawn, tmp_path, ending):
    path = tmp_path / f"train{ending}"
    assert exporting.export(drawn, "train", path) == f"{path}: 60 lattices"
    read = RecordedSpins(str(path), 3)
    assert read.temperature == 2.0 and read.shape == (4, 4)
    rows = torch.cat([read.lattices(split) for split in ("train", "validation", "test")])
    want = exporting.module(drawn).lattices("train")
    # the rows are shuffled before they are split
    assert sorted(map(bytes, rows.numpy())) == sorted(map(bytes, want.numpy()))


def test_recorded_lattices_are_described_too(drawn, tmp_path):
    exporting.export(drawn, "train", tmp_path / "train.npz")
    name = "zoo.data.spins.recorded.RecordedSpins"
    own = recipe(tmp_path / "own.yaml", name, path=str(tmp_path / "train.npz"), colours=3)
    told = exporting.describe(own)
    assert "spins 4x4, 3 colours, T0 = 2" in told and "train          48 lattices" in told
    assert Path(exporting.export(own, "test", tmp_path / "six.npz").split(":")[0]).is_file()
