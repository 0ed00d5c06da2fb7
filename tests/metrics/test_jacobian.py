"""Jacobian: its truth against finite differences of the solver, its figure, what it needs."""

import pytest
import torch

from zoo.metrics.base import PerSystem
from zoo.metrics.jacobian import Jacobian, true_products
from zoo.models.base import Interface, Model, block, build
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.pde.advection_diffusion import AdvectionDiffusion
from zoo.pde.box import Box
from zoo.pde.equation import Equation
from zoo.pde.helmholtz import Helmholtz
from zoo.pde.poisson import Poisson
from zoo.pde.sources import GaussianBumps

EQUATIONS = [Poisson(), AdvectionDiffusion(), Helmholtz()]
BOX = Box((1.0, 1.0), (16, 16))
WIDE = GaussianBumps(4, 0.125, 0.2)


class Solver(Model):
    """The equation's own solution, and `off` times a field of the coefficients and the source."""

    def __init__(self, equation: Equation, off: float = 0.0, order=None) -> None:
        super().__init__()
        names = order or equation.coefficients
        self.interface = Interface(equation.inputs, equation.outputs, names)
        self.equation, self.off = equation, off
        self.columns = [names.index(name) for name in equation.coefficients]

    def forward(self, u, p):
        f = u[:, 0, 0].double()
        exact = self.equation.solve(
            BOX, f - f.mean((1, 2), keepdim=True), p.double()[:, self.columns]
        )
        return (1 + self.off) * exact[:, None, None]


def samples(equation, count=5, seed=3, system=0, columns=None):
    rng = torch.Generator().manual_seed(seed)
    p = equation.draw(count, rng).float()
    return {
        "u": WIDE.draw(count, BOX, rng)[:, None, None].float(),
        "p": p if columns is None else p[:, columns],
        "dx": torch.full((count, 2), 1 / 16),
        "system": torch.full((count,), system),
    }


def measured(metric, model, *batches, systems=("poisson",)):
    metric.name_systems(list(systems))
    for batch in batches:
        metric.update(model, batch)
    return {name: float(value) for name, value in metric.compute().items()}


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: e.name)
def test_the_truth_is_the_finite_difference_of_solutions(equation):
    given, step = samples(equation), 1e-5
    f, p = given["u"][:, 0, 0].double(), given["p"].double()
    f = f - f.mean((1, 2), keepdim=True)
    v, q = (one[0] for one in Jacobian([equation], 1, source=WIDE).drawn(equation, BOX))
    along_u, along_p = true_products(equation, BOX, f, p, (v, q))
    ends = [equation.solve(BOX, f + s * v, p) for s in (step, -step)]
    assert torch.allclose(along_u, (ends[0] - ends[1]) / (2 * step), atol=1e-7)
    ends = [equation.solve(BOX, f, p + s * q) for s in (step, -step)]
    want = (ends[0] - ends[1]) / (2 * step)
    assert float((along_p - want).norm()) < 1e-5 * float(want.norm())


def test_the_solver_itself_has_no_error():
    found = measured(Jacobian([Poisson()], source=WIDE), Solver(Poisson()), samples(Poisson()))
    assert set(found) == {"poisson/inputs/jacobian", "poisson/coefficients/jacobian"}
    assert max(found.values()) < 1e-6


def test_a_model_that_is_a_tenth_too_large_has_an_error_of_a_tenth():
    found = measured(Jacobian([Poisson()], source=WIDE), Solver(Poisson(), 0.1), samples(Poisson()))
    assert found["poisson/inputs/jacobian"] == pytest.approx(0.1, rel=1e-5)
    assert found["poisson/coefficients/jacobian"] == pytest.approx(0.1, rel=1e-5)


def test_a_figure_is_the_mean_over_directions_and_samples_of_finite_differences(rng):
    torch.manual_seed(0)
    face = Interface(("f",), ("u",), Poisson.coefficients)
    model = FNO(face, Affine(), width=4, modes=2, layers=2).double()
    metric, given = Jacobian([Poisson()], 2, seed=5, source=WIDE), samples(Poisson())
    given = {k: v.double() if v.is_floating_point() else v for k, v in given.items()}
    found = measured(metric, model, given)
    sums, step = [0.0, 0.0], 1e-5
    f = given["u"][:, 0, 0] - given["u"][:, 0, 0].mean((1, 2), keepdim=True)
    for v, q in zip(*metric.drawn(Poisson(), BOX), strict=True):
        truth = true_products(Poisson(), BOX, f, given["p"], (v, q))
        for kind, (du, dp) in enumerate(((v, 0.0), (0.0, q))):
            with torch.no_grad():
                ends = [model(given["u"] + s * du, given["p"] + s * dp) for s in (step, -step)]
            slope = (ends[0] - ends[1])[:, 0, 0] / (2 * step)
            for i in range(5):
                sums[kind] += float((slope[i] - truth[kind][i]).norm() / truth[kind][i].norm()) / 10
    assert found["poisson/inputs/jacobian"] == pytest.approx(sums[0], rel=1e-6)
    assert found["poisson/coefficients/jacobian"] == pytest.approx(sums[1], rel=1e-6)


def test_the_directions_are_of_the_seed_and_the_figure_of_no_batch_size(rng):
    torch.manual_seed(0)
    face = Interface(("f",), ("u",), Poisson.coefficients)
    model = FNO(face, Affine(), width=4, modes=2, layers=1)
    whole = samples(Poisson())
    parts = [{k: v[s] for k, v in whole.items()} for s in (slice(0, 2), slice(2, 5))]
    together = measured(Jacobian([Poisson()], source=WIDE), model, whole)
    apart = measured(Jacobian([Poisson()], source=WIDE), model, *parts)
    assert together == pytest.approx(apart, rel=1e-5)
    other = measured(Jacobian([Poisson()], seed=1, source=WIDE), model, whole)
    assert other != pytest.approx(together, rel=1e-3)


def test_in_a_mixture_coefficients_are_found_by_name_and_other_systems_left_out():
    names = ("omega", "k12", "k11", "k22")
    model = Solver(Poisson(), 0.2, order=names)
    given = samples(Poisson(), 3, system=1)
    given["p"] = torch.cat([torch.ones(3, 1), given["p"][:, [2, 0, 1]]], 1)
    other = {**given, "u": torch.full_like(given["u"], torch.nan), "system": torch.zeros(3).long()}
    both = {key: torch.cat([given[key], other[key]]) for key in given}
    metric = Jacobian([Poisson()], source=WIDE)
    found = measured(metric, model, both, systems=("helmholtz", "poisson"))
    assert set(found) == {"poisson/inputs/jacobian", "poisson/coefficients/jacobian"}
    assert found["poisson/coefficients/jacobian"] == pytest.approx(0.2, rel=1e-5)
    assert metric.seen["poisson/inputs/jacobian"] == 3


def test_its_block_builds_the_metric_that_verify_measures_with():
    metric = Jacobian([Poisson((2.0, 3.0))], 3, seed=7, source=WIDE)
    again = build(block(metric), PerSystem, ("zoo.metrics.", "zoo.pde."))
    pairs = zip(metric.drawn(Poisson(), BOX), again.drawn(Poisson(), BOX), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs) and again.equations[0].eigenvalue == (2.0, 3.0)


def test_an_equation_of_no_system_is_refused():
    with pytest.raises(ValueError, match=r"no system 'poisson' among \['helmholtz'\]"):
        Jacobian([Poisson()]).name_systems(["helmholtz"])


def test_a_model_without_the_equations_coefficients_is_refused():
    model = FNO(Interface(("f",), ("u",), ("k11", "k22")), Affine(), width=4, modes=2, layers=1)
    with pytest.raises(ValueError, match=r"no coefficients \['k12'\] of poisson"):
        measured(Jacobian([Poisson()], source=WIDE), model, samples(Poisson()))


def test_a_model_with_a_time_step_is_refused():
    model = FNO(Interface(("f",), ("u",), dt=0.1), Affine(), width=4, modes=2, layers=1)
    with pytest.raises(ValueError, match=r"steady equations alone.*dt=0.1"):
        measured(Jacobian([Poisson()]), model, samples(Poisson()))
