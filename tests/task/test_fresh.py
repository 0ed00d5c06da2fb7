"""Runs on points that are drawn anew at every step: they stop, go on and repeat."""

import re
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from tests.task.full_batch import task, trainer
from zoo.data.points.fresh import Fresh
from zoo.data.points.sampled import Sampled
from zoo.metrics.point_error import PointError
from zoo.models.mlp import MLP
from zoo.objectives.adversarial import Adversarial
from zoo.objectives.balanced import Balanced
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value
from zoo.pde.points.heat_ball import HeatBall
from zoo.task_finite import Diverged

ADAM = partial(torch.optim.Adam, lr=1e-2)
HOT = partial(torch.optim.SGD, lr=1e30)
"""Overflows after a few steps."""


def data(**options):
    counts = {"boundary": 5, "initial": 4, "steps_per_epoch": 5}
    return Fresh(HeatBall(4), 6, evaluation=Sampled(50), seed=0, **{**counts, **options})


def pinn(optimizer=ADAM, **options):
    sides = [Value("boundary"), Value("initial")]
    return task(
        optimizer,
        net=lambda face: MLP(face, width=5, layers=1),
        objective=Pointwise([Residual()], sides, **options),
        metrics=[PointError()],
    )


def seen(run):
    """The points of a run's steps, by step."""
    found, inner = {}, run.training_step

    def step(batch, batch_idx):
        found[run.global_step] = batch["interior"]["x"]
        return inner(batch, batch_idx)

    run.training_step = step
    return found


def test_a_run_sees_the_points_of_each_of_its_steps(tmp_path):
    run, cloud = pinn(), data()
    points = seen(run)
    trainer(tmp_path, 7).fit(run, cloud)
    assert list(points) == list(range(7))
    for step, x in points.items():
        assert torch.equal(x, cloud.batch(step, torch.device("cpu"))["interior"]["x"])


def test_a_killed_run_goes_on_bit_equal_with_its_balance(tmp_path):
    def run():
        return pinn(balance=Balanced(every=2), adversary=Adversarial(1))

    whole, first, second = run(), run(), run()
    trainer(tmp_path / "whole", 8).fit(whole, data())
    trainer(tmp_path / "cut", 3, last=True).fit(first, data())
    kept = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    trainer(tmp_path / "rest", 8).fit(second, data(), ckpt_path=kept)
    for name, value in whole.state_dict().items():
        other = second.state_dict()[name]
        assert value == other if isinstance(value, dict) else torch.equal(value, other), name
    assert whole.state_dict()["objective.balance._extra_state"] == {"steps": 8}


def test_factors_of_a_balance_are_logged(tmp_path):
    run = pinn(balance=Balanced())
    made = trainer(tmp_path, 1)
    made.fit(run, data())
    logged = made.callback_metrics
    assert_close(logged["train/factor_value_initial"], run.objective.balance.factors[1])


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diverged")
    with pytest.raises(Diverged) as error:
        trainer(folder, 30, last=True).fit(pinn(HOT), data())
    return folder, str(error.value)


def test_an_absurd_learning_rate_stops_the_run_at_the_step_that_broke(diverged):
    folder, told = diverged
    named = re.search(r"diverged at step (\d+), not finite: .*residual_interior", told)
    assert named and 0 < int(named[1]) < 10 and "lr=1e+30" in told
    assert not (folder / "release").exists()


def test_the_last_good_checkpoint_is_kept(diverged):
    folder, told = diverged
    path = folder / "checkpoints" / "last.ckpt"
    assert told.endswith(f"the last finite state is in {path}")
    weights = torch.load(path, weights_only=True)["state_dict"]
    tensors = [value for value in weights.values() if isinstance(value, torch.Tensor)]
    assert tensors and all(bool(value.isfinite().all()) for value in tensors)
