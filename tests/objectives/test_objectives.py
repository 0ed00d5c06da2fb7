import math

import pytest
import torch

from tests.discovery import classes
from zoo.models.fno import FNO
from zoo.objectives.base import Objective
from zoo.objectives.squared import Squared
from zoo.objectives.supervised import Supervised

OBJECTIVES = classes("zoo.objectives", Objective)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return FNO(**FNO.tiny())


@pytest.fixture
def batch(model, rng):
    example = model.example(rng)
    return {**example, "y": torch.randn(model(**example).shape, generator=rng)}


def test_supervised_is_the_mean_of_relative_norms(model, batch):
    prediction = model(batch["u"], batch.get("p")).detach()
    total = 0.0
    for i in range(len(prediction)):
        error = size = 0.0
        for a, b in zip(
            prediction[i].flatten().tolist(), batch["y"][i].flatten().tolist(), strict=True
        ):
            error += (a - b) ** 2
            size += b**2
        total += math.sqrt(error) / math.sqrt(size)
    assert float(Supervised()(model, batch)["loss"].detach()) == pytest.approx(
        total / len(prediction), rel=1e-5
    )


def test_squared_is_the_sum_over_points(model, batch):
    prediction = model(batch["u"], batch.get("p")).detach()
    total = 0.0
    for a, b in zip(prediction.flatten().tolist(), batch["y"].flatten().tolist(), strict=True):
        total += (a - b) ** 2
    assert float(Squared()(model, batch)["loss"].detach()) == pytest.approx(
        total / len(prediction), rel=1e-5
    )


@pytest.mark.parametrize("cls", OBJECTIVES, ids=lambda c: c.__name__)
def test_the_gradient_reaches_the_net_and_the_batch_is_left_alone(cls, model, batch):
    before = {name: value.clone() for name, value in batch.items()}
    cls()(model, batch)["loss"].backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())
    assert all(bool((batch[name] == before[name]).all()) for name in batch)


@pytest.mark.parametrize("cls", OBJECTIVES, ids=lambda c: c.__name__)
def test_one_batch_can_be_overfitted(cls, model, batch):
    objective = cls()
    batch = {**batch, "y": 0.3 * torch.sin(batch["u"])}
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = float(objective(model, batch)["loss"].detach())
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective(model, batch)["loss"]
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.3 * first
