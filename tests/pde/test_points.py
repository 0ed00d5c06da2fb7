"""What every equation at points keeps: found in the package, built without arguments."""

import pytest
import torch
from torch.testing import assert_close

from tests.discovery import classes
from zoo.models.base import block, build
from zoo.ops.jets import AutogradJet
from zoo.pde.points.equation import PointEquation

EQUATIONS = [cls() for cls in classes("zoo.pde.points", PointEquation)]
SOLVED = [e for e in EQUATIONS if not e.closed]
named = pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: e.name)
solved = pytest.mark.parametrize("equation", SOLVED, ids=lambda e: e.name)
REFERENCE = {"kdv": 1e-8, "pendulum": 1e-9}
"""Largest relative residual where the solution is a reference; 1e-10 where it is a closed form."""


def inner(equation, count, rng, margin=0.05):
    """Points (count, D) in the domain, away from the ends of its intervals."""
    low, high = torch.tensor(list(equation.region.values()), dtype=torch.float64).T
    size = len(equation.coordinates)
    found = torch.empty(0, len(low), dtype=torch.float64)
    while len(found) < count:
        share = torch.rand(4 * count, len(low), dtype=torch.float64, generator=rng)
        share[:, :size] = margin + (1 - 2 * margin) * share[:, :size]
        x = low + (high - low) * share
        found = torch.cat([found, x[equation.inside(x)]])
    return found[:count]


def slope(function, x, axis, step):
    """Central difference of sixth order along one column, (b, ...)."""
    along = torch.zeros_like(x[:1]).index_fill_(1, torch.tensor([axis]), step)
    places = torch.cat([x + k * along for k in (-3, -2, -1, 1, 2, 3)])
    weights = torch.tensor([-1, 9, -45, 45, -9, 1], dtype=torch.float64) / (60 * step)
    return torch.einsum("k,kb...->b...", weights, function(places).unflatten(0, (6, len(x))))


def step(equation, axis):
    low, high = list(equation.region.values())[axis]
    return (high - low) / 4000


def axes(equation):
    """Coordinates to probe: all of few, the outer ones of many."""
    size = len(equation.coordinates)
    return list(range(size)) if size <= 4 else [0, 1, size - 1]


def test_the_allen_cahn_family_and_the_pendulum_are_discovered():
    assert {e.name for e in EQUATIONS} >= {"steady_allen_cahn", "two_mode_allen_cahn", "pendulum"}


@named
def test_the_region_lists_coordinates_then_parameters(equation):
    names = (*equation.coordinates, *equation.parameters)
    assert tuple(equation.region) == names
    assert set(equation.units) == {*names, *equation.outputs}
    assert all(low < high for low, high in equation.region.values())


@named
def test_the_block_of_an_equation_builds_its_equal(equation):
    again = build(block(equation), expect=PointEquation, allowed=("zoo.pde.",))
    assert again.region == equation.region and block(again) == block(equation)


@solved
def test_the_residual_of_the_solution_is_zero(equation, rng):
    x = inner(equation, 200, rng)
    jet = equation.jet(x)
    limit = REFERENCE.get(equation.name, 1e-10) * max(1.0, float(jet.gradient.detach().abs().max()))
    assert equation.residual(x, jet).abs().max() < limit


@solved
def test_a_field_that_is_no_solution_has_a_residual(equation, rng):
    x = inner(equation, 50, rng)
    scale = torch.arange(1, len(equation.outputs) + 1, dtype=torch.float64)

    def wrong(x):
        return (scale * x.sum(1, keepdim=True)).sin()

    residual = equation.residual(x, AutogradJet(wrong, x, len(equation.coordinates)))
    assert (residual.abs().amax(0) > 1e-3).all()


@solved
def test_the_value_of_the_jet_is_the_solution(equation, rng):
    x = inner(equation, 50, rng)
    assert_close(equation.jet(x).value, equation.solution(x), rtol=1e-13, atol=1e-13)


@solved
def test_the_gradient_is_that_of_the_solution_by_differences(equation, rng):
    x = inner(equation, 20, rng)
    gradient = equation.jet(x).gradient
    assert gradient.shape[-1] == len(equation.coordinates)
    for axis in axes(equation):
        close = slope(equation.solution, x, axis, step(equation, axis))
        assert_close(
            gradient[..., axis], close, rtol=1e-7, atol=1e-7 * float(close.detach().abs().max())
        )


@solved
def test_second_and_mixed_derivatives_are_those_of_the_gradient(equation, rng):
    x = inner(equation, 20, rng)
    jet = equation.jet(x)
    for axis in axes(equation):
        close = slope(lambda x: equation.jet(x).gradient, x, axis, step(equation, axis))
        limit = 1e-7 * float(close.detach().abs().max()) + 1e-12
        assert_close(jet.second([axis])[..., 0], close[..., axis], rtol=1e-7, atol=limit)
        assert_close(jet.hessian[..., axis], close, rtol=1e-7, atol=limit)


@solved
def test_residual_and_solution_keep_the_precision_of_their_points(equation, rng):
    x = inner(equation, 8, rng).float()
    assert equation.solution(x).dtype == equation.residual(x, equation.jet(x)).dtype == x.dtype
    assert_close(equation.solution(x), equation.solution(x.double()).float(), rtol=0, atol=1e-5)


@solved
def test_values_at_the_sides_are_those_of_the_solution(equation, rng):
    if equation.sided:
        x = equation.draw_sides(64, rng)
        assert_close(equation.boundary(x), equation.solution(x), rtol=1e-12, atol=1e-12)


@solved
def test_initial_values_and_slopes_are_those_of_the_solution(equation, rng):
    if equation.time is None:
        return
    x = inner(equation, 64, rng)
    x[:, equation.axis(equation.time)] = equation.region[equation.time][0]
    known = equation.initial(x)
    assert_close(known["y"], equation.solution(x), rtol=1e-10, atol=1e-10)
    if "dy" in known:
        told = ~known["dy"].isnan()
        close = equation.jet(x).gradient[told]
        assert_close(known["dy"][told], close, rtol=1e-10, atol=1e-10)


@solved
def test_periodic_ends_agree_to_third_derivatives(equation, rng):
    for name in equation.periodic:
        axis = equation.axis(name)
        x = inner(equation, 20, rng)
        ends = [x.clone().index_fill_(1, torch.tensor([axis]), v) for v in equation.region[name]]
        left, right = (equation.jet(end) for end in ends)
        for order in range(4):
            close = left.derivative(*[axis] * order)
            limit = 1e-9 * float(close.detach().abs().max()) + 1e-12
            assert_close(right.derivative(*[axis] * order), close, rtol=0, atol=limit)


@named
def test_points_at_the_sides_lie_on_them_in_proportion_to_their_area(equation, rng):
    if not (equation.sided or equation.walled):
        with pytest.raises(ValueError, match="no sides"):
            equation.draw_sides(4, rng)
        return
    x = equation.draw_sides(400, rng)
    low, high = torch.tensor(list(equation.region.values()), dtype=torch.float64).T
    assert x.dtype == torch.float64 and bool(((x >= low) & (x <= high)).all())
    if bool(equation.inside(inner(equation, 1, rng)).all()) and not equation.walled:
        count = ((x == low) | (x == high))[:, : len(equation.coordinates)].sum(1)
        assert bool((count == 1).all())


@named
def test_an_equation_without_a_solution_says_why(equation, rng):
    if equation.closed:
        with pytest.raises(ValueError, match=equation.name):
            equation.solution(inner(equation, 2, rng))
