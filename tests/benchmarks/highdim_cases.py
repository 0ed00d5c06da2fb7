"""What the benchmark of high dimension trains: problems, jets, and the step of a plain loop."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from zoo.data.points.fresh import Fresh
from zoo.data.points.sampled import Sampled
from zoo.metrics.beyond_time import BeyondTime
from zoo.metrics.point_error import PointError
from zoo.models.base import Interface, block
from zoo.models.constrained import Constrained
from zoo.models.estimators.deflated import Deflated
from zoo.models.estimators.forward_laplacian import ForwardLaplacian
from zoo.models.estimators.hutchinson import Hutchinson
from zoo.models.estimators.nested import Nested
from zoo.models.estimators.stochastic_taylor import StochasticTaylor
from zoo.models.estimators.vectorised import Vectorised
from zoo.models.field import Estimator, Field
from zoo.models.mlp import MLP
from zoo.models.smoothed import Smoothed
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.forced_allen_cahn import ForcedAllenCahn
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.heat_ball import HeatBall
from zoo.pde.points.ridges import Ridges

DIMENSIONS = (10, 100, 250, 1000)
WIDTH, LAYERS = 64, 3
TESTED = 5000
"""Points that an error is measured at."""
PAIRED = 64
"""Evaluations of a smoothed model, in training and where its error is measured."""


@dataclass(frozen=True)
class Problem:
    """A problem in any dimension, with the settings that `recipes/highdim` trains it by.

    Args:
        equation: the problem in so many dimensions of space.
        counts: points of a step inside, at the sides, and at the initial time.
        rates: Adam's first learning rate by dimension; of a dimension between, the one below it.
        activation: of the net.
        schedule: how the learning rate falls to zero.
        betas: Adam's.
        weight: of the values at sides and initial time; None where the field meets them.
    """

    equation: Callable[[int], PointEquation]
    counts: tuple[int, int, int]
    rates: Mapping[int, float]
    activation: str = "tanh"
    schedule: Literal["cosine", "linear"] = "linear"
    betas: tuple[float, float] = (0.9, 0.999)
    weight: float | None = None

    def data(self, dimension: int, seed: int) -> Fresh:
        """Points drawn anew at every step."""
        inside, sides, initial = self.counts
        return Fresh(
            self.equation(dimension),
            inside,
            boundary=sides,
            initial=initial,
            evaluation=Sampled(TESTED, derivatives=False),
            seed=seed,
        )

    def rate(self, dimension: int) -> float:
        """The learning rate of the first step."""
        return self.rates[max(d for d in self.rates if d <= dimension)]

    def share(self, done: float) -> float:
        """Of the first learning rate, after a share of the steps."""
        return 1 - done if self.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


PROBLEMS = {
    "manufactured": Problem(
        lambda d: ForcedAllenCahn(d, exact=Ridges(3, frequency=1.0)),
        (200, 0, 0),
        {1: 3e-3, 1000: 1e-3},
        activation="silu",
        schedule="cosine",
        betas=(0.9, 0.99),
    ),
    "hjb": Problem(HamiltonJacobiBellman, (100, 0, 0), {1: 2e-3}),
    "heat": Problem(HeatBall, (50, 50, 50), {1: 5e-4}, weight=1000.0),
}


@dataclass(frozen=True)
class Way:
    """A way to derivatives, as one writes it in a recipe.

    Args:
        title: in tables.
        estimator: of a plain net; None is a net smoothed by noise, which brings its own.
        biased: whether an estimated residual is squared as it is. Else its square is the product
            of two halves of the draws, which has no bias and more noise.
    """

    title: str
    estimator: Estimator | None
    biased: bool = False

    def block(self) -> dict[str, Any]:
        """As a recipe writes it."""
        if self.estimator is None:
            return {"class_path": "zoo.models.smoothed.Smoothed", "init_args": {"samples": PAIRED}}
        return block(self.estimator)


JETS = {
    "nested": Way("nested autograd", Nested()),
    "vectorised": Way("vectorised", Vectorised()),
    "forward": Way("forward Laplacian", ForwardLaplacian()),
    "hutchinson": Way("Hutchinson, 10 probes", Hutchinson(10)),
    "taylor": Way("stochastic Taylor, 10 directions", StochasticTaylor(10)),
    "coordinates": Way("stochastic Taylor, 10 coordinates", StochasticTaylor(10, "coordinates")),
    "deflated": Way("deflated, 6 directions and 2 probes", Deflated(6, 2), biased=True),
    "stein": Way(f"Stein, {PAIRED} evaluations", None),
}
"""The rows of the table."""
OTHERWISE = {
    "deflated_halves": Way("deflated, 6 directions and 2 probes, halves", Deflated(6, 2)),
    "taylor_square": Way(
        "stochastic Taylor, 10 directions, squared", StochasticTaylor(10), biased=True
    ),
    "nested_itself": Way("nested autograd, trained itself", Nested()),
    "hutchinson_itself": Way("Hutchinson, 10 probes, trained itself", Hutchinson(10)),
}
"""What shows whether a residual is better squared or made of halves, and that stand-ins stand."""


class Loop:
    """Training by one jet in a plain loop, its numbers those of `zoo fit`.

    Args:
        problem: name of the problem.
        dimension: of space.
        jet: name of the way to derivatives.
        seed: of weights, points and draws; weights and points do not depend on the jet.
    """

    def __init__(self, problem: str, dimension: int, jet: str, seed: int = 0) -> None:
        self.problem, self.way = PROBLEMS[problem], (JETS | OTHERWISE)[jet]
        self.data = self.problem.data(dimension, seed)
        torch.manual_seed(seed)
        self.net = self._net(self.data.interface())
        sides = [
            Value(name, weight=self.problem.weight)
            for name, count in self.data.counts.items()
            if count and name != "interior" and self.problem.weight is not None
        ]
        residual = Residual(biased=self.way.biased)
        self.objective = Pointwise([residual], sides, estimator=self.way.estimator)
        rate = self.problem.rate(dimension)
        self.optimizer = torch.optim.Adam(self.net.parameters(), rate, self.problem.betas)
        self._rate, self._device = rate, torch.device("cpu")

    def _net(self, face: Interface) -> Field:
        net: Field = MLP(face, width=WIDTH, layers=LAYERS, activation=self.problem.activation)
        if self.way.estimator is None:
            net = Smoothed(face, net, samples=PAIRED, eval_samples=PAIRED)
        if self.problem.weight is None:
            net = Constrained(face, net, equation=self.data.equation)
        return net

    def step(self, number: int, done: float = 0.0) -> None:
        """Draw points, zero_grad, loss, backward, Adam.

        Args:
            number: of the step.
            done: share of all steps, which sets the learning rate.
        """
        self.optimizer.param_groups[0]["lr"] = self._rate * self.problem.share(done)
        batch = self.data.batch(number, self._device)
        self.optimizer.zero_grad()
        self.objective(self.net, batch)["loss"].backward()
        self.optimizer.step()

    @torch.no_grad()
    def errors(self) -> dict[str, float]:
        """Relative L2 error, and that of u minus its best function of time.

        Also the relative L2 error at other points, `validation`, for what is chosen by it.
        """
        self.net.eval()
        asked = [(PointError(), "test"), (BeyondTime(), "test"), (PointError(), "validation")]
        found = {}
        for metric, split in asked:
            metric.name_systems(self.data.systems)
            points = (
                self.data.val_dataloader if split == "validation" else self.data.test_dataloader
            )
            for batch in points():
                metric.update(self.net, batch)
            name = "validation" if split == "validation" else metric.title
            found[name] = float(metric.compute()[metric.title])
        self.net.train()
        return found

    def trivial(self) -> dict[str, Any]:
        """Relative L2 errors of the best function of time, and of the best trivial predictor."""
        scores = self.data.trivials("test", "relative_l2")[""]
        # an ansatz is no predictor of a field that has none
        own = {k: v for k, v in scores.items() if self.problem.weight is None or "ansatz" not in k}
        best = min(own, key=lambda name: own[name])
        return {"time": own["time"], "best": best, "relative_l2": own[best]}
