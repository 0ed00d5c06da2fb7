"""Points drawn anew at every step: from what they follow, on ranks, after restarts, by law."""

import pytest
import torch
from torch.testing import assert_close

from tests.trainers import trainer
from tests.waves import Disc, Wave
from zoo.data.points.along_paths import AlongPaths
from zoo.data.points.evaluation import Evaluation
from zoo.data.points.fresh import Fresh
from zoo.data.points.sampled import Sampled
from zoo.models.base import block, build
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.heat_ball import HeatBall
from zoo.pde.points.poisson_cube import PoissonCube

CPU = torch.device("cpu")


def heat(interior=6, boundary=5, initial=4, seed=3, **options):
    return Fresh(HeatBall(4), interior, boundary=boundary, initial=initial, seed=seed, **options)


def placed(data, **options):
    data.trainer = trainer(**{"precision": "64-true", **options})
    return data


def numbers(**options):
    return list(placed(heat(steps_per_epoch=6), **options).train_dataloader())


def points(batch):
    return {name: part["x"] for name, part in batch.items() if isinstance(part, dict)}


def test_the_points_follow_from_seed_and_step_alone():
    one, again = points(heat().batch(7, CPU)), heat()
    again.batch(2, CPU)
    for name, x in points(again.batch(7, CPU)).items():
        assert torch.equal(x, one[name]), name


def test_another_step_another_seed_and_another_part_draw_other_numbers():
    found = [heat().batch(7, CPU), heat().batch(8, CPU), heat(seed=4).batch(7, CPU)]
    drawn = torch.cat([x[:, 1:].flatten() for batch in found for x in points(batch).values()])
    assert len(drawn.unique()) == len(drawn) == 3 * 15 * 4


def test_the_count_of_one_part_leaves_the_others_alone():
    one, other = heat().batch(0, CPU), heat(interior=60).batch(0, CPU)
    assert torch.equal(one["boundary"]["x"], other["boundary"]["x"])
    assert len(other["interior"]["x"]) == 60


def test_without_a_seed_the_run_s_own_is_taken():
    torch.manual_seed(11)
    one = heat(seed=None).batch(0, CPU)
    assert torch.equal(one["interior"]["x"], heat(seed=11).batch(0, CPU)["interior"]["x"])


def test_parts_lie_where_they_belong_and_hold_what_is_known_there():
    batch = placed(heat(40, 30, 20)).batch(0, CPU)
    inner, side, first = (batch[name] for name in ("interior", "boundary", "initial"))
    assert bool((inner["x"][:, 1:].norm(dim=1) < 1).all()) and set(inner) == {"x", "weight"}
    assert_close(side["x"][:, 1:].norm(dim=1), torch.ones(30).double())
    assert_close(side["y"][:, 0], side["x"][:, 0] + 1 / 8)
    assert bool((first["x"][:, 0] == 0).all())
    assert_close(first["y"][:, 0], first["x"][:, 1:].square().sum(1) / 8)


def test_an_equation_that_runs_backwards_has_terminal_values():
    part = placed(Fresh(HamiltonJacobiBellman(5), initial=9)).batch(0, CPU)["initial"]
    assert bool((part["x"][:, 0] == 1).all())
    assert_close(part["y"][:, 0], ((1 + part["x"][:, 1:].square().sum(1)) / 2).log())


def test_parameters_are_drawn_anew_too():
    x = Fresh(Wave(), 50).batch(0, CPU)["interior"]["x"]
    assert x.shape == (50, 3) and len(x[:, 2].unique()) == 50


def test_at_a_wall_nothing_is_known():
    assert set(Fresh(Disc(), boundary=9).batch(0, CPU)["boundary"]) == {"x", "weight"}


def test_ranks_share_the_rows_of_one_batch_and_weighted_means_are_its_mean():
    whole = placed(heat(7, 5, 1)).batch(4, CPU)
    shares = [placed(heat(7, 5, 1), rank=r, ranks=3).batch(4, CPU) for r in range(3)]
    for name, x in points(whole).items():
        own = [share[name]["x"] for share in shares]
        assert all(torch.equal(rows, x[r::3]) for r, rows in enumerate(own))
        pairs = zip(own, shares, strict=True)
        means = [rows.mean(0) * share[name]["weight"] for rows, share in pairs if len(rows)]
        assert_close(sum(means) / 3, x.mean(0))


def test_values_on_a_rank_are_those_of_its_points():
    part = placed(heat(), rank=1, ranks=2).batch(0, CPU)["initial"]
    assert_close(part["y"][:, 0], part["x"][:, 1:].square().sum(1) / 8)


def test_points_are_as_wide_as_the_training():
    kinds = {
        p: placed(heat(), precision=p).batch(0, CPU)["boundary"] for p in ("32-true", "64-true")
    }
    assert [kinds["32-true"][key].dtype for key in ("x", "y")] == [torch.float32] * 2
    assert kinds["64-true"]["x"].dtype == torch.float64
    assert_close(kinds["32-true"]["x"].double(), kinds["64-true"]["x"], rtol=0, atol=1e-7)


def test_steps_are_counted_through_all_epochs():
    assert numbers() == [0, 1, 2, 3, 4, 5] and numbers(step=12) == [12, 13, 14, 15, 16, 17]


def test_after_a_restart_the_rest_of_the_epoch_follows():
    assert numbers(step=8) == [8, 9, 10, 11]


def test_accumulated_batches_count_as_one_step():
    assert numbers(step=3, together=2) == numbers(step=6)


def test_a_step_is_drawn_where_it_is_sent_and_what_is_compared_is_moved():
    data = heat(evaluation=Sampled(10))
    sent = data.transfer_batch_to_device(5, CPU, 0)
    assert torch.equal(sent["interior"]["x"], data.batch(5, CPU)["interior"]["x"])
    (batch,) = data.val_dataloader()
    moved = data.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert moved["x"].device.type == "meta" and moved["equation"] is data.equation


def test_the_generator_lives_on_the_device_of_the_batch():
    asked = []

    class Spy(HeatBall):
        def draw(self, count, rng):
            asked.append(rng.device)
            return super().draw(count, rng)

    Fresh(Spy(2), 3).batch(0, CPU)
    assert asked == [CPU]


def test_what_measures_again_is_the_same_without_what_is_trained_on():
    data = heat(evaluation=Sampled(50, seed=2))
    described = block(data.measuring())
    assert "interior" in described["init_args"] and described["init_args"]["interior"] == 0
    again = build(described, object, ("zoo.data.", "zoo.pde."))
    one, other = (next(iter(d.test_dataloader())) for d in (data, again))
    assert torch.equal(one["x"], other["x"]) and torch.equal(one["y"], other["y"])


def test_a_lattice_will_do_where_there_are_few_coordinates():
    data = Fresh(PoissonCube(2), 5, evaluation=Evaluation(5))
    assert sum(len(batch["x"]) for batch in data.test_dataloader()) == 25


MISTAKES = {
    "a negative count": (lambda: heat(interior=-1), "'interior': -1.* has 0 points or more"),
    "sides of all space": (
        lambda: Fresh(HamiltonJacobiBellman(3), boundary=4),
        "boundary=4: hamilton_jacobi_bellman has no sides with given values; set boundary to 0",
    ),
    "initial values of a steady problem": (
        lambda: Fresh(PoissonCube(2), initial=4),
        "initial=4: poisson_cube is steady; set initial to 0",
    ),
    "nothing": (
        lambda: Fresh(PoissonCube(2)).train_dataloader(),
        "interior, boundary and initial are 0: there is nothing to train on",
    ),
    "no steps": (lambda: heat(steps_per_epoch=0), "steps_per_epoch=0: at least 1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        make()


def test_points_along_paths_leave_the_shell_of_the_law_which_judges():
    one = AlongPaths(HamiltonJacobiBellman(200), 500, seed=1)
    batch = one.batch(0, CPU)["interior"]["x"]
    assert batch[:, 1:].square().mean(1).max() > 2
    assert type(one.measuring()) is Fresh


def test_an_equation_of_a_ball_has_no_paths():
    with pytest.raises(ValueError, match="heat_ball is no equation of the whole space"):
        AlongPaths(HeatBall(4), 5).batch(0, CPU)
