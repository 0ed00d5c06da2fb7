"""Errors of single frames: means by system, step and channel, exact however batches are cut."""

import copy
import math

import pytest
import torch

from tests.metrics.fields import batch, measured, model
from zoo.metrics.frame_metric import periodic
from zoo.metrics.maximum_error import MaximumError
from zoo.metrics.nrmse import NRMSE
from zoo.models.base import block, build


@pytest.fixture
def fields(rng):
    return [torch.randn(5, 3, 2, 6, 6, generator=rng) for _ in range(2)]


def by_hand(a, b):
    top = sum((x - y) ** 2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))
    return math.sqrt(top / sum(y * y for y in b.flatten().tolist()))


def test_figures_are_means_over_samples_by_step_and_channel(fields):
    found = measured(NRMSE(3, ["rho", "v"]), batch(*fields))
    each = [
        [[by_hand(fields[0][i, t, c], fields[1][i, t, c]) for i in range(5)] for c in range(2)]
        for t in range(3)
    ]
    table = torch.tensor(each).double().mean(2)
    assert found["all/step=02/v/nrmse"] == pytest.approx(float(table[1, 1]), rel=1e-5)
    assert found["all/step=03/nrmse"] == pytest.approx(float(table[2].mean()), rel=1e-5)
    assert found["all/rho/nrmse"] == pytest.approx(float(table[:, 0].mean()), rel=1e-5)
    assert found["nrmse"] == found["all/nrmse"] == pytest.approx(float(table.mean()), rel=1e-5)
    assert len(found) == 1 + 1 + 3 + 2 + 6


def test_systems_are_apart_and_their_mean_is_the_headline(fields):
    metric = NRMSE(3, ["rho", "v"])
    metric.name_systems(["heat", "burgers", "unseen"])
    found = measured(metric, batch(*fields, system=[0, 1, 1, 1, 1]))
    alone = NRMSE(3, ["rho", "v"])
    one = measured(alone, batch(*(f[:1] for f in fields)))
    assert found["heat/nrmse"] == pytest.approx(one["nrmse"], rel=1e-12)
    assert found["nrmse"] == pytest.approx((found["heat/nrmse"] + found["burgers/nrmse"]) / 2)
    assert not any(name.startswith("unseen") for name in found)
    assert metric.seen["burgers/nrmse"] == 4 and metric.seen["nrmse"] == 5


def test_uneven_batches_give_the_same_figures(fields):
    whole = measured(NRMSE(3, ["rho", "v"]), batch(*fields))
    parts = [batch(*(f[cut] for f in fields)) for cut in (slice(0, 4), slice(4, 5))]
    split = measured(NRMSE(3, ["rho", "v"]), *parts)
    assert split == pytest.approx(whole, rel=1e-14)


def test_sums_of_uneven_ranks_give_the_same_figures(fields):
    whole = measured(NRMSE(3, ["rho", "v"]), batch(*fields))
    ranks = [NRMSE(3, ["rho", "v"]) for _ in range(2)]
    for rank, cut in zip(ranks, (slice(0, 4), slice(4, 5)), strict=True):
        rank.update(model(), batch(*(f[cut] for f in fields)))
    one = copy.deepcopy(ranks[0])
    # what a reduction over processes does with states of this kind
    for name, reduce in one._reductions.items():
        setattr(one, name, reduce(torch.stack([getattr(rank, name) for rank in ranks])))
    found = {name: float(value) for name, value in one.compute().items()}
    assert found == pytest.approx(whole, rel=1e-14)


def test_without_a_given_prediction_the_model_is_asked(rng):
    net = model()
    y = torch.randn(2, 3, 1, 8, 8, generator=rng)
    one = batch(y, y)
    del one["prediction"]
    metric = MaximumError(3)
    with torch.no_grad():
        metric.update(net, one)
        want = (net.rollout(one["u"], 3) - y).abs().flatten(3).amax(3).double().mean()
    assert float(metric.compute()["maximum_error"]) == pytest.approx(float(want), rel=1e-6)


def test_a_truth_without_size_counts_nowhere(fields):
    prediction, target = fields
    target[0, 1, 0] = 0
    metric = NRMSE(3, ["rho", "v"])
    found = measured(metric, batch(prediction, target))
    rest = measured(NRMSE(3, ["rho", "v"]), batch(prediction[1:], target[1:]))
    assert found["all/step=02/rho/nrmse"] == pytest.approx(rest["all/step=02/rho/nrmse"], rel=1e-14)
    assert metric.seen["all/step=02/rho/nrmse"] == 4


def test_a_prediction_that_is_not_finite_has_an_infinite_error(fields):
    prediction, target = fields
    prediction[0, 1, 0, 0, 0] = math.nan
    found = measured(NRMSE(3, ["rho", "v"]), batch(prediction, target))
    assert math.isinf(found["nrmse"]) and math.isfinite(found["all/step=01/nrmse"])


def test_targets_of_other_frames_name_both(fields):
    with pytest.raises(ValueError, match=r"targets have 3 frames of 2 channels, the metric 4"):
        NRMSE(4, ["rho", "v"]).update(model(), batch(*fields))
    with pytest.raises(ValueError, match="frames=0"):
        NRMSE(0)


def test_a_metric_is_rebuilt_from_its_block():
    made = build(block(NRMSE(3, ["rho", "v"])), NRMSE, ("zoo.metrics.",))
    assert (made.frames, made.channels, made.title) == (3, ["rho", "v"], "nrmse")
    assert made.total.shape == (1, 3, 2, 1) and made.total.dtype == torch.float64


BOUNDARIES = {
    "periodic": (True, True),
    "x wall, y periodic": (False, True),
    "x periodic, y open": (True, False),
    "dirichlet": (False, False),
    "unstated": (False, False),
}


@pytest.mark.parametrize("word", BOUNDARIES)
def test_a_boundary_says_which_axes_are_periodic(word):
    assert periodic(word, 2) == BOUNDARIES[word]
