"""Blocks: what builds, and what is refused before anything happens."""

import os
import sys

import pytest

from zoo.models.base import BlockError, Interface, Model, block, build, find, interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.parts.normaliser import Normaliser

HOSTILE = [
    "zoo.release.os.system",
    "zoo.models.base.importlib.import_module",
    "zoo.models.base.inspect",
    "zoo.models.operator.np.load",
    "zoo.models.fno.FNO.tiny",
    "zoo.models.fno.nn.Linear",
    "zoo.models.fno.Operator",
    "zoo.models.nowhere.FNO",
    "zoo.models.",
    "zoo.models.fno",
    "zoo.models.fno.__class__",
    "zoo.models..fno.FNO",
    "zoo.models.fno.FNO()",
    "zoo.modelsX.fno.FNO",
    "os.system",
    "torch.nn.Linear",
    "builtins.eval",
    "",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_is_no_models_own_is_refused(path, monkeypatch):
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("called"))
    with pytest.raises(BlockError, match="class_path"):
        build({"class_path": path, "init_args": {}})


def test_a_module_outside_the_allowed_packages_is_not_even_imported():
    name = "this"  # prints a poem when imported
    sys.modules.pop(name, None)
    with pytest.raises(BlockError, match="outside"):
        find(f"{name}.s")
    assert name not in sys.modules


def test_a_prefix_needs_its_dot():
    with pytest.raises(BlockError, match="outside"):
        find("zoo.models_of_others.Net", allowed=("zoo.models.",))


def test_a_class_of_another_kind_is_refused():
    with pytest.raises(BlockError, match="is no Model"):
        build({"class_path": "zoo.models.parts.affine.Affine"}, Model)
    assert isinstance(build({"class_path": "zoo.models.parts.affine.Affine"}, Normaliser), Affine)


def described():
    return block(FNO(**FNO.tiny()))


def test_an_unknown_argument_names_its_neighbour():
    bad = described()
    bad["init_args"]["widht"] = 8
    with pytest.raises(BlockError, match=r"FNO has no argument 'widht'.*'width'"):
        build(bad)


def test_an_unknown_field_of_the_interface_names_its_neighbour():
    with pytest.raises(BlockError, match=r"no field 'input'.*inputs"):
        interface({"input": ["f"], "outputs": ["u"]})


def test_a_hostile_block_inside_a_block_is_refused():
    bad = described()
    bad["init_args"]["normaliser"] = {"class_path": "zoo.release.os.system", "init_args": {}}
    with pytest.raises(BlockError, match="class_path"):
        build(bad)


def test_a_block_holds_nothing_but_path_and_arguments():
    with pytest.raises(BlockError, match="not a block"):
        build({"class_path": "zoo.models.fno.FNO", "code": "1"})


def test_an_argument_that_json_cannot_hold_is_refused():
    net = FNO(**FNO.tiny())
    net.width = object()
    with pytest.raises(BlockError, match=r"FNO.width is a object, which JSON cannot hold"):
        block(net)


def test_an_argument_that_is_not_kept_is_refused():
    net = FNO(**FNO.tiny())
    del net.projection
    with pytest.raises(BlockError, match="keeps no attribute 'projection'"):
        block(net)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"inputs": (), "outputs": ("u",)}, "interface.inputs is empty"),
        ({"inputs": ("f",), "outputs": ("u", "u")}, "repeats a name"),
        ({"inputs": ("f",), "outputs": ("u",), "box": (1.0,) * 4}, "has 4 sides"),
    ],
)
def test_an_interface_that_names_no_channel_is_refused(fields, words):
    with pytest.raises(BlockError, match=words):
        Interface(**fields)
