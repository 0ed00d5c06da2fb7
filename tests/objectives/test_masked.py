"""Masked: what is hidden, and what counts."""

import itertools
import math

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import bound
from zoo.models.base import Interface
from zoo.objectives.masked import Masked


def test_three_quarters_of_the_patches_hold_the_token_and_the_rest_the_window():
    objective, _ = bound(Masked())
    objective.token.data = torch.randn(2, 1, 4, 4)
    u = toys.batch()["u"]
    window, hidden = objective.mask(u)
    shown = []
    for b in range(4):
        count = 0
        for t, x, y in itertools.product(range(0, 8, 2), range(0, 16, 4), range(0, 16, 4)):
            place = (b, slice(t, t + 2), slice(None), slice(x, x + 4), slice(y, y + 4))
            assert bool(hidden[place].all()) == bool(hidden[place].any())
            here = bool(hidden[place].all())
            assert torch.equal(window[place], objective.token if here else u[place])
            count += here
        assert count == 48  # of 64
        shown.append(hidden[b])
    assert not any(torch.equal(x, y) for x, y in itertools.combinations(shown, 2))


def test_every_patch_is_hidden_alike():
    torch.manual_seed(0)
    objective, _ = bound(Masked())
    _, hidden = objective.mask(torch.zeros(4000, 2, 1, 8, 8))
    share = hidden[:, 0, 0, ::4, ::4].float().mean(0)
    assert float((share - 0.75).abs().max()) < 4 * math.sqrt(0.75 * 0.25 / 4000)


def test_the_token_is_zero_at_first_and_the_objectives_own():
    objective, _ = bound(Masked())
    assert not bool(objective.token.any())
    assert "token" in dict(objective.named_parameters())


def test_masked_is_the_mean_error_over_hidden_points():
    objective, model = bound(Masked())
    batch = toys.batch()
    torch.manual_seed(4)
    loss = float(objective(model, batch)["loss"].detach())
    torch.manual_seed(4)
    window, hidden = objective.mask(batch["u"])
    told = objective.head(model.features(window)).flatten().tolist()
    total = count = 0.0
    for x, y, h in zip(told, batch["u"].flatten().tolist(), hidden.flatten().tolist(), strict=True):
        total += abs(x - y) * h
        count += h
    assert loss == pytest.approx(total / count, rel=1e-5)


def test_several_channels_are_hidden_together_and_all_filled_in():
    interface = Interface(("u", "v"), ("u", "v"), box=(2.0, 2.0), history=4, dt=0.02)
    model = type(toys.model())(interface, toys.Affine(), width=8, modes=3, layers=1)
    objective = Masked()
    objective.bind(model, interface)
    u = torch.randn(2, 4, 2, 8, 8)
    _, hidden = objective.mask(u)
    assert objective.token.shape == (2, 2, 4, 4)
    assert torch.equal(hidden[:, :, 0], hidden[:, :, 1])
    assert bool(objective(model, {"u": u, "p": None})["loss"].isfinite())
