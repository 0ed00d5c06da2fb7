"""Where the truth is compared in high dimension, and what learns nothing scores there."""

import math

import pytest
import torch
from torch.testing import assert_close

from tests.trainers import trainer
from tests.waves import Disc, Wave
from zoo.data.points.fresh import Fresh
from zoo.data.points.instances import Instances
from zoo.data.points.sampled import NUMBERS, Sampled
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.heat_ball import HeatBall
from zoo.pde.points.poisson_cube import PoissonCube
from zoo.pde.points.trivial import best_of_time


def data(equation, count=300, rank=0, ranks=1, instances=None, **options):
    found = Fresh(equation, evaluation=Sampled(count, **options), instances=instances)
    found.trainer = trainer(rank=rank, ranks=ranks)
    return found


def joined(batches, key):
    return torch.cat([batch[key] for batch in batches])


def test_points_follow_the_equation_s_law_and_hold_the_truth():
    batches = list(data(HamiltonJacobiBellman(20), 4000).test_dataloader())
    x, y, dy = (joined(batches, key) for key in ("x", "y", "dy"))
    assert x.shape == (4000, 21) and abs(float(x[:, 1:].var()) - 1) < 0.02
    jet = HamiltonJacobiBellman(20).jet(x)
    assert_close(y, jet.value)
    assert_close(dy, jet.gradient)
    assert batches[0]["cell"] == pytest.approx(1 / 4000)


def test_validation_test_and_another_seed_share_no_point():
    one = data(HeatBall(3))
    other = data(HeatBall(3), seed=1)
    x = [
        joined(d, "x")
        for d in (one.val_dataloader(), one.test_dataloader(), other.val_dataloader())
    ]
    assert len(torch.cat(x)[:, 1].unique()) == 900
    assert torch.equal(x[0], joined(data(HeatBall(3)).val_dataloader(), "x"))


def test_the_training_s_seed_is_no_matter():
    torch.manual_seed(5)
    one = joined(data(HeatBall(3)).test_dataloader(), "x")
    torch.manual_seed(6)
    assert torch.equal(one, joined(data(HeatBall(3)).test_dataloader(), "x"))


def test_batches_of_a_thousand_coordinates_are_small():
    sizes = [len(b["x"]) for b in data(PoissonCube(1000), 1500, derivatives=False).val_dataloader()]
    assert sizes == [NUMBERS // 1000, 500]


def test_gradients_are_left_out_on_request():
    assert "dy" not in next(iter(data(HeatBall(3), derivatives=False).test_dataloader()))


def test_every_instance_of_the_parameters_has_the_same_points():
    batches = list(data(Wave(), 50, instances=Instances(test=[[1.5], [2.5]])).test_dataloader())
    assert [b["instance"] for b in batches] == [0, 1]
    assert torch.equal(batches[0]["x"][:, :2], batches[1]["x"][:, :2])
    assert batches[1]["x"][:, 2].unique().tolist() == [2.5]


def test_ranks_share_the_points():
    whole = joined(data(HeatBall(3), 31).test_dataloader(), "x")
    shares = [joined(data(HeatBall(3), 31, r, 2).test_dataloader(), "x") for r in (0, 1)]
    assert torch.equal(shares[0], whole[0::2]) and torch.equal(shares[1], whole[1::2])


def test_without_a_solution_there_are_points_alone():
    (batch,) = data(Disc(), 40).test_dataloader()
    assert not {"y", "dy", "of_time"} & set(batch)
    assert data(Disc()).trivials("test") == {}


def test_of_a_steady_problem_the_best_function_of_time_is_a_constant():
    (batch,) = data(PoissonCube(3)).test_dataloader()
    assert_close(batch["of_time"], batch["y"].mean(0).expand(300, -1))


# ---- what learns nothing


@pytest.fixture(scope="module")
def heat():
    """u = t + r²/2N for N = 3: all predictors are known by hand."""
    found = data(HeatBall(3), 2000)
    (batch,) = found.test_dataloader()
    return found, batch


def ratio(error, size):
    return float(error.norm() / size.norm())


def test_the_best_function_of_time_is_scored_in_both_norms(heat):
    found, batch = heat
    x, y = batch["x"], batch["y"]
    # E r² = N/(N + 2), up to what a fit to other points misses
    level = x[:, :1] + 1 / (2 * 5)
    assert found.trivials("test")[""]["time"] == pytest.approx(ratio(y - level, y), rel=0.02)
    wanted = float((y - level).abs().sum() / y.abs().sum())
    assert found.trivials("test", "relative_l1")[""]["time"] == pytest.approx(wanted, rel=0.02)


def test_beyond_time_the_best_function_of_time_scores_one_and_a_constant_more(heat):
    scores = heat[0].trivials("test", "beyond_time")["heat_ball"]
    assert scores["time"] == pytest.approx(1, abs=1e-3)
    values = heat[0].trivials("test")[""]
    assert scores["constant"] == pytest.approx(values["constant"] / values["time"], rel=1e-3)


def test_slopes_are_scored_by_zero_by_time_s_and_by_the_ansatz(heat):
    found, batch = heat
    scores, dy = found.trivials("test", "gradient_relative_l2")[""], batch["dy"]
    assert scores["constant"] == 1
    # the best function of time has slope one, as has u, up to its fit
    space = ratio(dy[..., 1:], dy)
    assert scores["time"] == pytest.approx(space, rel=0.05)
    x = batch["x"]
    ansatz = x[:, 1:].square().sum(1, keepdim=True), x[:, :1] + 1 / 6
    wrong = torch.cat([ansatz[0], 2 * x[:, 1:] * ansatz[1]], 1)[:, None]
    assert scores["ansatz"] == pytest.approx(ratio(wrong - dy, dy), rel=1e-9)


def test_forms_that_know_the_problem_are_no_trivial_predictors(heat):
    assert not {"time_radius", "ansatz_time_radius", "t"} & set(heat[0].trivials("test")[""])


def test_figures_that_no_predictor_has_been_measured_by_have_none(heat):
    assert heat[0].trivials("test", "residual_l2") == {}


def test_of_a_family_scores_are_means_over_instances():
    values = [1.5, 2.5]
    both = data(Wave(), 200, instances=Instances(test=[[v] for v in values]))
    each = [data(Wave(), 200, instances=Instances(test=[[v]])) for v in values]
    mean = sum(one.trivials("test")[""]["constant"] for one in each) / 2
    assert both.trivials("test")["wave"]["constant"] == pytest.approx(mean, rel=1e-12)


def test_h_is_the_least_squares_function_of_time():
    equation = HamiltonJacobiBellman(6)
    (batch,) = data(equation, 1500).test_dataloader()
    h = best_of_time(equation, batch["x"])
    assert_close(batch["of_time"], h)
    rest = batch["y"] - h
    for power in range(3):  # what is left is at right angles to functions of time
        wave = batch["x"][:, :1] ** power
        cosine = float((rest * wave).sum() / rest.norm() / wave.norm())
        assert abs(cosine) < 4 / math.sqrt(1500)


def test_no_points_are_refused():
    with pytest.raises(ValueError, match=r"evaluation\.count=1: at least 2 points"):
        Sampled(1)
