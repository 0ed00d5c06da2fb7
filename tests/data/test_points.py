"""Clouds of points in named parts: where they lie, and what is known there."""

import math

import pytest
import torch
from torch.testing import assert_close

from tests.waves import Disc, Half, Wave
from zoo.data.points.ends import Ends
from zoo.data.points.initial import Initial
from zoo.data.points.instances import Instances
from zoo.data.points.interior import Interior
from zoo.data.points.lattice import Lattice
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn
from zoo.pde.points.pendulum import Pendulum

LEFT, RIGHT = {"x": (-1.0, 0.0)}, {"x": (0.0, 1.0)}


def drawn(*parts, equation=None, seed=0, **options):
    equation = SteadyAllenCahn() if equation is None else equation
    return Points(equation, list(parts), seed=seed, **options).drawn()


def sorted_rows(x):
    return x[x[:, 0].argsort()]


def test_regions_divide_one_cloud_among_themselves():
    whole = drawn(Interior(300))["interior"]["x"]
    parts = drawn(Interior(300, name="old", where=LEFT), Interior(300, name="new", where=RIGHT))
    assert 100 < len(parts["old"]["x"]) < 200 and bool((parts["old"]["x"][:, 0] <= 0).all())
    both = torch.cat([part["x"] for part in parts.values()])
    assert torch.equal(sorted_rows(both), sorted_rows(whole))


def test_stages_with_equal_seeds_see_one_cloud_and_other_seeds_another():
    one, same, other = (drawn(Interior(50), seed=s)["interior"]["x"] for s in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_parts_of_other_kinds_share_no_number_with_the_cloud():
    parts = drawn(Interior(200), Sides(200))
    shared = torch.isin(parts["boundary"]["x"], parts["interior"]["x"])
    assert not shared.any()


def test_replay_takes_a_random_fifth_of_the_old_region_s_points():
    old = drawn(Interior(1000, where=LEFT))["interior"]["x"]
    kept = drawn(Interior(1000, where=LEFT, share=0.2))["interior"]["x"]
    assert len(kept) == math.ceil(0.2 * len(old))
    places = [int((old == row).all(1).nonzero()) for row in kept]
    assert places == sorted(places)
    assert 0.4 < sum(places) / len(places) / len(old) < 0.6  # from everywhere, not the first ones


def test_points_outside_the_domain_are_drawn_again():
    x = drawn(Interior(500), Sides(10), equation=Disc())["interior"]["x"]
    assert len(x) == 500 and bool((x.square().sum(1) <= 1).all())


def test_a_lattice_has_its_ends_or_lies_inside_of_them():
    ends = drawn(Lattice({"x": 3, "y": 5}))["interior"]["x"]
    inner = drawn(Lattice({"x": 3, "y": 1 + 1}, ends=False))["interior"]["x"]
    assert ends.tolist() == [[x, y] for x in (-1, 0, 1) for y in (-1, -0.5, 0, 0.5, 1)]
    assert_close(
        inner, torch.tensor([[x, y] for x in (-0.5, 0, 0.5) for y in (-1 / 3, 1 / 3)]).double()
    )


def test_evenly_spaced_sides_are_the_paper_s_404_points():
    part = drawn(Sides(points_per_side=101))["boundary"]
    assert len(part["x"]) == 404 and len(part["x"].unique(dim=0)) == 400
    assert bool((part["x"].abs().max(1).values == 1).all())
    assert float(part["y"].abs().max()) < 1e-15


def test_sides_of_a_narrower_box_are_its_own_in_proportion_to_their_length():
    box = {"x": (-1.0, 1.0), "y": (-1.0, -0.5)}
    x = drawn(Sides(4000, where=box))["boundary"]["x"]
    counts = [int((x[:, a] == v).sum()) for a, v in ((0, -1), (0, 1), (1, -1), (1, -0.5))]
    assert sum(counts) == 4000  # each on one side alone
    for count, share in zip(counts, (0.1, 0.1, 0.4, 0.4), strict=True):
        assert count / 4000 == pytest.approx(share, abs=4 * math.sqrt(share / 4000))


def test_sides_of_a_lower_half_are_spaced_evenly_by_a_count_for_each_coordinate():
    sides = Sides(points_per_side={"x": 201, "y": 101}, where={"y": (-1.0, 0.0)})
    part = drawn(sides)["boundary"]
    assert len(part["x"]) == 2 * (201 + 101)
    inner = part["x"][part["x"][:, 1] == 0]  # the new line inside the square
    assert len(inner) == 201 + 2 and float(part["y"].abs().max()) < 1e-15
    for axis in (0, 1):
        steps = part["x"][:, axis].unique().diff()
        assert_close(steps[steps > 1e-9], torch.full((200 - 100 * axis,), 0.01).double())


def test_random_sides_of_a_family_hold_its_own_instances():
    many = Instances(train=3)
    x = drawn(Sides(7), equation=DecayingAllenCahn(), instances=many)["boundary"]["x"]
    values = many.draw(DecayingAllenCahn())["train"]
    assert x.shape == (21, 3)
    assert torch.equal(x[:, 2:], values.repeat_interleave(7, 0))
    assert torch.equal(x[:7, :2], x[14:, :2])


def test_at_a_wall_nothing_is_known_but_where_it_is():
    part = drawn(Sides(30), equation=Disc())["boundary"]
    assert set(part) == {"x"}
    assert_close(part["x"].norm(dim=1), torch.ones(30).double())


def test_periodic_ends_are_paired_at_equal_times():
    part = drawn(Ends(40), equation=Wave(), instances=Instances(train=3))["periodic"]
    x, other = part["x"], part["other"]
    assert len(x) == 120 and len(x[:, 0].unique()) == 40
    assert torch.equal(x[:, 0], other[:, 0]) and torch.equal(x[:, 2], other[:, 2])
    assert bool((x[:, 1] == 0).all()) and bool((other[:, 1] == 1).all())


def test_each_periodic_coordinate_has_ends_of_its_own():
    class Torus(Wave):
        periodic = ("t", "x")

    part = drawn(Ends(5), equation=Torus(), instances=Instances(train=2))["periodic"]
    moved = part["other"] - part["x"]
    wanted = torch.tensor([[2.0, 0, 0]] * 5 + [[0, 1.0, 0]] * 5).repeat(2, 1)
    assert torch.equal(moved, wanted.double())


def test_initial_points_lie_at_the_first_time_and_hold_the_values_there():
    part = drawn(Initial(20, where={"t": (0, 0.5)}), equation=Wave())["initial"]
    assert bool((part["x"][:, 0] == 0).all()) and len(part["x"][:, 1].unique()) == 20
    assert_close(part["y"][:, 0], (2 * math.pi * part["x"][:, 1]).sin())


def test_a_pendulum_starts_at_one_point_an_instance():
    part = drawn(Initial(), equation=Pendulum(), instances=Instances(train=4))["initial"]
    assert part["x"].shape == (4, 3) and bool((part["x"][:, 0] == 0).all())
    assert torch.equal(part["y"][:, 0], part["x"][:, 1])
    assert torch.equal(part["dy"][:, 0, 0], part["x"][:, 2])


def test_what_is_not_known_at_first_may_be_nan():
    part = drawn(Initial(6), equation=Half())["initial"]
    assert part["y"].isnan().all(0).tolist() == [False, True]
    assert part["dy"].isnan().all(0).tolist() == [[True, False], [True, True]]


def test_a_part_may_see_some_of_the_instances():
    many = Instances(train=5)
    old = drawn(Interior(4, instances=(0, 3)), equation=Wave(), instances=many)["interior"]["x"]
    assert torch.equal(old[::4, 2:], many.draw(Wave())["train"][:3])


def test_every_instance_has_the_same_points():
    x = drawn(Interior(9), equation=Wave(), instances=Instances(train=3))["interior"]["x"]
    assert torch.equal(x[:9, :2], x[9:18, :2]) and torch.equal(x[:9, :2], x[18:, :2])
    assert x[:, 2].unique().numel() == 3


def test_training_validation_and_test_instances_differ_and_repeat():
    split = Instances(train=8, validation=2, test=[[1.5], [2.5]]).draw(Wave())
    again = Instances(train=8, validation=2, test=[[1.5], [2.5]]).draw(Wave())
    assert {name: len(one) for name, one in split.items()} == {
        "train": 8,
        "validation": 2,
        "test": 2,
    }
    assert split["test"].tolist() == [[1.5], [2.5]]
    assert torch.equal(split["train"], again["train"])
    assert not torch.isin(split["validation"], split["train"]).any()


def test_the_model_s_region_is_where_it_is_trained():
    parts = [Interior(9, where={"x": (0, 0.25)}), Interior(9, name="b", where={"x": (0.5, 0.75)})]
    face = Points(Wave(), [*parts, Initial(9, where={"t": (0, 1), "x": (0, 0.5)})]).interface()
    assert face.region == ((0.0, 2.0), (0.0, 0.75), (1.0, 3.0))
    assert (face.inputs, face.coefficients, face.outputs) == (("t", "x"), ("s",), ("u",))


def test_shares_of_the_training_instances_may_come_from_narrower_intervals():
    plain = Instances(train=5, test=2).draw(Wave())
    split = Instances(train=5, test=2, among=[{"s": (1.0, 1.5)}, {"s": [2.5, 3.0]}]).draw(Wave())
    # the whole interval is [1, 3]
    assert_close(split["train"][:3], 1 + (plain["train"][:3] - 1) / 4)
    assert_close(split["train"][3:], 2.5 + (plain["train"][3:] - 1) / 4)
    assert torch.equal(split["test"], plain["test"])
