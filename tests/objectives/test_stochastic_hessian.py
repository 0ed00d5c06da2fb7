"""Random directions on several ranks: what is the same on all, and what the mean over them is."""

import pytest
import torch
from torch.testing import assert_close

from tests.objectives import toys
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.stochastic_hessian import StochasticHessian
from zoo.objectives.terms.value import Value

RANKS, DIRECTIONS = 2, 3


@pytest.fixture(scope="module")
def wave():
    data = toys.wave()
    batch = toys.wide(data)
    # one point less, so that the ranks' shares are uneven
    batch["interior"] = {k: v[1:] if v.ndim else v for k, v in batch["interior"].items()}
    return toys.field(data), batch


def share(batch, rank, ranks):
    """A rank's rows of each part, weighted as the data weight them."""
    found = dict(batch)
    for name, part in batch.items():
        if isinstance(part, dict):
            rows = {k: v[rank::ranks] for k, v in part.items() if k != "weight"}
            found[name] = {**rows, "weight": len(rows["x"]) * ranks / len(part["x"])}
    return found


def loss(model, batch, seed):
    """The loss on this rank."""
    torch.manual_seed(seed)
    objective = Pointwise([StochasticHessian(directions=DIRECTIONS)], [Value("initial")])
    return objective(model, batch)["loss"]


def step(model, batch, seed):
    """Loss and gradients of a step on this rank, which DDP averages."""
    found = loss(model, batch, seed)
    return [found.detach(), *torch.autograd.grad(found, list(model.parameters()))]


def mean(each):
    """Over ranks, of each tensor."""
    return [torch.stack(one).mean(0) for one in zip(*each, strict=True)]


def test_ranks_of_one_seed_take_the_step_of_one_process(wave):
    model, batch = wave
    ranks = [step(model, share(batch, rank, RANKS), 4) for rank in range(RANKS)]
    for found, wanted in zip(mean(ranks), step(model, batch, 4), strict=True):
        assert_close(found, wanted, rtol=0, atol=1e-12)


def test_ranks_draw_equally_much_whatever_their_points(wave):
    model, batch = wave
    states = []
    for rank in range(RANKS):
        loss(model, share(batch, rank, RANKS), 4)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@torch.no_grad()
def test_over_draws_ranks_of_different_seeds_find_the_same_mean_with_less_noise(wave):
    model, batch = wave
    shares = [share(batch, rank, RANKS) for rank in range(RANKS)]
    apart = [[loss(model, one, 2 * i + r) for r, one in enumerate(shares)] for i in range(60)]
    apart = torch.tensor(apart).mean(1)
    alike = torch.stack([loss(model, batch, 1000 + i) for i in range(60)])
    error = (apart.var() / len(apart) + alike.var() / len(alike)).sqrt()
    assert abs(apart.mean() - alike.mean()) < 4 * error
    assert apart.var() < 0.75 * alike.var()
