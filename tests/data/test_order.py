from collections import Counter

import pytest

from zoo.data.order import GlobalOrder


def order(rank=0, ranks=1, counts=(13, 8), weights=(13, 8), grids=(0, 0), size=4):
    return GlobalOrder(counts, weights, grids, batch_size=size, seed=3, rank=rank, ranks=ranks)


def test_an_epoch_holds_every_sample_once():
    batches = order().batches(0)
    seen = Counter(index for batch in batches for index in batch)
    assert len(seen) == 21 and set(seen.values()) == {1}
    assert [len(b) for b in batches] == [4, 4, 4, 4, 4, 1] and len(order()) == 6


def test_equal_seeds_give_equal_orders_and_epochs_differ():
    assert order().batches(5) == order().batches(5) != order().batches(6)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_any_number_of_ranks_sees_the_same_global_batches(ranks):
    parts = [list(order(r, ranks, counts=(16, 8), weights=(16, 8), size=6)) for r in range(ranks)]
    for step, batch in enumerate(order(counts=(16, 8), weights=(16, 8), size=6).batches(0)):
        together = sorted(index for part in parts for index in part[step].indices)
        assert together == sorted(batch)


def test_weights_of_uneven_parts_make_the_mean_of_ranks_the_global_mean():
    parts = [list(order(r, 2, counts=(7,), weights=(1,), grids=(0,), size=7)) for r in range(2)]
    values = {index: float(index[1] ** 2) for index in parts[0][0].indices + parts[1][0].indices}
    means = [s.weight * sum(values[i] for i in s.indices) / len(s.indices) for [s] in parts]
    assert sum(means) / 2 == pytest.approx(sum(values.values()) / 7)


def test_a_rank_left_without_samples_is_told():
    with pytest.raises(ValueError, match="rank 1 of 2"):
        list(order(1, 2, counts=(1,), weights=(1,), grids=(0,)))


def test_batches_hold_one_grid():
    for batch in order(grids=(32, 64)).batches(0):
        assert len({number for number, _ in batch}) == 1


def test_weights_share_an_epoch_and_every_sample_comes_before_any_comes_again():
    skewed = order(counts=(10, 30), weights=(3, 1), size=8)
    assert skewed.draws == [30, 10]
    seen = Counter(i for e in range(3) for b in skewed.batches(e) for n, i in b if n == 1)
    assert len(seen) == 30 and set(seen.values()) == {1}


def test_training_goes_on_where_the_steps_stand():
    whole = order()
    rest = order()
    rest.position = lambda: (2, 3)
    assert [share.indices for share in rest] == whole.batches(2)[3:]
