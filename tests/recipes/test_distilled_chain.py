"""A chain in which each student is the next one's teacher, killed in the middle of a student."""

import json
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.conftest import write
from tests.recipes.test_chain import releases
from tests.recipes.test_kill import begin

TEACHER = "data.init_args.parts.1.init_args.targets.0.init_args.teacher.init_args.x"
STAGES = ("teacher", "second", "third")
EPOCHS = 8


def block(path, **arguments):
    return {"class_path": f"zoo.{path}", "init_args": arguments}


def stage(low, high, epochs, old=None):
    """PINN between two x; where an older region is, the teacher's values and derivatives there."""
    parts = [block("data.points.interior.Interior", count=12, where={"x": [low, high]})]
    terms = [block("objectives.terms.residual.Residual")]
    sides = [block("objectives.terms.value.Value", part="boundary")]
    if old is not None:
        given = block("data.targets.distilled.Distilled", teacher=block("from_pretrained", x=None))
        given["init_args"]["orders"] = [0, 1]
        known = {"count": 12, "where": {"x": [old, low]}, "name": "old", "targets": [given]}
        parts.append(block("data.points.interior.Interior", **known))
        sides.append(block("objectives.terms.value.Value", part="old"))
        sides.append(block("objectives.terms.gradient.Gradient", part="old"))
    parts.append(block("data.points.sides.Sides", points_per_side=6))
    points = {
        "equation": block("pde.points.allen_cahn.SteadyAllenCahn"),
        "parts": parts,
        "batch_size": 6,
        "evaluation": block("data.points.evaluation.Evaluation", points_per_side=5),
    }
    model = {
        "objective": block("objectives.pointwise.Pointwise", interior=terms, sides=sides),
        "metrics": [block("metrics.point_error.PointError")],
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-2}},
    }
    if old is None:
        model["net"] = block("models.mlp.MLP", width=6, layers=1)
    data = block("data.points.points.Points", **points)
    trainer = {"max_epochs": epochs, "accelerator": "cpu"}
    return {"model": model, "data": data, "trainer": trainer, "save_seconds": 0}


@pytest.fixture
def chain(here):
    """Three regions one after the other, each student extended from its teacher's weights."""
    write(here / "teacher.yaml", stage(-1.0, 0.0, 1))
    write(here / "second.yaml", stage(0.0, 0.5, EPOCHS, old=-1.0))
    write(here / "third.yaml", stage(0.5, 1.0, 1, old=-1.0))
    stages = {"teacher": {"recipe": "teacher.yaml", "test": True}}
    for parent, name in pairwise(STAGES):
        uses = {"model.init_from": parent, TEACHER: parent}
        stages[name] = {"recipe": f"{name}.yaml", "uses": uses, "test": True}
    return write(here / "chain.yaml", {"stages": stages})


def killed_in(words, folder):
    """Run a command in a process of its own, and kill -9 it after some checkpoints of a stage."""
    last, seen, child = folder / "checkpoints" / "last.ckpt", set(), begin(words)
    end = time.monotonic() + 60
    while len(seen) < 4:
        assert time.monotonic() < end and not os.waitpid(child, os.WNOHANG)[0], "ended before"
        if last.exists():
            seen.add(last.stat().st_mtime_ns)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def config(folder):
    return json.loads((folder / "release" / "config.json").read_text())


@pytest.mark.slow
def test_killed_in_the_middle_and_resumed_every_release_is_the_same(chain, zoo, here):
    assert zoo("run", chain, "--out", "whole")[0] == 0
    killed_in(["run", chain, "--out", "cut"], here / "cut" / "second")
    assert (here / "cut/teacher/done.json").is_file()
    assert not (here / "cut/second/release").exists() and not (here / "cut/third").exists()
    code, out, _ = zoo("run", chain, "--out", "cut")
    assert code == 0
    assert "teacher: done before" in out and "second: goes on from its last checkpoint" in out
    whole = releases(Path("whole"))
    assert sorted(whole) == sorted(f"{name}/release" for name in STAGES)
    assert releases(Path("cut")) == whole
    for parent, name in pairwise(STAGES):
        lineage = config(here / "cut" / name)["lineage"]
        sha = config(here / "cut" / parent)["sha256"]
        told = {one["stage"] for one in lineage if one["sha256"] == sha}
        assert told == {"teacher", "init_from"}
