"""What is known at points: closed forms, differences, interpolants, noise, a teacher."""

import math

import pytest
import torch
from torch.testing import assert_close

from tests.waves import Wave
from zoo.data.points.interior import Interior
from zoo.data.points.points import Points
from zoo.data.targets.analytic import Analytic
from zoo.data.targets.distilled import Distilled
from zoo.data.targets.finite_differences import FiniteDifferences, weights
from zoo.data.targets.interpolated import Interpolated
from zoo.data.targets.noisy import Noisy
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn
from zoo.pde.points.pendulum import Pendulum

SQUARE = SteadyAllenCahn()


@pytest.fixture
def x(rng):
    return 1.6 * torch.rand(60, 2, dtype=torch.float64, generator=rng) - 0.8


def error(target, x, key, equation=SQUARE, order=1):
    """Largest error of a target against the closed form."""
    found = target(equation, x, torch.Generator())[key]
    return float((found - Analytic((order,))(equation, x, torch.Generator())[key]).abs().max())


def orders(make, x, key, steps, **options):
    """Powers of the step by which the error falls from each step to the next."""
    found = [error(make(step), x, key, **options) for step in steps]
    pairs = zip(found, found[1:], steps, steps[1:], strict=False)
    return [math.log(a / b) / math.log(h / k) for a, b, h, k in pairs]


def test_closed_forms_are_what_calculus_says(x, rng):
    found = Analytic((0, 1, 2))(SQUARE, x, rng)
    for i, (a, b) in enumerate((math.pi * x).tolist()):
        sa, ca, sb, cb = math.sin(a), math.cos(a), math.sin(b), math.cos(b)
        assert float(found["y"][i, 0]) == pytest.approx(sa * sb)
        assert found["dy"][i, 0].tolist() == pytest.approx([math.pi * ca * sb, math.pi * sa * cb])
        second = [-sa * sb, ca * cb, ca * cb, -sa * sb]
        want = [math.pi**2 * value for value in second]
        assert found["ddy"][i, 0].flatten().tolist() == pytest.approx(want)


def test_parameters_are_never_differentiated(rng):
    points = torch.rand(4, 3, dtype=torch.float64, generator=rng)
    found = Analytic((1, 2))(DecayingAllenCahn(), points, rng)
    assert found["dy"].shape == (4, 1, 2) and found["ddy"].shape == (4, 1, 2, 2)


# ---- finite differences

STENCILS = {
    "central": ((-1.0, 0.0, 1.0), 2),
    "five points": ((-2.0, -1.0, 0.0, 1.0, 2.0), 4),
    "forward": ((0.0, 1.0), 1),
    "backward": ((-1.0, 0.0), 1),
    "forward of three": ((0.0, 1.0, 2.0), 2),
    "ends alone": ((-1.0, 1.0), 2),
}


@pytest.mark.parametrize("stencil", STENCILS)
def test_the_error_of_a_gradient_falls_with_the_order_of_its_stencil(stencil, x):
    offsets, power = STENCILS[stencil]
    steps = [0.04, 0.02, 0.01]
    found = orders(lambda h: FiniteDifferences(h, offsets, (1,)), x, "dy", steps)
    assert found == pytest.approx([power] * 2, abs=0.06)


@pytest.mark.parametrize(("stencil", "power"), [("central", 2), ("five points", 4)])
def test_the_error_of_the_whole_hessian_falls_with_the_order_of_its_stencil(stencil, power, x):
    steps = [0.08, 0.04, 0.02]
    found = orders(
        lambda h: FiniteDifferences(h, STENCILS[stencil][0], (2,)), x, "ddy", steps, order=2
    )
    assert found == pytest.approx([power] * 2, abs=0.06)


def test_differences_by_mixed_entries_are_symmetric_and_by_the_right_columns(x, rng):
    found = FiniteDifferences(1e-3, orders=(2,))(SQUARE, x, rng)["ddy"]
    assert torch.equal(found, found.transpose(-1, -2))
    mixed = math.pi**2 * (math.pi * x[:, 0]).cos() * (math.pi * x[:, 1]).cos()
    assert_close(found[:, 0, 0, 1], mixed, rtol=0, atol=1e-4)


def test_known_stencils_have_the_weights_of_the_books():
    assert weights((-1.0, 0.0, 1.0), 1, 0.5) == [(-1, -1.0), (0, 0.0), (1, 1.0)]
    second = [w for _, w in weights((-1.0, 0.0, 1.0), 2, 0.1)]
    assert second == pytest.approx([100, -200, 100])
    five = [w for _, w in weights((-2.0, -1.0, 0.0, 1.0, 2.0), 1, 1.0)]
    assert five == pytest.approx([1 / 12, -8 / 12, 0, 8 / 12, -1 / 12])


def test_values_beside_differences_are_exact(x, rng):
    assert torch.equal(FiniteDifferences(0.1)(SQUARE, x, rng)["y"], SQUARE.solution(x))


def test_a_pendulum_s_speed_comes_from_differences_after_its_start(rng):
    equation = Pendulum(end=1.0)
    t = torch.linspace(0, 1, 40, dtype=torch.float64)[:, None]
    x = torch.cat([t, torch.tensor([[0.5, -1.0]]).double().expand(40, 2)], 1)
    forward = FiniteDifferences(1e-4, (0.0, 1.0, 2.0), (1,))
    assert error(forward, x, "dy", equation) < 1e-7
    with pytest.raises(ValueError, match=r"reach 0.01 back from t=0, before t=0 where pendulum"):
        FiniteDifferences(0.01)(equation, x, rng)


# ---- interpolants


def test_the_error_of_a_cubic_interpolant_falls_as_the_fourth_power_of_the_spacing(x):
    spacings = [0.2, 0.1, 0.05, 0.025]
    found = orders(lambda h: Interpolated(h, orders=(0,)), x, "y", spacings, order=0)
    assert found == pytest.approx([4] * 3, abs=0.35)


def test_its_forward_differences_err_by_the_third_power_or_by_their_own_step(x):
    found = orders(lambda h: Interpolated(h, 1e-7, (1,)), x, "dy", [0.2, 0.1, 0.05])
    assert found == pytest.approx([3] * 2, abs=0.3)
    first, second = (error(Interpolated(0.01, h, (1,)), x, "dy") for h in (2e-2, 1e-2))
    assert first / second == pytest.approx(2, rel=0.05)


class Cubic(SteadyAllenCahn):
    """A polynomial that notes where it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def solution(self, x):
        self.asked.append(x.detach())
        return x[:, :1] ** 3 - 2 * x[:, :1] * x[:, 1:2] ** 2 + x[:, 1:2] ** 3


def test_a_cubic_is_interpolated_exactly_up_to_the_ends_of_the_region(rng):
    equation = Cubic()
    ends = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [-1.0, 0.97], [0.001, 0.999]]).double()
    x = torch.cat([ends, 2 * torch.rand(50, 2, dtype=torch.float64, generator=rng) - 1])
    found = Interpolated(0.1, orders=(0,))(equation, x, rng)["y"]
    asked = torch.cat(equation.asked)
    assert float(asked.abs().max()) < 1 + 1e-12  # samples lie in the region alone
    assert_close(asked / 0.1, (asked / 0.1).round(), rtol=0, atol=1e-9)
    assert_close(found, equation.solution(x), rtol=0, atol=1e-12)


def test_a_pendulum_is_interpolated_from_its_start_on():
    equation = Pendulum(end=0.5)
    t = torch.tensor([[0.0], [0.004], [0.333], [0.5]]).double()
    x = torch.cat([t, torch.tensor([[0.5, -1.0]]).double().expand(4, 2)], 1)
    assert error(Interpolated(0.01, 1e-3), x, "dy", equation) < 1e-3
    assert error(Interpolated(0.01, 1e-3), x, "y", equation, order=0) < 1e-9


# ---- noise


def test_noise_has_the_stated_deviation_on_values_and_derivatives_alike(rng):
    x = 2 * torch.rand(4000, 2, dtype=torch.float64, generator=rng) - 1
    clean = Analytic()(SQUARE, x, rng)
    noisy = Noisy(Analytic(), 0.05)(SQUARE, x, torch.Generator().manual_seed(3))
    for key in ("y", "dy"):
        noise = noisy[key] - clean[key]
        assert float(noise.std()) == pytest.approx(0.05, rel=0.04), key
        assert float(noise.mean()) == pytest.approx(0, abs=4 * 0.05 / math.sqrt(noise.numel())), key


def test_noise_is_drawn_once_from_the_seed_and_differs_between_parts():
    def noise(name, seed):
        part = Interior(30, [Noisy(Analytic((0,)), 1.0)], name=name)
        found = Points(SQUARE, [part], seed=seed).drawn()[name]
        return found["y"] - SQUARE.solution(found["x"])

    assert torch.equal(noise("a", 1), noise("a", 1))
    assert not torch.equal(noise("a", 1), noise("a", 2))
    assert not torch.equal(noise("a", 1), noise("b", 1))


# ---- a teacher


def teacher(names=("x", "y"), parameters=(), outputs=("u",), region=((-1, 1), (-1, 1))):
    torch.manual_seed(0)
    region = tuple((float(a), float(b)) for a, b in region)
    return MLP(Interface(names, outputs, parameters, region=region), width=9, layers=2)


def test_a_teacher_s_targets_are_its_own_derivatives(x, rng):
    net = teacher().double()
    found = Distilled(net, (0, 1, 2))(SQUARE, x, rng)
    for i, point in enumerate(x[:9]):
        value = net(point[None])[0]
        gradient = torch.autograd.functional.jacobian(lambda z: net(z[None])[0, 0], point)
        hessian = torch.autograd.functional.hessian(lambda z: net(z[None])[0, 0], point)
        assert_close(found["y"][i], value.detach())
        assert_close(found["dy"][i, 0], gradient)
        assert_close(found["ddy"][i, 0], hessian)


def test_a_teacher_is_asked_once_and_leaves_no_graph(monkeypatch):
    net, asked, jet = teacher(), [], MLP.jet
    monkeypatch.setattr(MLP, "jet", lambda self, x: asked.append(len(x)) or jet(self, x))
    data = Points(SQUARE, [Interior(50, [Distilled(net)])], batch_size=10, seed=0)
    for epoch in range(3):
        for batch in data.train_dataloader():
            assert not batch["interior"]["y"].requires_grad, epoch
            assert not batch["interior"]["dy"].requires_grad, epoch
    assert asked == [50]
    assert not net.training and not any(p.requires_grad for p in net.parameters())


def test_a_teacher_may_be_asked_up_to_the_ends_of_its_region(rng):
    net = teacher(region=((-1, 0), (-1, 1)))
    x = torch.tensor([[-1.0, -1.0], [1e-9, 1.0]]).double()
    assert Distilled(net)(SQUARE, x, rng)["y"].shape == (2, 1)


TEACHERS = {
    "inputs": (
        teacher(("t", "x")),
        r"the teacher has the coordinates \('t', 'x'\), steady_allen_cahn has \('x', 'y'\)",
    ),
    "parameters": (
        teacher(parameters=("k",), region=((-1, 1), (-1, 1), (0, 1))),
        r"the teacher has the parameters \('k',\), steady_allen_cahn has \(\)",
    ),
    "outputs": (teacher(outputs=("v",)), r"the teacher has the outputs \('v',\)"),
    "region": (
        teacher(region=((-1, 0), (-1, 1))),
        r"x=0.\d+ lies outside \[-1, 0\], where the teacher was trained; narrow `where`",
    ),
}


@pytest.mark.parametrize("case", TEACHERS)
def test_a_teacher_of_another_problem_is_refused(case):
    net, words = TEACHERS[case]
    with pytest.raises(ValueError, match=words):
        Points(SQUARE, [Interior(50, [Distilled(net)])], seed=0).drawn()


def test_a_teacher_whose_weights_are_nan_is_refused():
    net = teacher()
    with torch.no_grad():
        net.linear[0].weight.fill_(math.nan)
    with pytest.raises(ValueError, match="100 of 100 numbers of the target 'dy' are not finite"):
        Points(SQUARE, [Interior(50, [Distilled(net, (1,))])], seed=0).drawn()


def test_a_parameter_outside_the_teacher_s_interval_is_refused(rng):
    net = teacher(("t", "x"), ("s",), region=((0, 2), (0, 1), (1, 2)))
    x = torch.tensor([[1.0, 0.5, 2.5]]).double()
    with pytest.raises(ValueError, match=r"s=2.5 lies outside \[1, 2\]"):
        Distilled(net)(Wave(), x, rng)


MISTAKES = {
    "no order": (lambda: Analytic(()), r"orders=\[\]"),
    "a third derivative": (lambda: Analytic((0, 3)), r"orders=\[0, 3\]: some of \[0, 1, 2\]"),
    "a Hessian of a cubic": (lambda: Interpolated(0.1, orders=(2,)), r"some of \[0, 1\]"),
    "no spacing": (lambda: Interpolated(0.0), "spacing=0.0 and step=0.001: both above zero"),
    "too wide a spacing": (
        lambda: Interpolated(0.9)(SQUARE, torch.zeros(1, 2).double(), torch.Generator()),
        "spacing=0.9: a cubic needs four nodes",
    ),
    "no step": (lambda: FiniteDifferences(0.0), "step=0.0"),
    "too few offsets": (
        lambda: FiniteDifferences(0.1, (0.0, 1.0), (2,)),
        r"at least 3 offsets, all different, for orders=\[2\]",
    ),
    "an offset twice": (lambda: FiniteDifferences(0.1, (0.0, 1.0, 1.0), (1,)), "all different"),
    "negative noise": (lambda: Noisy(Analytic(), -1.0), "deviation=-1.0"),
    "an operator as a teacher": (lambda: Distilled(FNO(**FNO.tiny())), "FNO, no Field"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        make()
