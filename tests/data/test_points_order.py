"""The order in which points come: epochs, passes, ranks, restarts, precision."""

import pytest
import torch

from tests.trainers import trainer
from zoo.data.points.interior import Interior
from zoo.data.points.order import Cloud
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.pde.points.allen_cahn import SteadyAllenCahn


def sorted_rows(x):
    return x[x[:, 0].argsort()]


def cloud(counts, batch_size, **options):
    parts = {
        name: {"x": torch.arange(n, dtype=torch.float64)[:, None], "y": torch.ones(n, 1)}
        for name, n in counts.items()
    }
    return Cloud(parts, batch_size, **{"seed": 5, **options})


def test_an_epoch_gives_every_row_of_the_largest_part_once():
    data = cloud({"a": 23, "b": 11, "c": 3}, 5)
    assert data.steps == 5
    seen = [data[0, i] for i in range(5)]
    rows = torch.cat([batch["a"]["x"][:, 0] for batch in seen]).tolist()
    assert sorted(rows) == list(range(23)) and rows != sorted(rows)
    assert max(len(batch["a"]["x"]) for batch in seen) == 5
    assert all(batch["c"]["x"][:, 0].tolist() == [0, 1, 2] for batch in seen)


def test_a_smaller_part_starts_a_new_pass_when_its_own_is_over():
    data = cloud({"a": 40, "b": 12}, 4)
    rows = [data[e, i]["b"]["x"][:, 0].tolist() for e in range(3) for i in range(10)]
    for turn in range(10):
        passed = [row for batch in rows[3 * turn : 3 * turn + 3] for row in batch]
        assert sorted(passed) == list(range(12))
    assert rows[:3] != rows[3:6]


def test_a_batch_is_the_same_whichever_was_asked_for_before():
    data, again = cloud({"a": 23}, 5), cloud({"a": 23}, 5)
    wanted = data[2, 3]["a"]["x"]
    for i in range(5):
        again[1, i]
    assert torch.equal(again[2, 3]["a"]["x"], wanted)


def test_shares_of_ranks_make_the_batch_and_their_weighted_means_its_mean():
    counts, ranks = {"a": 23, "b": 1}, 3
    whole = cloud(counts, 8)[4, 1]
    shares = [cloud(counts, 8, rank=r, ranks=ranks)[4, 1] for r in range(ranks)]
    for name in counts:
        rows = torch.cat([share[name]["x"] for share in shares])
        assert torch.equal(sorted_rows(rows), sorted_rows(whole[name]["x"]))
        means = [
            float(share[name]["x"].mean() * share[name]["weight"]) if len(share[name]["x"]) else 0
            for share in shares
        ]
        assert sum(means) / ranks == pytest.approx(float(whole[name]["x"].mean()))


def test_without_a_batch_size_a_step_sees_everything():
    batch = next(iter(Points(SteadyAllenCahn(), [Interior(70), Sides(9)]).train_dataloader()))
    assert len(batch["interior"]["x"]) == 70 and len(batch["boundary"]["x"]) == 9
    assert isinstance(batch["equation"], SteadyAllenCahn)


def loaded(**options):
    data = Points(SteadyAllenCahn(), [Interior(60)], batch_size=10, seed=1)
    data.trainer = trainer(**options)
    return [batch["interior"]["x"] for batch in data.train_dataloader()]


def test_after_a_restart_the_rest_of_the_epoch_follows():
    second = loaded(step=6)
    assert len(second) == 6
    rest = loaded(step=8)
    assert len(rest) == 4 and all(map(torch.equal, rest, second[2:]))


def test_accumulated_batches_count_as_one_step():
    assert all(map(torch.equal, loaded(step=3, together=2), loaded(step=6)))
    assert all(map(torch.equal, loaded(step=1, together=2), loaded(step=2)))


def test_points_are_as_wide_as_the_training():
    kinds = {p: loaded(precision=p)[0].dtype for p in ("32-true", "64-true", "bf16-mixed")}
    assert kinds == {
        "32-true": torch.float32,
        "64-true": torch.float64,
        "bf16-mixed": torch.float32,
    }
