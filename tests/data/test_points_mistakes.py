"""Points that make no sense are refused, in words that name value, rule and remedy."""

import math

import pytest
import torch

from tests.waves import Disc, Wave
from zoo.data.points.ends import Ends
from zoo.data.points.evaluation import Evaluation
from zoo.data.points.initial import Initial
from zoo.data.points.instances import Instances
from zoo.data.points.interior import Interior
from zoo.data.points.lattice import Lattice
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.data.targets.analytic import Analytic
from zoo.data.targets.target import Target
from zoo.models.base import Interface
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn


def drawn(*parts, equation=None, seed=0, **options):
    equation = SteadyAllenCahn() if equation is None else equation
    return Points(equation, list(parts), seed=seed, **options).drawn()


class Wrong(Target):
    """Values of which some, or all, are no numbers."""

    def __init__(self, rows=slice(2, 4)):
        self.rows = rows

    def __call__(self, equation, x, rng):
        dy = torch.zeros(len(x), 1, 2, dtype=x.dtype)
        dy[self.rows] = math.nan
        return {"dy": dy}


def points(*parts, equation=None, **options):
    return Points(equation or SteadyAllenCahn(), list(parts), **options)


MISTAKES = {
    "a name for a coordinate and a parameter": (
        lambda: Interface(("x", "k"), ("u",), ("k",), region=((0.0, 1.0),) * 3),
        r"\['k'\] is a coordinate and a parameter; derivatives are by coordinates alone",
    ),
    "a parameter as a coordinate": (
        lambda: points(Interior(where={"diffusion": (0, 1)}), equation=DecayingAllenCahn()),
        r"where.diffusion is a parameter; decaying_allen_cahn has the coordinates \('x', 'y'\)",
    ),
    "an unknown coordinate": (lambda: points(Interior(where={"z": (0, 1)})), "where.z is unknown"),
    "outside the region": (
        lambda: points(Interior(where={"x": (0, 1.5)})),
        r"where.x=\[0.0, 1.5\] must be an interval in \[-1.0, 1.0\]",
    ),
    "an empty interval": (lambda: points(Interior(where={"x": (0.5, 0.5)})), "must be an interval"),
    "no point left": (
        lambda: drawn(Interior(1, where={"x": (0, 1e-6)})),
        "part 'interior' holds no point; raise its count or widen",
    ),
    "no points": (lambda: Interior(0), "count=0, share=1.0: at least one point"),
    "too large a share": (lambda: Interior(share=1.2), "share=1.2"),
    "two parts of a name": (lambda: points(Interior(), Interior()), "a name of its own"),
    "a name that is taken": (lambda: points(Interior(name="weight")), "none of"),
    "instances that are not there": (
        lambda: drawn(Interior(instances=(2, 5)), equation=Wave(), instances=Instances(train=3)),
        r"instances=\[2, 5\] of 3 training instances",
    ),
    "instances without parameters": (
        lambda: points(Interior(instances=(0, 1))),
        "steady_allen_cahn has no parameters",
    ),
    "many instances without parameters": (
        lambda: points(Interior(), instances=Instances(train=4)),
        "has no parameters, so it has one instance",
    ),
    "no instance to test on": (lambda: Instances(test=[]), "test=0; at least one of each"),
    "a test value outside": (
        lambda: points(equation=Wave(), instances=Instances(test=[[9.0]])),
        r"instances.test: \[9.0\] must hold one number in each of {'s': \[1.0, 3.0\]}",
    ),
    "instances among what is no parameter": (
        lambda: points(equation=Wave(), instances=Instances(among=[{"x": (0.0, 0.5)}])),
        r"instances.among: x=\[0.0, 0.5\] must be an interval of a parameter in {'s'",
    ),
    "instances among values outside the region": (
        lambda: points(equation=Wave(), instances=Instances(among=[{"s": (0.5, 2.0)}])),
        r"instances.among: s=\[0.5, 2.0\] must be an interval",
    ),
    "more shares than instances": (
        lambda: Instances(train=1, among=[{"s": (1, 2)}, {"s": (2, 3)}]),
        "instances.among: 2 shares of train=1; at least one training instance for each",
    ),
    "ends that cut a period": (
        lambda: points(Ends(where={"x": (0, 0.5)}), equation=Wave()),
        "cuts a period",
    ),
    "ends of a box": (lambda: points(Ends()), "has no periodic coordinate; leave 'periodic'"),
    "initial values of a steady problem": (lambda: points(Initial()), "steady; it has no initial"),
    "initial values in the middle": (
        lambda: points(Initial(where={"t": (0.5, 1)}), equation=Wave()),
        "where.t begins at 0.5, and initial values are known at 0",
    ),
    "sides of a circle": (lambda: points(Sides(4), equation=Wave()), "wave has no sides"),
    "sides of a ball by spacing": (
        lambda: points(Sides(points_per_side=4), equation=Disc()),
        "its walls, no box",
    ),
    "sides by count and by spacing": (lambda: Sides(4, 4), "give one of the two"),
    "no points on sides": (lambda: Sides(0), "count=0 of points on sides: at least one"),
    "sides with one count too few": (
        lambda: points(Sides(points_per_side={"x": 4})),
        "one number, or one for each of the coordinates",
    ),
    "a lattice without a count": (
        lambda: points(Lattice({"x": 4})),
        r"points_per_side={'x': 4}: a count for each of the coordinates \('x', 'y'\)",
    ),
    "a lattice of one point": (
        lambda: drawn(Lattice({"x": 4, "y": 1})),
        "1 points along a side; at least 2",
    ),
    "some targets that are NaN": (
        lambda: drawn(Interior(9, [Wrong()])),
        "part 'interior': 4 of 18 numbers of the target 'dy' are not finite",
    ),
    "all targets NaN": (lambda: drawn(Interior(9, [Wrong(slice(None))])), "18 of 18 numbers"),
    "two targets of one order": (
        lambda: drawn(Interior(9, [Analytic(), Analytic((1,))])),
        "two targets give 'dy'; narrow the orders",
    ),
    "nothing to train on": (lambda: points().train_dataloader(), "parts is empty"),
    "an empty batch": (lambda: points(batch_size=0), "batch_size=0: at least 1"),
    "a lattice to compare on without a count": (
        lambda: points(evaluation=Evaluation({"x": 3})),
        "one for each of the coordinates",
    ),
    "a region to compare in outside": (
        lambda: points(evaluation=Evaluation(regions={"a": {"x": (0, 2)}})),
        "must be an interval",
    ),
    "a region of the name rest": (
        lambda: points(evaluation=Evaluation(regions={"rest": {"x": (0, 1)}})),
        "'rest' is what no region holds",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        make()
