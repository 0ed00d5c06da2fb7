"""What a prediction leaves of its equation, of fields whose residual is known."""

import math

import pytest
import torch

from tests.metrics.fields import batch, measured
from zoo.metrics.classical import Classical
from zoo.metrics.equation_residual import EquationResidual, order, step_residual
from zoo.metrics.frame_metric import rms
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers
from zoo.pde.gray_scott import GrayScott
from zoo.pde.heat import Heat
from zoo.pde.poisson import Poisson

BOX = Box((2.0, 2.0), (16, 16))
DT = 0.1


@pytest.fixture
def heat():
    """Frames of three damped waves, (2, 5, 1, 16, 16), and their ν."""
    p = torch.tensor([[0.02], [0.01]]).double()
    equation = Heat(2)
    return equation, p, equation.exact(BOX, p, torch.arange(5).double() * DT)


def told(frames, p, **more):
    """A batch whose first frame went in."""
    return batch(
        frames[:, 1:], frames[:, 1:], lengths=BOX.lengths, u=frames[:, :1], p=p.float(), **more
    )


def test_a_solution_has_no_residual(heat):
    equation, p, frames = heat
    found = step_residual(equation, frames, p, BOX, DT)
    assert float(found.abs().max()) < 1e-12
    figure = measured(EquationResidual(equation, 4), told(frames, p))["residual"]
    assert figure < 1e-7  # p goes through float32


def test_a_field_that_stands_still_leaves_what_a_step_moves(heat):
    equation, p, frames = heat
    still = frames[:, :1].expand(-1, 3, -1, -1, -1)
    found = step_residual(equation, still, p, BOX, DT)
    want = frames[:, 0] - frames[:, 1]
    for k in range(2):
        torch.testing.assert_close(found[:, k], want, atol=1e-12, rtol=0)


def test_an_error_of_the_first_frame_alone_is_counted_where_it_is_made(heat):
    equation, p, frames = heat
    one = told(frames, p)
    # too large by a tenth from the second frame on: a linear equation then keeps its law
    one["prediction"] = torch.cat([frames[:, 1:2], 1.1 * frames[:, 2:]], 1)
    found = measured(EquationResidual(equation, 4), one)
    assert found["all/step=01/residual"] < 1e-7
    assert found["all/step=02/residual"] == pytest.approx(0.1, rel=1e-6)
    assert found["all/step=03/residual"] < 1e-7


def test_the_first_frame_may_lie_further_ahead(heat):
    equation, p, frames = heat
    one = told(frames, p)
    ahead = frames[:, 3:]
    one |= {"y": ahead, "prediction": ahead}
    assert measured(EquationResidual(equation, 2, offset=3), one)["residual"] < 1e-7


def test_coefficients_and_inputs_are_found_by_name(heat):
    equation, p, frames = heat
    one = told(frames, torch.cat([torch.full_like(p, 9.0), p], 1))
    one["u"] = torch.cat([torch.ones_like(one["u"]), one["u"]], 2)
    metric = EquationResidual(
        equation, 4, channels=["T"], inputs=["mask", "T"], coefficients=["alpha", "nu"]
    )
    assert measured(metric, one)["residual"] < 1e-7


def test_fields_are_found_by_name():
    equation = GrayScott()
    assert order(equation, ["b", "a"]) == [1, 0] and order(equation, ["v", "w"]) == [0, 1]
    rng = torch.Generator().manual_seed(0)
    p = equation.draw(2, rng)
    box = Box((1.0, 1.0), (24, 24))
    x, y = box.points() * 2 * math.pi
    bump = (0.2 * (x.cos() + y.cos())).exp()
    u0 = torch.stack([1 - 0.3 * bump, 0.2 * bump]).expand(2, -1, -1, -1).contiguous()
    frames = Classical(equation, (48, 48), 8).march(u0, p, box, 1.0, frames=2)
    frames = torch.cat([u0[:, None], frames], 1)
    swapped = batch(
        frames[:, 1:, [1, 0]], frames[:, 1:, [1, 0]], lengths=box.lengths,
        u=frames[:, :1, [1, 0]], p=p.float(), dt=torch.ones(2),
    )  # fmt: skip
    found = measured(EquationResidual(equation, 2, channels=["b", "a"]), swapped)
    assert found["residual"] < 1e-5
    wrong = measured(EquationResidual(equation, 2, channels=["v", "w"]), swapped)
    assert wrong["residual"] > 1e-2


def test_a_front_has_a_residual_as_small_as_its_grid_lets_it(heat):
    equation, box = Burgers(2), Box((2.0, 2.0), (64, 64))
    p = torch.tensor([[0.03, 0.5, 0.5]]).double()
    frames = equation.exact(box, p, torch.arange(4).double() * 0.05)
    found = step_residual(equation, frames, p, box, 0.05, 8)
    assert float(rms(found).max() / rms(frames).max()) < 1e-5


def test_the_residual_of_a_steady_field_is_that_of_its_source():
    equation, box = Poisson(), Box((1.0, 1.0), (16, 16))
    p = torch.tensor([[0.02, 0.03, 0.005]]).double()
    f, u = (field[:, None, None] for field in equation.exact(box, p))
    one = batch(u, u, lengths=box.lengths, u=f, p=p)
    metric = EquationResidual(equation, inputs=["f"])
    assert measured(metric, one)["residual"] < 1e-10
    # L is linear: a solution that is too large by a fifth solves for a source as much too large
    assert measured(EquationResidual(equation, inputs=["f"]), {**one, "prediction": 1.2 * u})[
        "residual"
    ] == pytest.approx(0.2, rel=1e-9)


def test_a_coarse_solver_is_exact_for_waves_that_its_grid_carries(heat):
    equation, p, frames = heat
    coarse = Classical(equation, (12, 12)).march(frames[:, 0], p, BOX, DT, frames=2, first=3)
    torch.testing.assert_close(coarse, frames[:, 3:], atol=1e-12, rtol=0)
    steady, box = Poisson(), Box((1.0, 1.0), (16, 16))
    k = torch.tensor([[0.02, 0.03, 0.005]]).double()
    f, u = steady.exact(box, k)
    found = Classical(steady, (10, 10)).solve(f + 0.5, k, box)
    torch.testing.assert_close(found, u - u.mean(), atol=1e-12, rtol=0)


def test_a_missing_coefficient_and_other_fields_are_told():
    with pytest.raises(ValueError, match=r"burgers has the coefficients .* add \['cx'\]"):
        EquationResidual(Burgers(1), coefficients=["nu"])
    with pytest.raises(ValueError, match="gray_scott has the fields"):
        EquationResidual(GrayScott(), channels=["u"])
