import math

import pytest
import torch
from torch.testing import assert_close

from tests.jets import same_jet
from zoo.models.base import block, build
from zoo.ops.jets import AutogradJet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.forced_allen_cahn import ForcedAllenCahn
from zoo.pde.points.helmholtz_cube import HelmholtzCube
from zoo.pde.points.pairs import Pairs
from zoo.pde.points.poisson_cube import PoissonCube
from zoo.pde.points.ridges import Ridges
from zoo.pde.points.sine_gordon_cube import SineGordonCube

FAMILIES = [Ridges(), Pairs()]
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: type(f).__name__)
cubes = pytest.mark.parametrize("cube", [PoissonCube, HelmholtzCube, SineGordonCube])


def cube(count, dimension, rng):
    return 2 * torch.rand(count, dimension, dtype=torch.float64, generator=rng) - 1


@families
@pytest.mark.parametrize("dimension", [2, 3, 7])
def test_closed_derivatives_are_those_of_automatic_differentiation(family, dimension, rng):
    x = cube(10, dimension, rng)
    same_jet(family.jet(x), AutogradJet(lambda x: family.jet(x).value, x, dimension), rng)


@cubes
@families
def test_the_residual_of_a_manufactured_solution_is_zero(cube, family, rng):
    equation = cube(6, exact=family)
    x = equation.draw(100, rng)
    assert equation.residual(x, AutogradJet(equation.solution, x, 6)).abs().max() < 1e-12


def test_the_residual_is_the_operator_on_what_a_field_misses(rng):
    equation = SineGordonCube(3)
    x = equation.draw(50, rng)

    def off(x):
        return equation.solution(x) + 0.3 * x.square().sum(1, keepdim=True)

    u, close = equation.solution(x), off(x)
    expected = 6 * 0.3 + close.sin() - u.sin()
    assert_close(equation.residual(x, AutogradJet(off, x, 3)), expected, rtol=0, atol=1e-12)


@families
@pytest.mark.parametrize("dimension", [10, 100, 1000])
def test_no_quadratic_without_products_comes_within_a_tenth(family, dimension, rng):
    x = cube(6000, dimension, rng)
    u = family.jet(x).value[:, 0]
    # functions of one coordinate each, orthonormal on the cube: Legendre polynomials
    x = torch.cat([math.sqrt(3) * x, math.sqrt(5) / 2 * (3 * x.square() - 1)], 1)
    first, second = ((u[i::2, None] * x[i::2]).mean(0) for i in (0, 1))
    # two halves, so that what one of them fits of its noise is not counted
    left = u.var() - first @ second
    assert left / u.square().mean() > 0.02  # a tenth squared, twice


@families
@pytest.mark.parametrize("dimension", [10, 100, 1000])
def test_the_size_is_of_order_one_in_any_dimension(family, dimension, rng):
    assert 0.3 < float(family.jet(cube(2000, dimension, rng)).value.std()) < 1.5


@families
def test_every_coordinate_matters_as_much_as_the_others(family, rng):
    slopes = family.jet(cube(4000, 200, rng)).gradient[:, 0].square().mean(0).sqrt()
    assert slopes.min() > slopes.median() / 4 and slopes.max() < 4 * slopes.median()


@families
def test_the_laplacian_is_no_multiple_of_the_solution(family, rng):
    jet = family.jet(cube(2000, 20, rng))
    u, laplacian = jet.value[:, 0], jet.laplacian()[:, 0]
    share = (u @ laplacian) / (u @ u)
    assert (laplacian - share * u).norm() > 0.1 * laplacian.norm()


@families
def test_another_seed_is_another_solution(family, rng):
    x = cube(20, 5, rng)
    other = type(family)(seed=1)
    assert (family.jet(x).value - other.jet(x).value).abs().max() > 0.1


def test_the_waves_of_a_seed_stay_what_they_were():
    x = torch.tensor([[0.1, -0.2, 0.3, 0.4]], dtype=torch.float64)
    values = torch.cat([family.jet(x).value for family in FAMILIES])[:, 0]
    assert_close(values, torch.tensor([0.272347379002, -0.096663207489], dtype=torch.float64))


def test_waves_that_were_first_asked_for_in_inference_can_be_trained_with(rng):
    family, x = Ridges(seed=12345), cube(4, 3, rng)
    with torch.inference_mode():
        family.jet(x)
    family.jet(x.requires_grad_()).value.sum().backward()
    assert x.grad is not None


def test_a_block_holds_the_manufactured_solution(rng):
    equation = PoissonCube(3, exact=Pairs(seed=4))
    again = build(block(equation), expect=PointEquation, allowed=("zoo.pde.",))
    x = equation.draw(5, rng)
    assert_close(again.solution(x), equation.solution(x), rtol=0, atol=0)


def test_a_single_coordinate_has_no_pairs(rng):
    with pytest.raises(ValueError, match="pairs need 2"):
        Pairs().jet(cube(3, 1, rng))


def test_a_wave_number_at_a_resonance_is_refused():
    with pytest.raises(ValueError, match="first resonance"):
        HelmholtzCube(4, wave_number=math.pi)


def test_forced_waves_move_between_the_ends_of_time(rng):
    equation = ForcedAllenCahn(5)
    x = equation.draw_initial(100, rng)
    early = x.clone()
    early[:, 0] = 0
    change = equation.solution(early) - equation.solution(x)
    assert change.norm() > 0.5 * equation.solution(x).norm()
