"""TimeSort, SpaceSort, Jigsaw: blocks, orders, labels."""

import itertools
import math

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import bound
from zoo.objectives.jigsaw import Jigsaw
from zoo.objectives.pretext import classified
from zoo.objectives.space_sort import SpaceSort
from zoo.objectives.time_sort import TimeSort
from zoo.ops.patches import cut, join, rearranged

SORTING = [(TimeSort, (4, 1, 1)), (SpaceSort, (1, 2, 2)), (Jigsaw, (2, 2, 2))]


def numbered(*shape):
    return torch.arange(math.prod(shape), dtype=torch.float32).view(shape)


@pytest.mark.parametrize(("grid", "counts"), [((8,), (2, 4)), ((4, 6), (2, 2, 3))])
def test_blocks_are_the_pieces_of_the_window(grid, counts):
    u = numbered(2, 4, 2, *grid)
    blocks = cut(u, counts)
    sizes = [4 // counts[0], *(n // m for n, m in zip(grid, counts[1:], strict=True))]
    for i, place in enumerate(itertools.product(*(range(m) for m in counts))):
        t, *x = (slice(k * s, (k + 1) * s) for k, s in zip(place, sizes, strict=True))
        assert torch.equal(blocks[:, i], u[(slice(None), t, slice(None), *x)])


@pytest.mark.parametrize(
    ("grid", "counts"), [((8,), (2, 4)), ((4, 6), (4, 2, 3)), ((4, 6, 2), (2, 2, 2, 1))]
)
def test_joining_is_the_inverse_of_cutting(grid, counts):
    u = numbered(2, 4, 2, *grid)
    assert torch.equal(join(cut(u, counts), counts), u)


@pytest.mark.parametrize(("cls", "counts"), SORTING, ids=lambda v: getattr(v, "__name__", ""))
def test_the_label_names_the_order_and_undoing_it_gives_the_window_back(cls, counts):
    u, table = torch.randn(6, 8, 1, 8, 8), cls().permutations
    window, label = rearranged(u, counts, table)
    t, h, w = (n // m for n, m in zip((8, 8, 8), counts, strict=True))
    places = list(itertools.product(*(range(m) for m in counts)))
    for b in range(6):
        back = torch.empty_like(u[b])
        for i, (p, q, r) in enumerate(places):
            pi, qi, ri = places[int(table[label[b], i])]
            back[pi * t : pi * t + t, :, qi * h : qi * h + h, ri * w : ri * w + w] = window[
                b, p * t : p * t + t, :, q * h : q * h + h, r * w : r * w + w
            ]
        assert torch.equal(back, u[b])


@pytest.mark.parametrize(("cls", "counts"), SORTING, ids=lambda v: getattr(v, "__name__", ""))
def test_each_order_is_drawn_alike(cls, counts):
    torch.manual_seed(0)
    table, draws = cls().permutations, 20_000
    _, label = rearranged(torch.zeros(draws, 8, 1, 2, 2), counts, table)
    share = 1 / len(table)
    error = math.sqrt(share * (1 - share) / draws)
    counted = torch.bincount(label, minlength=len(table)) / draws
    assert float((counted - share).abs().max()) < 4 * error


@pytest.mark.parametrize("cls", [TimeSort, SpaceSort])
def test_the_orders_of_four_are_all_24(cls):
    rows = {tuple(row) for row in cls().permutations.tolist()}
    assert rows == set(itertools.permutations(range(4)))


def test_shifts_of_a_periodic_box_make_orders_that_cannot_be_told_apart():
    u, counts = torch.randn(1, 2, 1, 4, 4), (1, 2, 2)
    blocks, order = cut(u, counts), [3, 0, 2, 1]
    shifted = cut(u.roll(2, -1), counts)  # block 2a + b holds what block 2a + (1 - b) held
    other = [i ^ 1 for i in order]
    assert torch.equal(blocks[:, order], shifted[:, other])


def test_orders_of_eight_are_far_from_each_other_and_from_the_identity():
    rows = [tuple(range(8)), *map(tuple, Jigsaw().permutations.tolist())]
    apart = [
        sum(x != y for x, y in zip(a, b, strict=True)) for a, b in itertools.combinations(rows, 2)
    ]
    assert len(rows) == 65
    assert min(apart) >= 5


def test_no_two_orders_of_eight_differ_by_a_shift():
    rows = [tuple(row) for row in Jigsaw().permutations.tolist()]
    kinds = set()
    for row in rows:
        plane = {tuple(i ^ s for i in row) for s in range(4)}
        line = {tuple(i // 4 * 4 + (i + s) % 4 for i in row) for s in range(4)}
        assert not kinds & (plane | line)
        kinds |= plane | line


def test_the_choice_of_orders_follows_from_the_seed():
    assert torch.equal(Jigsaw().permutations, Jigsaw().permutations)
    assert not torch.equal(Jigsaw(seed=1).permutations, Jigsaw().permutations)


def test_cross_entropy_and_accuracy():
    logits, label = torch.tensor([[0.5, -1.0, 2.0], [1.0, 1.5, -0.5]]), torch.tensor([2, 0])
    total = 0.0
    for row, k in zip(logits.tolist(), label.tolist(), strict=True):
        total -= math.log(math.exp(row[k]) / sum(math.exp(x) for x in row))
    terms = classified(logits, label)
    assert float(terms["loss"]) == pytest.approx(total / 2, rel=1e-6)
    assert float(terms["accuracy"]) == 0.5


@pytest.mark.parametrize(("cls", "counts"), SORTING, ids=lambda v: getattr(v, "__name__", ""))
def test_sorting_is_cross_entropy_on_the_rearranged_window(cls, counts):
    objective, model = bound(cls())
    batch = toys.batch()
    torch.manual_seed(3)
    loss = float(objective(model, batch)["loss"].detach())
    torch.manual_seed(3)
    window, label = rearranged(batch["u"], counts, objective.permutations)
    with torch.no_grad():
        logits = objective.head(model.features(window)).tolist()
    each = [math.log(sum(map(math.exp, r))) - r[k] for r, k in zip(logits, label, strict=True)]
    assert loss == pytest.approx(sum(each) / len(each), rel=1e-5)
