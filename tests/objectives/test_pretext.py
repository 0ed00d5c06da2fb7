"""What all pretext tasks share: heads, taps, gradients, refusals, two processes."""

import math

import pytest
import torch

from tests.discovery import classes
from tests.objectives import parallel, toys
from tests.objectives.toys import bound
from zoo.models.base import Model
from zoo.objectives.binary import Binary
from zoo.objectives.coefficient import Coefficient
from zoo.objectives.derivative import Derivative
from zoo.objectives.heads import CNN, Dense
from zoo.objectives.jigsaw import BLOCKS, Jigsaw
from zoo.objectives.masked import Masked
from zoo.objectives.pretext import Pretext
from zoo.objectives.space_sort import SpaceSort
from zoo.objectives.time_sort import TimeSort

TASKS = classes("zoo.objectives", Pretext)


@pytest.mark.parametrize(
    ("head", "count"),
    [
        (CNN(1, 1, dimension=2), 1505),
        (CNN(1, 5, dimension=2), 5605),
        (CNN(1, 24, dimension=2), 25_080),
        (CNN(1, 64, dimension=2), 66_080),
        (Dense(1, 5, dimension=2), 36_101),
        (Dense(1, 8, dimension=2), 36_872),
    ],
)
def test_heads_on_the_output_map_have_the_papers_parameters(head, count):
    assert sum(p.numel() for p in head.parameters()) == count


def test_the_tap_on_the_output_sees_the_output_map():
    objective, model = bound(Coefficient("output"))
    batch = toys.batch()
    assert torch.equal(objective.tapped(model, batch["u"], None), model(batch["u"])[:, 0])
    assert objective.channels(model) == 1


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("tap", ["features", "output"])
@pytest.mark.parametrize(
    "cls", [c for c in TASKS if c.__name__ != "PICL"], ids=lambda c: c.__name__
)
def test_gradients_reach_body_and_head_in_every_dimension(cls, tap, dimension):
    options = {} if cls is not Coefficient else {"scales": dict.fromkeys(toys.NAMES, 1.0)}
    objective, model = bound(
        cls(tap, [4] * (2 if cls in (Derivative, Masked) else 3), **options), dimension
    )
    objective(model, toys.batch(dimension, count=2, n=8))["loss"].backward()
    for name, parameter in [*model.named_parameters(), *objective.named_parameters()]:
        assert parameter.grad is not None, name
        if tap == "output" or not name.startswith(("hidden.", "output.")):
            assert bool(parameter.grad.any()), name


@pytest.mark.parametrize("cls", TASKS, ids=lambda c: c.__name__)
def test_a_model_that_is_no_operator_is_refused(cls):
    with pytest.raises(ValueError, match="use an operator such as FNO or UNet"):
        cls.tiny().bind(Model(), toys.interface())


@pytest.mark.parametrize(
    ("cls", "shape", "says"),
    [
        (TimeSort, (6, 8, 8), "history=6 is not divided into 4 equal blocks; 4 or 8"),
        (SpaceSort, (8, 8, 9), "axis 1 of n=9 is not divided into 2 equal blocks; 8 or 10"),
        (Jigsaw, (7, 8, 8), "history=7 is not divided into 2 equal blocks; 6 or 8"),
        (Masked, (8, 10, 8), "axis 0 of n=10 is no multiple of the patch's 4; 8 or 12"),
        (Masked, (7, 8, 8), "history=7 is no multiple of the patch's 2; 6 or 8"),
        (Masked, (2, 4, 4), "of 1 patches hides 1; hide some and keep some"),
        (Binary, (1, 8, 8), "history=1 has no order"),
    ],
)
def test_windows_that_do_not_fit_are_refused(cls, shape, says):
    history, *grid = shape
    with pytest.raises(ValueError, match=says):
        objective, model = bound(cls(), history=history)
        objective(model, {**toys.batch(), "u": torch.zeros(2, history, 1, *grid)})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Masked(share=1.0),
        lambda: Masked(size=0),
        lambda: Binary(ramp=0),
        lambda: Jigsaw(classes=1),
        lambda: Jigsaw(classes=99_999),
    ],
)
def test_arguments_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match=r"[a-z]+="):
        make()


def test_blocks_in_every_dimension_are_eight():
    assert {math.prod(counts) for counts in BLOCKS.values()} == {8}


def test_two_gloo_processes_pretrain_as_one(ranks):
    zero, one = ranks("pretext")
    for name, value in zero.items():
        assert torch.equal(value, one[name]), name
    for name in ("derivative", "coefficient"):  # nothing is drawn, so the shares average
        for key, value in parallel.train(name).items():
            assert torch.allclose(zero[f"{name}/{key}"], value, atol=1e-5), key
    assert int(zero["binary/objective.steps"]) == parallel.STEPS
