"""What every equation at points keeps: found in the package, built without arguments."""

import pytest
import torch
from torch.testing import assert_close

from tests.discovery import classes
from tests.jets import same_jet
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
    x[:, equation.axis(equation.time)] = equation.region[equation.time][equation.terminal]
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
    if type(equation).inside is PointEquation.inside:
        count = ((x == low) | (x == high))[:, : len(equation.coordinates)].sum(1)
        assert bool((count == 1).all())


@named
def test_points_of_the_domain_are_drawn_inside_of_it(equation, rng):
    x = equation.draw(300, rng)
    assert x.dtype == torch.float64 and x.shape == (300, len(equation.region))
    assert bool(equation.inside(x).all()) and equation.distance(x).max() < 1e-12


@named
def test_equal_seeds_draw_equal_points(equation):
    first, second = (equation.draw(20, torch.Generator().manual_seed(3)) for _ in range(2))
    assert_close(first, second, rtol=0, atol=0)


@named
def test_points_before_and_after_all_time_lie_outside_by_how_far_they_are(equation, rng):
    if equation.time is not None:
        x, axis = equation.draw(20, rng), equation.axis(equation.time)
        for end, way in zip(equation.region[equation.time], (-1, 1), strict=True):
            x[:, axis] = end + way * 0.25
            assert_close(equation.distance(x), torch.full_like(x[:, 0], 0.25), rtol=0, atol=1e-8)


@named
def test_points_at_the_end_with_known_values_lie_at_it(equation, rng):
    if equation.time is None:
        with pytest.raises(ValueError, match="steady"):
            equation.draw_initial(4, rng)
        return
    x = equation.draw_initial(50, rng)
    end = equation.region[equation.time][equation.terminal]
    assert bool((x[:, equation.axis(equation.time)] == end).all())
    assert bool(equation.inside(x).all())


@solved
def test_the_jet_is_that_of_the_solution_by_automatic_differentiation(equation, rng):
    x = inner(equation, 12, rng)
    if not equation.solution(x.clone().requires_grad_()).requires_grad:
        return  # a reference, computed without a graph
    same_jet(equation.jet(x), AutogradJet(equation.solution, x, len(equation.coordinates)), rng)


@solved
def test_an_ansatz_holds_what_is_known_whatever_the_field_is(equation, rng):
    if equation.ansatz(inner(equation, 1, rng)) is None:
        return
    for x in (
        *([equation.draw_initial(30, rng)] if equation.time else []),
        *([equation.draw_sides(30, rng)] if equation.sided else []),
    ):
        known, free = equation.ansatz(x)
        limit = 1e-12 * float(known.value.abs().max())
        assert_close(known.value, equation.solution(x), rtol=1e-10, atol=1e-10)
        assert free.value.abs().max() <= limit
    inside = equation.draw(30, rng)
    assert (equation.ansatz(inside)[1].value != 0).all()


@solved
def test_jets_of_an_ansatz_are_those_of_their_values(equation, rng):
    x = inner(equation, 12, rng)
    if equation.ansatz(x) is None:
        return
    for which in range(2):
        graph = AutogradJet(
            lambda x, i=which: equation.ansatz(x)[i].value, x, len(equation.coordinates)
        )
        same_jet(equation.ansatz(x)[which], graph, rng)


@solved
def test_an_ansatz_keeps_the_precision_of_its_points(equation, rng):
    x = inner(equation, 4, rng).float()
    for jet in equation.ansatz(x) or ():
        assert jet.value.dtype == jet.gradient.dtype == jet.laplacian().dtype == x.dtype


@named
def test_an_equation_without_a_solution_says_why(equation, rng):
    if equation.closed:
        with pytest.raises(ValueError, match=equation.name):
            equation.solution(inner(equation, 2, rng))
