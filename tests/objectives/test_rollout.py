"""Training through a rollout: value, where the gradient flows, what is refused."""

import math

import pytest
import torch

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.objectives.rollout import Rollout


def operator(dimension=2, **changes):
    torch.manual_seed(0)
    fields = {
        "inputs": ("a", "u"),
        "outputs": ("u",),
        "coefficients": ("nu",),
        "box": (2.0,) * dimension,
        "dt": 0.1,
        "history": 3,
        "horizon": 2,
    }
    return FNO(Interface(**fields | changes), Affine(), width=6, modes=2, layers=2)


def batch(rng, dimension=2, frames=6, n=8):
    u = torch.randn(3, 3, 2, *(n,) * dimension, generator=rng)
    y = torch.randn(3, frames, 1, *(n,) * dimension, generator=rng)
    return {"u": u, "y": y, "p": torch.rand(3, 1, generator=rng)}


def bound(model, **arguments):
    objective = Rollout(**arguments)
    objective.bind(model, model.interface)
    return objective


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("push_forward", [False, True])
def test_the_value_is_the_mean_error_of_a_rollout_written_with_loops(dimension, push_forward, rng):
    model, data = operator(dimension), batch(rng, dimension, frames=7)
    frames = [data["u"][:, t] for t in range(3)]
    errors = []
    with torch.no_grad():
        for step in range(3):
            y = model(torch.stack(frames[-3:], 1), data["p"])
            for t in range(2):
                frames.append(torch.stack([data["u"][:, -1, 0], y[:, t, 0]], 1))
            for i in range(3):
                error = size = 0.0
                target = data["y"][i, 2 * step : 2 * step + 2].flatten().tolist()
                for a, b in zip(y[i].flatten().tolist(), target, strict=True):
                    error, size = error + (a - b) ** 2, size + b**2
                errors.append(math.sqrt(error / size))
    terms = bound(model, steps=3, push_forward=push_forward)(model, data)
    assert float(terms["loss"].detach()) == pytest.approx(sum(errors) / 9, rel=1e-5)
    assert float(terms["first"]) == pytest.approx(sum(errors[:3]) / 3, rel=1e-5)
    assert float(terms["last"]) == pytest.approx(sum(errors[6:]) / 3, rel=1e-5)


def test_predictions_are_those_of_the_operators_own_rollout(rng):
    model, data = operator(), batch(rng)
    with torch.no_grad():
        y = model.rollout(data["u"], 3, data["p"])
        assert float(bound(model, steps=3)(model, {**data, "y": y})["loss"]) < 1e-6


def gradients(model, loss):
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


def test_push_forward_is_the_gradient_of_each_step_on_fixed_inputs(rng):
    model, data = operator(), batch(rng, frames=4)
    pushed = gradients(model, bound(model, steps=2, push_forward=True)(model, data)["loss"])
    full = gradients(model, bound(model, steps=2)(model, data)["loss"])
    one = bound(model, steps=1)
    first = model(data["u"], data["p"]).detach()
    carried = data["u"][:, -1:, :1].repeat(1, 2, 1, 1, 1)
    later = torch.cat([data["u"], torch.cat([carried, first], 2)], 1)[:, -3:]
    alone = gradients(model, one(model, data)["loss"]) + gradients(
        model, one(model, {**data, "u": later, "y": data["y"][:, 2:]})["loss"]
    )
    assert torch.allclose(pushed, alone / 2, rtol=1e-4, atol=1e-6)
    assert float((full - pushed).norm()) > 1e-3 * float(full.norm())


@pytest.mark.parametrize("push_forward", [False, True])
def test_one_batch_can_be_overfitted_and_is_left_alone(push_forward, rng):
    model, data = operator(), batch(rng)
    data["y"] = torch.stack([0.3 * (k + 1) * torch.sin(data["u"][:, -1, 1:]) for k in range(6)], 1)
    before = {name: value.clone() for name, value in data.items()}
    objective = bound(model, steps=2, push_forward=push_forward)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        losses.append(objective(model, data)["loss"])
        losses[-1].backward()
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())
        optimizer.step()
    assert float(losses[-1].detach()) < 0.5 * float(losses[0].detach())
    assert all(torch.equal(data[name], before[name]) for name in data)


def test_too_few_target_frames_are_named_with_the_remedy(rng):
    model = operator()
    with pytest.raises(
        ValueError, match="need 8 target frames, got 6; raise the window's `unroll`"
    ):
        bound(model, steps=4)(model, batch(rng))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"offset": 5}, "jumps 5 frames"),
        ({"dt": None}, "steady"),
        ({"outputs": ("v",)}, "are no inputs"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused_at_once(changes, told):
    with pytest.raises(ValueError, match=told):
        bound(operator(**changes))


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Rollout(steps=0)
