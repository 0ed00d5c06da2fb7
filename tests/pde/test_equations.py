import pytest
import torch
from torch.testing import assert_close

from tests.discovery import classes
from zoo.pde.box import Box
from zoo.pde.equation import Equation
from zoo.pde.sources import GaussianBumps

EQUATIONS = [cls() for cls in classes("zoo.pde", Equation)]
named = pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: e.name)
BOXES = [Box((1.0, 1.0), (32, 32)), Box((1.0, 1.0), (21, 36)), Box((2.0, 0.5), (24, 17))]


def test_the_steady_family_is_discovered():
    assert {e.name for e in EQUATIONS} >= {"poisson", "advection_diffusion", "helmholtz"}


@named
@pytest.mark.parametrize("box", BOXES, ids=str)
def test_the_exact_solution_is_met_at_round_off(equation, box, rng):
    p = equation.draw(64, rng)
    f, u = equation.exact(box, p)
    assert_close(equation.solve(box, f, p), u, rtol=0, atol=1e-12)


@named
@pytest.mark.parametrize("box", BOXES, ids=str)
def test_the_residual_of_the_exact_solution_is_zero(equation, box, rng):
    p = equation.draw(64, rng)
    f, u = equation.exact(box, p)
    assert equation.residual(box, u, f, p).abs().max() < 1e-12 * f.abs().max()


@named
def test_the_residual_of_a_wrong_solution_is_not_zero(equation, rng):
    box = BOXES[0]
    p = equation.draw(4, rng)
    f, u = equation.exact(box, p)
    assert equation.residual(box, 1.01 * u, f, p).abs().max() > 1e-3 * f.abs().max()


@named
def test_thousands_of_samples_in_one_call_equal_one_by_one(equation, rng):
    box = BOXES[0]
    p = equation.draw(2000, rng)
    f = GaussianBumps(8, 1 / 16, 1 / 12).draw(2000, box, rng, equation.zero_mean)
    u = equation.solve(box, f, p)
    assert equation.residual(box, u, f, p).abs().max() < 1e-10
    for i in (0, 999, 1999):
        one = equation.solve(box, f[i : i + 1], p[i : i + 1])
        assert_close(one[0], u[i], rtol=1e-13, atol=1e-13)


@named
def test_source_and_coefficients_scaled_together_leave_the_solution(equation, rng):
    box = BOXES[0]
    p = equation.draw(8, rng)
    f, u = equation.exact(box, p)
    assert_close(equation.solve(box, 7.5 * f, 7.5 * p), u, rtol=0, atol=1e-12)


@named
def test_drawn_coefficients_stay_in_the_stated_ranges(equation, rng):
    p = equation.draw(5000, rng)
    assert tuple(equation.ranges) == equation.coefficients
    low, high = torch.tensor(list(equation.ranges.values()), dtype=torch.float64).T
    assert bool(((p >= low - 1e-12) & (p <= high + 1e-12)).all())


@named
def test_a_mean_or_a_float32_source_is_refused_where_it_costs(equation, rng):
    box = BOXES[0]
    p = equation.draw(2, rng)
    f, _ = equation.exact(box, p)
    with pytest.raises(ValueError, match="float64"):
        equation.solve(box, f.float(), p)
    with pytest.raises(ValueError, match=r"k11"):
        equation.solve(box, f, p[:, :1])
    if equation.zero_mean:
        with pytest.raises(ValueError, match="mean"):
            equation.solve(box, f + 1, p)


@named
def test_gradients_reach_source_and_coefficients(equation, rng):
    box = Box((1.0, 1.0), (8, 8))
    p = equation.draw(2, rng).requires_grad_()
    f, _ = equation.exact(box, p.detach())
    f.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f, p: equation.solve(box, f - f.mean((-2, -1), keepdim=True), p), (f, p)
    )


def test_one_eigenvalue_of_the_diffusion_tensor_is_always_one(rng):
    equation = next(e for e in EQUATIONS if e.name == "poisson")
    k11, k22, k12 = (equation.draw(500, rng) / equation.diffusivity).T
    values = torch.linalg.eigvalsh(
        torch.stack([torch.stack([k11, k12]), torch.stack([k12, k22])]).permute(2, 0, 1)
    )
    assert_close(values[:, 0], torch.ones(500, dtype=torch.float64))
    assert 4.9 < float(values[:, 1].max()) <= 5


def test_the_ratio_table_gives_the_shares_that_the_paper_page_reports():
    from zoo.pde.advection_diffusion import ratio_table

    shares, means = ratio_table(0.01)
    assert len(shares) == 59 and bool((means.diff() > 0).all())
    reported = {0.2: 0.048, 0.4: 0.10, 0.6: 0.18, 0.8: 0.26, 1.0: 0.34, 1.5: 0.50, 2.0: 0.66}
    for ratio, share in reported.items():
        # one step of the table changes l / (1 - l) by a fifth
        assert float(shares[(means - ratio).abs().argmin()]) == pytest.approx(share, rel=0.15)


def test_the_drawn_ratio_is_nominal_and_its_mean_is_right(rng):
    equation = next(e for e in EQUATIONS if e.name == "advection_diffusion")
    box = Box((1.0, 1.0), (64, 64))
    equation = type(equation)(ratio=(0.6, 0.6))
    p = equation.draw(400, rng)
    u = equation.solve(box, GaussianBumps().draw(400, box, rng), p)
    psi = equation.ratios(box, u, p)
    assert float(psi.mean()) == pytest.approx(0.6, rel=0.1)
    assert 0.1 < float(psi.std() / psi.mean()) < 0.45


def test_helmholtz_accepts_as_seldom_near_resonance_as_the_paper_page_reports(rng):
    equation = next(e for e in EQUATIONS if e.name == "helmholtz")
    box = Box((1.0, 1.0), (64, 64))
    share = {}
    for omega in (1, 2, 3, 4, 5, 10):
        p = torch.tensor([[0.01, omega]], dtype=torch.float64).expand(200, 2).contiguous()
        f = GaussianBumps().draw(200, box, rng, zero_mean=False)
        share[omega] = float(equation.accepts(equation.solve(box, f, p), p).double().mean())
    assert share[2] < 0.15 and 0.3 < share[4] < 0.7
    assert min(share[w] for w in (1, 3, 5, 10)) > 0.9


def test_bad_ranges_name_the_value_and_the_rule():
    from zoo.pde.poisson import Poisson

    with pytest.raises(ValueError, match=r"eigenvalue=\[5.0, 1.0\].*order"):
        Poisson(eigenvalue=(5.0, 1.0))
