"""Each augmentation maps solutions to solutions: it commutes with the solver."""

import inspect

import pytest
import torch

from tests.discovery import classes
from zoo.data.augment.augmentation import Augmentation
from zoo.data.augment.noise import Noise
from zoo.data.augment.random_galilean import RandomGalilean
from zoo.data.augment.random_scale import RandomScale
from zoo.data.augment.random_scaling import RandomScaling
from zoo.data.augment.random_shift import RandomShift
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers
from zoo.pde.evolution import Evolution
from zoo.pde.heat import Heat
from zoo.pde.kdv import KdV
from zoo.pde.navier_stokes import NavierStokes
from zoo.pde.waves import Waves

BY_SYMMETRY = {
    "shift": RandomShift(),
    "amplitude": RandomScale(),
    "galilean": RandomGalilean(),
    "scaling": RandomScaling(),
}
AUGMENTATIONS = [Noise(), *BY_SYMMETRY.values()]


def equations():
    """Every equation in time, in one and in two dimensions where it has them."""
    found = []
    for cls in classes("zoo.pde", Evolution):
        free = "dimension" in inspect.signature(cls).parameters
        found += [cls(dimension=d) for d in (1, 2)] if free else [cls()]
    return [*found, NavierStokes(amp=(0.0, 0.0))]


def cases():
    for equation in equations():
        for name in equation.symmetries:
            label = f"{type(equation).__name__}-{equation.dimension}d-{name}"
            yield pytest.param(equation, name, id=label)


def initial(equation, count, rng):
    """Fields of two low waves that any grid here resolves."""
    shape = (count, len(equation.fields), 2)
    return Waves(
        0.2 * torch.rand(shape, generator=rng, dtype=torch.float64),
        torch.randint(1, 3, (*shape, equation.dimension), generator=rng),
        6.3 * torch.rand(shape, generator=rng, dtype=torch.float64),
    )


def solved(equation, rng, count=2, frames=3):
    """A batch of solutions as the arguments of an augmentation, without equation and generator."""
    box = Box(equation.lengths, ((96,) if equation.dimension == 1 else (48, 48)))
    p = equation.draw(count, rng)
    dt = equation.frame / 2
    times = dt * torch.arange(frames, dtype=torch.float64)
    u = equation.evolve(box, initial(equation, count, rng)(box), p, times, steps=8)
    dx = torch.tensor(box.spacing, dtype=torch.float64).repeat(count, 1)
    return u, times.repeat(count, 1), p, dx, torch.full((count,), dt, dtype=torch.float64)


@pytest.mark.parametrize(("equation", "name"), list(cases()))
def test_solving_the_changed_initial_field_gives_the_changed_solution(equation, name, rng):
    state = solved(equation, rng)
    u, p, dx, dt = BY_SYMMETRY[name](*state, equation, rng)
    # scaling may leave the heat equation's values, and changes its steps
    assert float((u[:, 0] - state[0][:, 0]).abs().max() + (dx - state[3]).abs().max()) > 1e-3
    for i in range(len(u)):
        sides = tuple(h * n for h, n in zip(dx[i].tolist(), u.shape[3:], strict=True))
        times = float(dt[i]) * torch.arange(u.shape[1], dtype=torch.float64)
        again = equation.evolve(
            Box(sides, tuple(u.shape[3:])), u[i : i + 1, 0], p[i : i + 1], times, steps=8
        )
        assert float((again[0] - u[i]).abs().max()) < 1e-9 * (1 + float(u.abs().max()))


def test_every_symmetry_that_an_equation_states_has_an_augmentation():
    assert {name for equation in equations() for name in equation.symmetries} == set(BY_SYMMETRY)
    assert {type(a) for a in AUGMENTATIONS} == set(classes("zoo.data.augment", Augmentation))


def frames32(rng, count=4):
    """Float32 frames as a mixture hands them over."""
    u = torch.randn(count, 3, 2, 12, 10, generator=rng)
    times = 0.1 * torch.arange(3.0).repeat(count, 1)
    p = torch.rand(count, 3, generator=rng)
    return u, times, p, torch.full((count, 2), 0.1), torch.full((count,), 0.1)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=lambda a: type(a).__name__)
def test_dtypes_stay_the_batch_is_untouched_and_a_seed_repeats(augmentation, rng):
    state = frames32(rng)
    before = [value.clone() for value in state]
    equation = Heat() if isinstance(augmentation, RandomScale) else Burgers()
    one, two = (augmentation(*state, equation, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert [v.dtype for v in one] == [torch.float32] * 4
    assert not torch.equal(one[0], state[0])


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=lambda a: type(a).__name__)
def test_a_rank_that_applies_its_share_gives_the_global_batch(augmentation, rng):
    state = frames32(rng)
    equation = Heat() if isinstance(augmentation, RandomScale) else Burgers()
    drawn = augmentation.draw(4, 2, rng)
    whole = augmentation.apply(*state, equation, drawn)
    share = augmentation.apply(*(value[1::2] for value in state), equation, drawn[1::2])
    for a, b in zip(whole, share, strict=True):
        assert torch.allclose(a[1::2], b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cls", [type(a) for a in AUGMENTATIONS], ids=lambda c: c.__name__)
def test_probability_says_how_many_samples_change_and_the_others_are_bit_equal(cls, rng):
    u = torch.randn(400, 2, 1, 8, 8, generator=rng)
    state = (u, torch.zeros(400, 2), torch.rand(400, 3), torch.ones(400, 2), torch.ones(400))
    equation = Heat() if cls is RandomScale else Burgers()
    changed, *_ = cls(probability=0.3)(*state, equation, rng)
    moved = (changed != u).flatten(1).any(1)
    assert 0.3 * 400 - 40 < int(moved.sum()) < 0.3 * 400 + 40
    assert torch.equal(cls(probability=0.0)(*state, equation, rng)[0], u)


def test_noise_has_the_level_of_each_samples_own_spread(rng):
    u = torch.randn(2, 4, 2, 32, 32, generator=rng)
    u[0] *= 10
    u[:, :, 1] *= 5
    noisy, *_ = Noise(0.01)(u, *[torch.zeros(2)] * 4, None, rng)
    for i in range(2):
        for c in range(2):
            level = float((noisy - u)[i, :, c].std() / u[i, :, c].std())
            assert level == pytest.approx(0.01, rel=0.05)


def test_a_shift_fills_the_whole_range_and_axes_are_independent(rng):
    x = torch.arange(16) / 16 * 2 * torch.pi
    u = (torch.cos(x)[:, None] + torch.cos(x)).repeat(2000, 1, 1, 1, 1)
    nothing, steps = torch.zeros(2000, 1), (torch.ones(2000, 2), torch.ones(2000))
    moved, *_ = RandomShift(0.25)(u, nothing, nothing, *steps, None, rng)
    hat = torch.fft.fft2(moved[:, 0, 0])
    turns = -torch.stack([hat[:, 1, 0].angle(), hat[:, 0, 1].angle()]) / (2 * torch.pi)
    assert float(turns.abs().max()) < 0.2501
    assert float(turns.std(1).sub(0.25 / 3**0.5).abs().max()) < 0.01
    assert abs(float(torch.corrcoef(turns)[0, 1])) < 0.1


@pytest.mark.parametrize("cls", [RandomScale, RandomGalilean, RandomScaling, RandomShift])
def test_an_equation_without_the_symmetry_is_left_alone_or_refused(cls, rng):
    state = frames32(rng)
    equation = {RandomScale: Burgers(), RandomGalilean: Heat(), RandomShift: NavierStokes()}.get(
        cls, classes("zoo.pde", Evolution)[0]()
    )
    unchanged = cls()(*state, equation, rng)
    left = (state[0], *state[2:])
    assert all(torch.equal(a, b) for a, b in zip(unchanged, left, strict=True))
    with pytest.raises(ValueError, match=f"{equation.name} lacks the symmetry"):
        cls(strict=True)(*state, equation, rng)


@pytest.mark.parametrize("cls", [RandomScale, RandomGalilean, RandomScaling])
def test_data_without_an_equation_are_refused_where_one_is_needed(cls, rng):
    with pytest.raises(ValueError, match="come without one"):
        cls()(*frames32(rng), None, rng)


@pytest.mark.parametrize("wrong", [{"probability": 1.5}, {"fraction": -1.0}])
def test_arguments_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        RandomShift(**wrong)


def test_kdv_scaling_keeps_a_longer_box_and_a_shorter_step(rng):
    state = solved(KdV(), rng)
    _, p, dx, dt = RandomScaling()(*state, KdV(), rng)
    epsilon = -(dx / state[3]).log()[:, 0]
    assert torch.equal(p, state[2])
    assert torch.allclose(dt / state[4], (-3 * epsilon).exp(), rtol=1e-12)
