import math

import pytest
import torch
from torch.testing import assert_close

from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn
from zoo.pde.points.two_mode_allen_cahn import TwoModeAllenCahn

FAMILIES = [SteadyAllenCahn(), DecayingAllenCahn(), TwoModeAllenCahn()]
every = pytest.mark.parametrize("equation", FAMILIES, ids=lambda e: e.name)


def at(*row):
    return torch.tensor([row], dtype=torch.float64)


@every
def test_values_at_the_sides_of_the_square_are_zero(equation, rng):
    x = equation.draw_sides(400, rng)
    assert equation.boundary(x).abs().max() < 1e-14


@every
def test_the_forcing_of_the_solution_is_the_source(equation, rng):
    x = equation.draw_sides(200, rng)
    x[:, :2] *= 0.9
    assert_close(equation.forcing(x, equation.jet(x)), equation.source(x), rtol=0, atol=1e-12)


@every
def test_four_sides_of_a_square_get_a_quarter_of_the_points_each(equation, rng):
    x = equation.draw_sides(404, rng)
    for axis in (0, 1):
        for end in (-1.0, 1.0):
            assert abs(int((x[:, axis] == end).sum()) - 101) <= 1


def test_the_source_at_the_crest_is_minus_two_pi_squared_lambda():
    assert_close(SteadyAllenCahn(0.01).source(at(0.5, 0.5)), at(-0.02 * math.pi**2))


def test_at_zero_diffusion_the_decaying_family_has_the_plain_product_of_sines():
    steady, family = SteadyAllenCahn(0.0), DecayingAllenCahn()
    x = at(0.3, -0.4)
    assert_close(family.solution(at(0.3, -0.4, 0.0)), steady.solution(x))
    assert_close(family.source(at(0.3, -0.4, 0.0)), steady.source(x))


def test_one_mode_alone_is_half_the_product_of_sines():
    x = at(0.3, -0.4, 0.8, 0.0)
    assert_close(TwoModeAllenCahn().solution(x), 0.4 * SteadyAllenCahn().solution(x[:, :2]))


def test_the_second_mode_has_half_the_wavelength_and_an_eighth_of_the_height():
    assert_close(TwoModeAllenCahn().solution(at(0.25, 0.25, 0.0, 1.0)), at(1 / 8))


def test_parameters_are_drawn_in_their_intervals(rng):
    drawn = DecayingAllenCahn((0.5, 0.75)).draw_parameters(1000, rng)
    assert 0.5 <= float(drawn.min()) < 0.51 and 0.74 < float(drawn.max()) <= 0.75


def test_an_interval_out_of_order_names_the_value():
    with pytest.raises(ValueError, match=r"diffusion=\[2.0, 1.0\]"):
        DecayingAllenCahn((2.0, 1.0))
    with pytest.raises(ValueError, match="amplitude"):
        TwoModeAllenCahn(amplitude=(1.0, 0.0))
