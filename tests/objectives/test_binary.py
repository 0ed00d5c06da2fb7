"""Binary: what is touched, how often, how hard."""

import itertools
import math

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import bound
from zoo.objectives.binary import Binary, disordered


def frames(count, t=8):
    """Windows that say of each frame which one it is."""
    return torch.arange(float(t)).view(1, t, 1, 1, 1).expand(count, t, 1, 2, 2).clone()


def test_half_of_the_windows_are_untouched():
    torch.manual_seed(0)
    _, untouched = Binary().touch(frames(10_000))
    assert abs(float(untouched.float().mean()) - 0.5) < 4 * 0.5 / 100


@pytest.mark.parametrize("steps", [0, 70, 100])
def test_a_touched_window_has_at_most_the_stated_frames_moved_and_at_least_two(steps):
    torch.manual_seed(0)
    objective = Binary(ramp=100)
    objective.steps += steps
    window, untouched = objective.touch(frames(2000))
    moved = []
    for row, same in zip(window[:, :, 0, 0, 0].tolist(), untouched.tolist(), strict=True):
        assert sorted(row) == list(range(8))
        wrong = sum(i != x for i, x in enumerate(row))
        assert (wrong == 0) == same
        moved.append(wrong)
    assert max(moved) == objective.moved(8) == {0: 8, 70: 4, 100: 3}[steps]
    assert min(m for m in moved if m) >= 2


def test_every_disorder_is_drawn_alike():
    torch.manual_seed(0)
    orders = disordered(12_000, 3, 3, torch.device("cpu")).tolist()
    seen = {row: orders.count(list(row)) / 12_000 for row in set(map(tuple, orders))}
    assert set(seen) == set(itertools.permutations(range(3))) - {(0, 1, 2)}
    assert max(abs(share - 1 / 5) for share in seen.values()) < 4 * math.sqrt(0.16 / 12_000)


def test_every_pair_of_frames_is_swapped_alike():
    torch.manual_seed(0)
    orders = disordered(12_000, 4, 2, torch.device("cpu")).tolist()
    pairs = [tuple(i for i, x in enumerate(row) if x != i) for row in orders]
    shares = {pair: pairs.count(pair) / 12_000 for pair in set(pairs)}
    assert set(shares) == set(itertools.combinations(range(4), 2))
    assert max(abs(share - 1 / 6) for share in shares.values()) < 4 * math.sqrt(5 / 36 / 12_000)


def test_the_ramp_is_the_stated_one():
    objective = Binary(ramp=64)
    for step in range(70):
        d = 0.75 * min(step, 64) / 64
        assert objective.moved(8) == min(8, max(2, math.floor(8 * (1 - d)) + 1))
        objective.steps += 1
    objective.steps.zero_()
    assert objective.eval().moved(8) == 3


def test_the_ramp_counts_training_steps_and_goes_on_from_a_checkpoint():
    objective, model = bound(Binary())
    for _ in range(3):
        objective(model, toys.batch())
    objective.eval()(model, toys.batch())
    other, _ = bound(Binary())
    other.load_state_dict(objective.state_dict())
    assert int(other.steps) == 3


def test_binary_is_cross_entropy_with_the_untouched_class_at_half():
    objective, model = bound(Binary())
    batch = toys.batch(count=6)
    torch.manual_seed(1)
    terms = objective(model, batch)
    torch.manual_seed(1)
    window, untouched = objective.touch(batch["u"])
    with torch.no_grad():
        logits = objective.head(model.features(window))[:, 0].tolist()
    total = right = 0.0
    for z, same in zip(logits, untouched.tolist(), strict=True):
        sure = 1 / (1 + math.exp(-z))
        total -= 0.5 * math.log(sure) if same else math.log(1 - sure)
        right += (z > 0) == same
    assert 0 < sum(untouched.tolist()) < 6
    assert float(terms["loss"].detach()) == pytest.approx(total / 6, rel=1e-5)
    assert float(terms["accuracy"]) == pytest.approx(right / 6)
