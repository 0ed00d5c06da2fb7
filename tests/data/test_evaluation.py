"""Where the truth is compared: lattices, regions, instances, and what trivial predictors score."""

import math

import pytest
import torch
from torch.testing import assert_close

from tests.trainers import trainer
from tests.waves import Disc, Wave
from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.points import Points
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn


def batches(equation, split="test", rank=0, ranks=1, **options):
    instances = options.pop("instances", None)
    data = Points(equation, evaluation=Evaluation(**options), instances=instances)
    data.trainer = trainer(rank=rank, ranks=ranks)
    return list(data.test_dataloader() if split == "test" else data.val_dataloader())


def test_the_truth_stands_on_a_lattice_of_the_region_for_every_instance():
    found = batches(Wave(), points_per_side={"t": 5, "x": 3}, instances=Instances(test=2))
    assert [one["instance"] for one in found] == [0, 1]
    x = found[1]["x"]
    assert x.shape == (15, 3) and x[0, :2].tolist() == [0, 0] and x[-1, :2].tolist() == [2, 1]
    assert_close(found[1]["y"], (2 * math.pi * (x[:, 1] - x[:, 2] * x[:, 0])).sin()[:, None])
    slope = 2 * math.pi * (2 * math.pi * (x[:, 1] - x[:, 2] * x[:, 0])).cos()
    assert_close(found[1]["dy"][:, 0], torch.stack([-x[:, 2] * slope, slope], 1))
    assert found[0]["cell"] == pytest.approx(0.5 * 0.5)


@pytest.mark.parametrize("count", [101, 201, 64])
def test_validation_shares_next_to_no_point_with_the_test(count):
    evaluation, equation = Evaluation(count), SteadyAllenCahn()
    test, _ = evaluation.points(equation, "test")
    other, _ = evaluation.points(equation, "validation")
    keys = [{(round(a, 9), round(b, 9)) for a, b in x.tolist()} for x in (test, other)]
    assert len(other) == pytest.approx(len(test) / 4, rel=0.15)
    assert len(keys[0] & keys[1]) <= 16


def test_a_point_belongs_to_the_first_region_that_holds_it():
    evaluation = Evaluation(
        points_per_side=7, regions={"old": {"x": (-1, 0), "y": (-1, 0)}, "lower": {"y": (-1, 0)}}
    )
    points, _ = evaluation.points(SteadyAllenCahn(), "test")
    names = evaluation.names(SteadyAllenCahn())
    for (x, y), label in zip(
        points.tolist(), evaluation.labels(SteadyAllenCahn(), points), strict=True
    ):
        # a middle of 7 points is 6e-17
        wanted = "rest" if y > 1e-9 else "old" if x <= 1e-9 else "lower"
        assert names[label] == wanted


def test_only_points_of_the_domain_are_compared():
    (batch,) = batches(Disc(), points_per_side=21)
    assert "y" not in batch and bool((batch["x"].square().sum(1) <= 1).all())
    assert batch["cell"] == pytest.approx(0.01)


def test_ranks_share_the_lattice():
    whole = torch.cat([b["x"] for b in batches(SteadyAllenCahn(), points_per_side=9)])
    shares = [
        torch.cat([b["x"] for b in batches(SteadyAllenCahn(), points_per_side=9, rank=r, ranks=2)])
        for r in (0, 1)
    ]
    assert [len(share) for share in shares] == [41, 40]
    assert len(torch.cat([whole, *shares]).unique(dim=0)) == 81


def test_the_best_constant_is_scored_by_region_and_over_all():
    evaluation = Evaluation(points_per_side=11, regions={"left": {"x": (-1, 0)}})
    data = Points(
        DecayingAllenCahn(), evaluation=evaluation, instances=Instances(test=[[0.5], [2]])
    )
    scores = data.trivials("test")
    points, _ = evaluation.points(DecayingAllenCahn(), "test")
    for name, rows in {
        "left": points[points[:, 0] <= 0],
        "rest": points[points[:, 0] > 0],
        "": points,
    }.items():
        ratios = []
        for rate in (0.5, 2.0):
            u = [
                math.sin(math.pi * x) * math.sin(math.pi * y) * math.exp(-rate * (x + 0.7))
                for x, y in rows.tolist()
            ]
            mean = sum(u) / len(u)
            ratios.append(math.sqrt(sum((v - mean) ** 2 for v in u) / sum(v * v for v in u)))
        assert scores[name]["constant"] == pytest.approx(sum(ratios) / 2), name
        assert scores[name]["zero"] == 1
