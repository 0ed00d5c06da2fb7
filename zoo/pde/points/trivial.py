"""What predictors of few parameters reach: a figure without them says little.

In high dimension many solutions hardly depend on x under the law of their points. Each predictor is
the least-squares fit of a family of functions to one sample, and is measured on another.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from zoo.pde.points.equation import PointEquation

Family = Callable[[Tensor], Tensor]
"""The functions of a family at points (b, D), as columns (b, n)."""

IN_TIME, IN_RADIUS, IN_BOTH = 8, 6, 8
"""Degrees of polynomials in time, in the squared radius, and in both together."""
ROWS = 8192
"""Of a sample at least."""
ROWS_PER_COEFFICIENT = 5
"""A fit of n coefficients to m rows misses by about 1/√(1 - n/m) of what the best misses: 1.12."""
MANY = 256
"""Columns beyond which least squares go by the normal equations, which cost half as much."""


def trivial_errors(
    equation: PointEquation,
    *,
    seed: int = 0,
    rows: int | None = None,
    test_x: Tensor | None = None,
    test_y: Tensor | None = None,
) -> dict[str, dict[str, float]]:
    """Relative errors ‖h - u‖/‖u‖ of what ignores most of x, in the norms l1 and l2.

    The best constant, polynomials in time ("time"), in the squared radius ("radius") and in both,
    "affine" and "quadratic" (1, x_i and x_i², no products); under "ansatz" the g of the equation's
    ansatz alone, and under "ansatz_..." g + b·h with the same families for h; and the equation's
    own `approximations`. Fits are by least squares, in the norm l2 therefore.

    Args:
        equation: one with a solution.
        seed: of the two samples, drawn by the equation's own law.
        rows: of each sample; left out, five for each coefficient of the largest family.
        test_x: points to measure on instead of the second sample; what is computed stays on their
            device.
        test_y: the solution there, if it is at hand.

    Raises:
        ValueError: the equation has no solution, or there are fewer rows than coefficients.
    """
    coefficients = 1 + 2 * len(equation.region)
    count = max(ROWS, ROWS_PER_COEFFICIENT * coefficients) if rows is None else rows
    if count < max(coefficients, (IN_BOTH + 1) * (IN_BOTH + 2) // 2):
        raise ValueError(f"rows={rows} for {coefficients} coefficients; give some times as many")
    rng = _generator(seed, test_x)
    fit = equation.draw(count, rng)
    test = equation.draw(count, rng) if test_x is None else test_x.double()
    truth = equation.solution(test) if test_y is None else test_y.double()
    found = {k: _relative(v, truth) for k, v in equation.approximations(test).items()}
    forms = _forms(equation, fit, test)
    known = equation.solution(fit)
    for name, family in _families(equation, fit).items():
        before, after = family(fit), family(test)
        for prefix, (start, scale, base, factor) in forms.items():
            weights = _solved(scale * before, known - start)
            found[prefix + name] = _relative(base + factor * (after @ weights), truth)
    if "ansatz_" in forms:
        found["ansatz"] = _relative(forms["ansatz_"][2], truth)
    return found


def best_of_time(equation: PointEquation, x: Tensor, *, seed: int = 0, rows: int = ROWS) -> Tensor:
    """The best function of time alone, h(t), at points (b, D): (b, outputs).

    The polynomial that comes closest to the solution in the mean square over points drawn by the
    equation's law: what is left of u beside it is what x tells. The fit is made once an equation.

    Raises:
        ValueError: the equation is steady or has no solution.
    """
    if equation.time is None:
        raise ValueError(f"{equation.name} is steady: it has no function of time")
    weights = _time_fit(equation, seed, rows, x.device)
    return (_in_time(equation, x.double()) @ weights).to(x.dtype)


@functools.lru_cache(maxsize=8)
@torch.inference_mode(False)
@torch.no_grad()
def _time_fit(equation: PointEquation, seed: int, rows: int, device: torch.device) -> Tensor:
    x = equation.draw(rows, torch.Generator(device).manual_seed(seed))
    return _solved(_in_time(equation, x), equation.solution(x))


def _generator(seed: int, like: Tensor | None) -> torch.Generator:
    device = torch.device("cpu") if like is None else like.device
    return torch.Generator(device).manual_seed(seed)


def _forms(equation: PointEquation, fit: Tensor, test: Tensor) -> dict[str, tuple[Tensor, ...]]:
    """Values of g and b at the points of the fit, then of the test, by the prefix of their h."""
    zero, one = fit.new_zeros(1, 1), fit.new_ones(1, 1)
    found: dict[str, tuple[Tensor, ...]] = {"": (zero, one, zero, one)}
    parts = [equation.ansatz(fit), equation.ansatz(test)]
    if parts[0] is not None and parts[1] is not None:
        found["ansatz_"] = tuple(jet.value for pair in parts if pair is not None for jet in pair)
    return found


def _families(equation: PointEquation, fit: Tensor) -> dict[str, Family]:
    """The families by name; a sample sets their scales."""
    mean, spread = fit.mean(0), fit.std(0)

    def scaled(x: Tensor) -> Tensor:
        return (x - mean) / spread

    def affine(x: Tensor) -> Tensor:
        return torch.cat([torch.ones_like(x[:, :1]), scaled(x)], 1)

    found: dict[str, Family] = {
        "constant": lambda x: torch.ones_like(x[:, :1]),
        "affine": affine,
        "quadratic": lambda x: torch.cat([affine(x), scaled(x).square() - 1], 1),
    }
    if equation.time is not None:
        found["time"] = lambda x: _in_time(equation, x)
    place = [i for i, name in enumerate(equation.coordinates) if name != equation.time]
    if place:
        radius = _radius(fit, place)
        found["radius"] = lambda x: _in_radius(radius(x), IN_RADIUS)
        if equation.time is not None:
            found["time_radius"] = lambda x: _product(_in_time(equation, x), radius(x))
    return found


def _radius(fit: Tensor, place: list[int]) -> Family:
    """|x|² on the scale where a sample fills the middle of [-1, 1], (b,)."""

    def square(x: Tensor) -> Tensor:
        return x[:, place].square().sum(1)

    low, high = square(fit).aminmax()
    margin = 0.1 * (high - low)
    low, high = low - margin, high + margin
    return lambda x: 2 * (square(x) - low) / (high - low) - 1


def _in_time(equation: PointEquation, x: Tensor) -> Tensor:
    """Polynomials in time, (b, degree + 1)."""
    assert equation.time is not None
    low, high = equation.region[equation.time]
    time = x[:, equation.axis(equation.time)]
    return _chebyshev(2 * (time - low) / (high - low) - 1, IN_TIME)


def _in_radius(place: Tensor, degree: int) -> Tensor:
    """Polynomials in the squared radius, (b, degree + 1)."""
    columns = _chebyshev(place, degree)
    # those of higher degree stop where the sample did, as they would run away
    return torch.cat([columns[:, :1], place[:, None], columns[:, 2:]], 1)


def _chebyshev(place: Tensor, degree: int) -> Tensor:
    """cos(k arccos s) for k up to a degree, (b, degree + 1)."""
    orders = torch.arange(degree + 1, device=place.device)
    return (orders * place.clamp(-1, 1).arccos()[:, None]).cos()


def _product(in_time: Tensor, radius: Tensor) -> Tensor:
    """Polynomials in both whose degrees add up to no more than `IN_BOTH`."""
    in_radius = _in_radius(radius, IN_BOTH)
    pairs = [in_time[:, i : i + 1] * in_radius[:, : IN_BOTH + 1 - i] for i in range(IN_BOTH + 1)]
    return torch.cat(pairs, 1)


def _solved(columns: Tensor, target: Tensor) -> Tensor:
    """Least squares, (n, outputs)."""
    if columns.shape[1] <= MANY:
        return torch.linalg.lstsq(columns, target, driver="gels").solution
    factor = torch.linalg.cholesky(columns.T @ columns)
    weights = torch.cholesky_solve(columns.T @ target, factor)
    # one step of refinement makes it as exact as the other way (Björck's semi-normal equations)
    return weights + torch.cholesky_solve(columns.T @ (target - columns @ weights), factor)


def _relative(predicted: Tensor, truth: Tensor) -> dict[str, float]:
    error = predicted - truth
    return {
        "l1": float(error.abs().sum() / truth.abs().sum()),
        "l2": float(error.norm() / truth.norm()),
    }
