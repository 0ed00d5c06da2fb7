"""Kuramoto-Sivashinsky, KdV, Navier-Stokes, Allen-Cahn, Gray-Scott against closed forms."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from zoo.pde.allen_cahn import AllenCahn
from zoo.pde.box import Box
from zoo.pde.evolution import BlowUp, NoExact
from zoo.pde.gray_scott import GrayScott
from zoo.pde.kdv import KdV
from zoo.pde.kuramoto_sivashinsky import KuramotoSivashinsky
from zoo.pde.navier_stokes import NavierStokes, energy, enstrophy, velocity
from zoo.pde.waves import RandomWaves


def double(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# equation, box, end, steps that the refinements of orders 1 to 4 start from, floor at a
# tenth of the end with 16 steps (4 in 3-D)
CASES = [
    (KdV(), Box((16.0,), (128,)), 0.25, (25, 25, 25, 10), 1e-12),
    (KuramotoSivashinsky(1), Box((32.0,), (48,)), 0.5, (8, 4, 4, 4), 1e-13),
    (KuramotoSivashinsky(2), Box((16.0, 12.0), (24, 20)), 0.1, (2, 2, 4, 8), 1e-13),
    (NavierStokes(), Box((2.0, 1.5), (20, 21)), 0.5, (4, 4, 4, 4), 1e-13),
    (AllenCahn(1), Box((2.0,), (28,)), 0.5, (4, 8, 4, 8), 1e-12),
    (AllenCahn(2), Box((2.0, 3.0), (28, 29)), 0.4, (4, 8, 4, 4), 1e-12),
    (AllenCahn(3), Box((2.0, 3.0, 1.0), (28, 28, 16)), 0.1, (2, 2, 2, 2), 1e-12),
    (GrayScott(1), Box((2.0,), (28,)), 1.0, (8, 8, 4, 4), 1e-11),
    (GrayScott(2), Box((2.0, 3.0), (28, 28)), 0.5, (4, 4, 4, 4), 1e-12),
    (GrayScott(3), Box((2.0, 3.0, 1.0), (28, 28, 16)), 0.1, (2, 2, 2, 2), 1e-12),
]
EVERY = [case[0] for case in CASES]
named = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].name}-{c[0].dimension}")


def error(equation, box, end, order, steps):
    """Largest deviation from the closed form, relative to its largest value."""
    p = equation.draw(2, torch.Generator().manual_seed(1))
    times = double([0.3, 0.3 + end])

    def at(t, of):
        return equation.manufactured(box, p, double([t]))[of][:, 0]

    try:
        u = equation.exact(box, p, times) if equation.name == "kdv" else None
    except NoExact:
        u = None
    forcing = None if u is not None else lambda t: at(t, 1)
    u = torch.stack([at(float(t), 0) for t in times], 1) if u is None else u
    found = equation.evolve(box, u[:, 0], p, times, order=order, steps=steps, forcing=forcing)
    return float((found - u).abs().max() / u.abs().max())


@named
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_order_is_met_on_every_refinement_pair(case, order):
    equation, box, end, first, _ = case
    pairs = 2 if equation.dimension == 3 else 3
    steps = [first[order - 1] * 2**i for i in range(pairs)]
    errors = [error(equation, box, end, order, n) for n in steps]
    rates = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert all(abs(rate - order) < 0.25 for rate in rates), (errors, rates)


@named
def test_the_closed_form_is_met_at_the_floor(case):
    equation, box, end, _, floor = case
    steps = 4 if equation.dimension == 3 else 16
    assert error(equation, box, end / 10, 4, steps) < floor


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own jvp
@named
def test_the_right_hand_side_is_the_rate_of_the_closed_form(case, rng):
    equation, box = case[:2]
    p = equation.draw(2, rng)
    times = double([0.7])
    if equation.name == "kdv":
        u, rate = torch.func.jvp(
            lambda t: equation.exact(box, p, t), (times,), (torch.ones_like(times),)
        )
        forcing = torch.zeros_like(u)
    else:
        (u, forcing), (rate, _) = torch.func.jvp(
            lambda t: equation.manufactured(box, p, t), (times,), (torch.ones_like(times),)
        )
    found = equation.rhs(box, u[:, 0], p) + forcing[:, 0]
    assert_close(found, rate[:, 0], rtol=0, atol=1e-10 * float(1 + forcing.abs().max()))
    assert equation.rhs(box, u[:, 0].float(), p.float()).dtype == torch.float32


def test_a_stirred_taylor_green_vortex_is_met_at_round_off(rng):
    equation, box = NavierStokes(), Box((2.0, 1.5), (16, 17))
    p = torch.cat([equation.draw(3, rng), double([[0.0, 0.1], [0.01, 0.0]])])
    times = torch.linspace(0, 3, 4, dtype=torch.float64)
    u = equation.exact(box, p, times)
    assert_close(equation.evolve(box, u[:, 0], p, times, steps=2), u, rtol=0, atol=1e-13)


def test_phases_part_everywhere_alike_as_the_closed_form_says(rng):
    equation, box = AllenCahn(3), Box((1.0, 1.0, 1.0), (6, 6, 6))
    p, times = equation.draw(3, rng), torch.linspace(0, 4, 5, dtype=torch.float64)
    u = equation.exact(box, p, times)
    assert 0.5 < float(u[:, -1].min()) < 1
    assert_close(equation.evolve(box, u[:, 0], p, times, steps=100), u, rtol=0, atol=1e-9)


def test_a_chaotic_or_cubic_equation_says_that_it_has_no_closed_form(rng):
    for equation, word in ((KuramotoSivashinsky(), "chaotic"), (GrayScott(), "b != 0")):
        box = Box(equation.lengths, (16,) * equation.dimension)
        with pytest.raises(NoExact, match=word):
            equation.exact(box, equation.draw(1, rng), torch.zeros(1).double())
    with pytest.raises(NoExact, match="c=0"):
        KdV().exact(Box((1.0,), (8,)), double([[0.0, 1.0]]), torch.zeros(1).double())


def test_kdv_keeps_mass_and_momentum_and_energy_up_to_the_step(rng):
    equation, box = KdV(), Box((16.0,), (128,))
    p, u0 = equation.draw(4, rng), 0.3 + RandomWaves().draw(4, box, rng)
    drifts = []
    for steps in (150, 300):
        u = equation.evolve(box, u0, p, double([0, 1]), steps=steps)[:, -1]
        assert (u - u0).norm() > 0.5 * u0.norm()
        start, end = (equation.conserved(box, v, p) for v in (u0, u))
        assert_close(end["mass"], start["mass"], rtol=0, atol=1e-13)
        drifts.append([float((end[k] - start[k]).abs().max()) for k in ("momentum", "energy")])
    # one order better than the field: the drift falls as the fifth power of the step
    assert max(drifts[1]) < 2e-5 and all(x > 20 * y for x, y in zip(*drifts, strict=True))


@pytest.mark.parametrize("equation", [KuramotoSivashinsky(1), KuramotoSivashinsky(2)], ids=[1, 2])
def test_a_front_in_chaos_keeps_its_mean(equation, rng):
    box = Box((32.0, 24.0)[: equation.dimension], (64, 48)[: equation.dimension])
    p, u0 = equation.draw(2, rng), 0.2 + RandomWaves().draw(2, box, rng)
    u = equation.evolve(box, u0, p, double([0.0, 20.0]), steps=100)[:, -1]
    assert float(u.std() / u0.std()) > 2
    assert_close(equation.conserved(box, u, p), equation.conserved(box, u0, p), atol=1e-12, rtol=0)


def test_a_fluid_without_viscosity_keeps_energy_and_enstrophy(rng):
    equation, box = NavierStokes(), Box((2.0, 2.0), (32, 32))
    u0, p = RandomWaves().draw(2, box, rng) * 4, torch.zeros(2, 2).double()
    u = equation.evolve(box, u0, p, double([0.0, 1.0]), steps=50)[:, -1]
    # the truncated system keeps both, whether or not the grid resolves the flow
    assert (u - u0).norm() > 0.4 * u0.norm()
    assert_close(energy(box, u), energy(box, u0), rtol=1e-7, atol=0)
    assert_close(enstrophy(box, u), enstrophy(box, u0), rtol=2e-6, atol=0)
    assert equation.conserved(box, u, p)["mean"].abs().max() < 1e-14


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own jvp
def test_stirring_and_viscosity_change_the_energy_as_they_should(rng):
    equation, box = NavierStokes(nu=(0.01, 0.02), amp=(0.05, 0.1)), Box((2.0, 1.5), (48, 40))
    w, p = RandomWaves().draw(3, box, rng), equation.draw(3, rng)
    pushed = equation.rhs(box, w, p) - equation.rhs(box, w, p * double([1.0, 0.0]))
    _, gained = torch.func.jvp(lambda w: energy(box, w), (w,), (equation.rhs(box, w, p),))
    _, power = torch.func.jvp(lambda w: energy(box, w), (w,), (pushed,))
    assert power.abs().max() > 1e-3
    assert_close(gained, power - 2 * p[:, 0] * enstrophy(box, w), rtol=1e-10, atol=1e-12)


def test_the_velocity_turns_as_the_vorticity_says_and_has_no_divergence(rng):
    box = Box((2.0, 1.5), (32, 30))
    w = RandomWaves().draw(2, box, rng)
    v = velocity(box, w)
    assert_close(box.derivative(v[:, 1:], 0) - box.derivative(v[:, :1], 1), w, rtol=0, atol=1e-12)
    divergence = box.derivative(v[:, 0], 0) + box.derivative(v[:, 1], 1)
    assert divergence.abs().max() < 1e-12 and v.mean((2, 3)).abs().max() < 1e-15


def test_the_energy_of_two_phases_never_rises(rng):
    equation, box = AllenCahn(2), Box((2.0, 2.0), (64, 64))
    p, u0 = equation.draw(3, rng), 0.5 * RandomWaves().draw(3, box, rng)
    u = equation.evolve(box, u0, p, torch.linspace(0, 4, 9).double(), steps=20)
    fallen = torch.stack([equation.energy(box, u[:, i], p) for i in range(9)]).diff(dim=0)
    assert float(fallen.max()) < 0 and float(u.abs().max()) <= 1


def test_with_its_nonlinearity_off_a_wave_moves_as_the_linear_equation_says():
    times = double([0.0, 0.5, 1.0])
    waves = {
        KdV(): ([0.0, 0.7], lambda k, t: (0.0, 0.7 * k**3 * t)),
        KuramotoSivashinsky(): ([0.9, 0.0], lambda k, t: ((k**2 - 0.9 * k**4) * t, 0.0)),
        AllenCahn(1): ([4e-3, 0.0], lambda k, t: (-4e-3 * k**2 * t, 0.0)),
    }
    for equation, (p, law) in waves.items():
        box = Box((8.0,), (16,))
        k, x = 2 * 2 * math.pi / 8, box.points()[0]
        grown, turned = double([law(k, float(t)) for t in times]).T
        u = grown.exp()[:, None] * (k * x + turned[:, None]).sin()
        u = u[None, :, None]
        found = equation.evolve(box, u[:, 0], double([p]), times)
        assert_close(found, u, rtol=0, atol=1e-12)


def test_a_parallel_flow_decays_as_the_linear_equation_says():
    equation, box = NavierStokes(), Box((2.0, 2.0), (16, 16))
    x, y = box.points()
    w = (2 * math.pi * (x - 2 * y)).sin()[None, None]
    rate = 0.01 * (2 * math.pi) ** 2 * 5
    p = double([[0.01, 0.0]])
    found = equation.evolve(box, w, p, double([0.0, 1.0]))[:, -1]
    assert_close(found, math.exp(-rate) * w, rtol=0, atol=1e-14)


def test_without_a_catalyst_the_fuel_relaxes_to_one():
    equation, box = GrayScott(), Box((1.0, 1.0), (16, 16))
    wave = (2 * math.pi * (box.points()[0] + 2 * box.points()[1])).cos()
    start = torch.stack([1 - 0.3 * wave, torch.zeros_like(wave)])[None]
    p = double([[0.04, 0.06, 2e-5, 1e-5]])
    found = equation.evolve(box, start, p, double([0.0, 20.0]))[:, -1]
    decay = math.exp(-20 * (0.04 + 2e-5 * 5 * (2 * math.pi) ** 2))
    assert_close(found[:, 0], (1 - 0.3 * decay * wave)[None], rtol=0, atol=1e-14)
    assert found[:, 1].abs().max() == 0


def test_concentrations_lie_between_nothing_and_everything(rng):
    box = Box((1.0, 1.0), (32, 32))
    u = GrayScott().start(RandomWaves().draw(4, box, rng))
    assert u.shape == (4, 2, 32, 32) and float(u.min()) > 0 and float(u.max()) < 1
    assert_close(1 - u[:, 0], 2 * u[:, 1])


@pytest.mark.parametrize(
    ("equation", "name"),
    [(e, name) for e in (KdV(), KuramotoSivashinsky(1)) for name in e.symmetries],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_stated_symmetries_commute_with_the_solver(equation, name, rng):
    box, times = Box((16.0,), (96,)), double([0, 0.2, 0.4])
    p, u0 = equation.draw(2, rng), 0.5 * RandomWaves(waves=(1, 2)).draw(2, box, rng)
    u = equation.evolve(box, u0, p, times, steps=40)
    dx, dt = double([[16 / 96]] * 2), double([0.2] * 2)
    by = double([[0.37]] * 2)
    moved, q, dx, dt = equation.symmetries[name].act(u, times.expand(2, -1), p, dx, dt, by)
    other = Box((float(dx[0, 0]) * 96,), (96,))
    again = torch.arange(3).double() * dt[0]
    found = equation.evolve(other, moved[:, 0], q, again, steps=40)
    assert (moved - u).abs().max() > 0.05
    assert_close(found, moved, rtol=0, atol=1e-7)


def test_a_wave_may_be_boosted_and_one_of_kdv_scaled():
    assert set(KdV().symmetries) == {"shift", "galilean", "scaling"}
    assert set(KuramotoSivashinsky(1).symmetries) == {"shift", "galilean"}


def test_only_an_unstirred_fluid_may_be_shifted():
    assert NavierStokes().symmetries == {}
    assert set(NavierStokes(amp=(0.0, 0.0)).symmetries) == {"shift"}


def test_a_step_far_too_large_names_the_samples_that_blew_up_and_their_coefficients():
    equation, box = KuramotoSivashinsky(c=(0.5, 4.0)), Box((32.0,), (64,))
    wave = (2 * math.pi * box.points()[0] / 8).sin()
    u0 = torch.stack([wave, 0 * wave, 60 * wave])[:, None]
    p = double([[1.0, 1.0], [0.8, 2.0], [1.25, 3.5]])
    times = torch.arange(6).double() * 2
    assert bool(equation.evolve(box, u0[:2], p[:2], times, steps=1).isfinite().all())
    with pytest.raises(BlowUp, match=r"sample 2 \(nu=1.25, c=3.5\)") as told:
        equation.evolve(box, u0, p, times, steps=1)
    assert told.value.samples == [2] and told.value.coefficients == [{"nu": 1.25, "c": 3.5}]
    # a hundredth of the step is small enough
    assert bool(equation.evolve(box, u0, p, times[:2] / 10, steps=100).isfinite().all())


def test_a_range_outside_the_safe_one_or_a_dimension_it_lacks_is_refused():
    wrong = (
        lambda: KdV(d=(0.001, 1.0)),
        lambda: KuramotoSivashinsky(nu=(0.1, 1.0)),
        lambda: NavierStokes(nu=(1e-5, 1e-3)),
        lambda: AllenCahn(eps2=(1e-5, 1e-3)),
        lambda: GrayScott(F=(0.0, 0.5)),
    )
    for build in wrong:
        with pytest.raises(ValueError, match="safe range"):
            build()
    for equation in (KuramotoSivashinsky, AllenCahn, GrayScott):
        with pytest.raises(ValueError, match="dimension=4"):
            equation(4)


def test_ranges_units_and_coefficients_agree():
    for equation in EVERY:
        assert tuple(equation.ranges) == equation.coefficients == tuple(equation.safe)
        assert set(equation.units) == {*equation.fields, *equation.coefficients}
