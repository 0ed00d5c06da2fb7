"""The physics-informed contrastive distance, re-derived pair by pair."""

import math

import pytest
import torch

from zoo.models.base import Interface, Model
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.objectives.picl import PICL
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers
from zoo.pde.kdv import KdV
from zoo.pde.transport import Transport


def interface(dimension=2, **changes):
    fields = {
        "inputs": ("u",),
        "outputs": ("u",),
        # in another order than the equation's, and with one that is not its own
        "coefficients": ("cx", "other", "ax", "nu"),
        "box": (2.0,) * dimension,
        "dt": 0.02,
        "history": 3,
    }
    return Interface(**fields | changes)


def operator(dimension=2, **changes):
    torch.manual_seed(0)
    want = interface(dimension, **{"coefficients": (), **changes})
    return FNO(want, Affine(), width=6, modes=2, layers=2)


def batch(rng, dimension=2, n=8, channels=1):
    x = Box((2.0,) * dimension, (n,) * dimension).points().float()
    phase = torch.rand(4, 3, channels, *(1,) * dimension, generator=rng)
    u = torch.sin(math.pi * x.sum(0) + 6 * phase) + 0.3
    p = torch.tensor(
        [[0.0, 9.0, 0.0, 0.01], [0.7, 9.0, 0.0, 0.02], [0.0, 9.0, 1.5, 0.0], [0.0, 9.0, 0.0, 0.0]]
    )
    return {"u": u, "p": p, "dx": torch.full((4, dimension), 2 / n), "dt": torch.full((4,), 0.02)}


def bound(model, *arguments, data=None, **options):
    objective = PICL(*arguments, **options)
    objective.bind(model, data or interface(model.interface.dimension))
    return objective


def linear_step(z, nu, speed, h):
    """Δt (ν Δz - ax z_x) of one map by matrices of its trigonometric interpolant."""
    n = len(z)
    waves = torch.arange(n).double() - n // 2
    turn = 2 * math.pi / n * torch.arange(n)[:, None] * waves
    basis = torch.polar(torch.ones_like(turn), turn)
    k = waves * (2 * math.pi / (n * h))
    odd = torch.where(waves == -n // 2, 0, k)
    first = ((basis * (1j * odd)) @ basis.conj().T / n).real
    second = ((basis * -(k**2)) @ basis.conj().T / n).real
    z = z.double()
    bend = second @ z if z.ndim == 1 else second @ z + z @ second.T
    return 0.02 * (nu * bend - speed * (first @ z))


def by_loops(model, data, scales=None, quartic=False):
    z = model(data["u"], data["p"]).detach()
    u = data["u"]
    thetas = [[float(p[3]), math.hypot(float(p[0]), float(p[2]))] for p in data["p"]]
    scales = scales or [max(theta[i] for theta in thetas) for i in (0, 1)]
    thetas = [[t / s for t, s in zip(theta, scales, strict=True)] for theta in thetas]
    distances, psis = {}, {}
    scale = float(u[:, -1].square().mean())
    box, burgers = Box((2.0,) * (u.ndim - 3), tuple(u.shape[3:])), Burgers(u.ndim - 3)
    for i in range(4):
        bend, _, speed, nu = data["p"][i].double()
        step = linear_step(z[i, 0, 0], nu, speed, 2 / u.shape[-1])
        if bend:
            # its product is dealiased, which the equation's own tests prove
            p = torch.stack([nu, bend, 0 * bend][: u.ndim - 1])[None]
            step = 0.02 * burgers.rhs(box, z[i].double(), p)[0, 0]
        for j in range(4):
            total = 0.0
            data_part = (u[i, -1, 0] - u[j, -2, 0]).flatten().tolist()
            latent = (z[i, 0, 0] + step - z[j, 0, 0]).flatten().tolist()
            for a, b in zip(data_part, latent, strict=True):
                total += (a - b) ** 2
            distances[i, j] = total / len(data_part) / scale
            sizes = [math.hypot(*thetas[k]) for k in (i, j)]
            dot = abs(sum(a * b for a, b in zip(thetas[i], thetas[j], strict=True)))
            psis[i, j] = math.sqrt(dot) / max(sizes) if max(sizes) else 1.0
    tau = sum(distances.values()) / 16
    loss = 0.0
    for pair, d in distances.items():
        power = d**2 if quartic else d
        loss += 0.5 * psis[pair] * power + 0.5 * (1 - psis[pair]) * max(tau - power, 0.0)
    return loss / 16, sum(distances[i, i] for i in range(4)) / 4


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("options", [{}, {"scales": [0.02, 2.5]}, {"quartic": True}], ids=str)
def test_the_value_is_the_sum_over_pairs_written_with_loops(dimension, options, rng):
    model, data = operator(dimension), batch(rng, dimension)
    terms = bound(model, **options)(model, data)
    loss, own = by_loops(model, data, **options)
    assert float(terms["loss"].detach()) == pytest.approx(loss, rel=1e-4)
    assert float(terms["own"]) == pytest.approx(own, rel=1e-4)


class LastButOne(Model):
    """Gives back the last but one input frame: the state before the step, as it is."""

    def __init__(self, interface):
        super().__init__()
        self.interface = interface

    def forward(self, u, p=None):
        return u[:, -2:-1]


def trajectories(dt):
    """One step of heat, Burgers, advection and rest, and the equation they share."""
    equation, box = Transport(2), Box((2.0, 2.0), (16, 16))
    p = torch.zeros(4, 5, dtype=torch.float64)
    p[:2, 0], p[1, 3:], p[2, 1:3] = 0.01, 0.8, 0.4
    x = box.points() * math.pi
    u0 = torch.stack([torch.sin(x[0] + i) + 0.5 * torch.cos(x[1] - i) for i in range(4)])[:, None]
    u = equation.evolve(box, u0, p, dt * torch.arange(2, dtype=torch.float64), steps=4)
    steps = {"dx": torch.full((4, 2), 0.125), "dt": torch.full((4,), dt, dtype=torch.float64)}
    return equation, {"u": u, "p": p, **steps}


def distances(objective, model, data):
    z = model(data["u"])
    ahead = z + objective._step(z, objective._coefficients(data["p"]), data)
    return objective._distances(data["u"], z, ahead), z, ahead


def test_a_perfect_representation_has_the_steps_own_error_for_every_pair():
    worst = []
    for dt in (0.02, 0.01):
        equation, data = trajectories(dt)
        want = interface(coefficients=equation.coefficients, history=2)
        model = LastButOne(want)
        objective = bound(operator(history=2), equation, data=want)
        worst.append(float(distances(objective, model, data)[0].max()))
        assert float(objective(model, data)["loss"]) <= worst[-1]
    assert worst[0] < 1e-4
    # an explicit step errs by Δt², and D is a square
    assert math.log2(worst[0] / worst[1]) == pytest.approx(4, abs=0.2)


def test_with_the_released_order_of_the_data_no_state_would_cancel():
    equation, data = trajectories(0.02)
    want = interface(coefficients=equation.coefficients, history=2)
    model = LastButOne(want)
    d, z, ahead = distances(bound(operator(history=2), equation, data=want), model, data)
    for i in range(4):
        for j in range(4):
            latent = ahead[i, 0] - z[j, 0]
            wrong = (data["u"][j, 1] - data["u"][i, 0] - latent).square().mean()
            assert i == j or float(wrong) > 1000 * float(d.max())


def test_similarity_is_one_on_the_diagonal_and_zero_between_heat_and_advection(rng):
    objective = bound(operator())
    p = objective._coefficients(batch(rng)["p"])
    psi = objective._similarities(p)
    assert torch.allclose(psi.diagonal(), torch.ones(4))
    assert torch.equal(psi, psi.T)
    assert float(psi[0, 2]) == 0.0
    # two of heat alone: the root of the smaller over the larger
    p = torch.zeros(2, 5)
    p[:, 0] = torch.tensor([0.004, 0.016])
    assert float(objective._similarities(p)[0, 1]) == pytest.approx(0.5)


def test_several_frames_and_channels_are_each_set_against_the_channel_of_their_name(rng):
    model = operator(inputs=("a", "u"), outputs=("u",), horizon=2)
    data = batch(rng, channels=2)
    objective = bound(model)
    single = batch(rng)
    z = model(data["u"]).detach()
    p = objective._coefficients(data["p"])
    d = objective._distances(data["u"][:, -2:, 1:], z, z + objective._step(z, p, data))
    for i in range(4):
        for j in range(4):
            total = 0.0
            for t in range(2):
                step = objective._step(z[:, t : t + 1], p, single)[i, 0]
                bracket = data["u"][i, -1, 1:] - data["u"][j, -2, 1:] - z[i, t] - step + z[j, t]
                total += float(bracket.square().mean()) / 2
            scale = float(data["u"][:, -1, 1].square().mean())
            assert float(d[i, j]) == pytest.approx(total / scale, rel=1e-4)


@pytest.mark.parametrize("dimension", [1, 2])
def test_the_gradient_reaches_the_net_training_lowers_it_and_the_batch_is_left_alone(
    dimension, rng
):
    model, data = operator(dimension), batch(rng, dimension)
    before = {name: value.clone() for name, value in data.items()}
    objective = bound(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        losses.append(objective(model, data)["loss"])
        losses[-1].backward()
        assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())
        if len(losses) == 1:
            assert all(bool(p.grad.abs().sum() > 0) for p in model.parameters())
        optimizer.step()
    assert float(losses[-1].detach()) < 0.7 * float(losses[0].detach())
    assert all(torch.equal(data[name], before[name]) for name in data)


def test_the_loss_has_no_units(rng):
    model, data = LastButOne(interface()), batch(rng)
    objective = bound(operator())
    # the others are linear
    data["p"][:, 0] = 0
    large = {**data, "u": 1000 * data["u"]}
    loss = float(objective(model, data)["loss"])
    assert float(objective(model, large)["loss"]) == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"coefficients": ("k",)}, "none of transport's"),
        ({"dt": None}, "a time step"),
    ],
)
def test_data_without_physics_are_refused(data, told):
    with pytest.raises(ValueError, match=told):
        bound(operator(), data=interface(**data))


@pytest.mark.parametrize(
    ("model", "told"),
    [({"history": 1}, "at least 2"), ({"outputs": ("v",)}, "must be among")],
)
def test_a_model_whose_outputs_are_no_states_is_refused(model, told):
    with pytest.raises(ValueError, match=told):
        bound(operator(**model))


def test_an_equation_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="1 dimensions"):
        bound(operator(), KdV(), data=interface(coefficients=("c", "d")))


def test_samples_of_unlike_spacing_and_wrong_scales_are_refused(rng):
    model, data = operator(), batch(rng)
    data["dx"][1] *= 1.1
    with pytest.raises(ValueError, match="one grid spacing"):
        bound(model)(model, data)
    with pytest.raises(ValueError, match="two positive"):
        PICL(scales=[1.0, 0.0])
    with pytest.raises(RuntimeError, match="bind"):
        PICL()(model, data)
