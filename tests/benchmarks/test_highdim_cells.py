"""Jets that stand for others in the table of high dimension train the same net."""

import pytest
import torch
from torch.testing import assert_close

from tests.benchmarks.highdim_cases import Loop
from tests.benchmarks.highdim_race import INSTEAD

STEPS = 4


def trained(problem, jet):
    loop = Loop(problem, 10, jet)
    for number in range(STEPS):
        loop.step(number, number / STEPS)
    return loop


@pytest.mark.parametrize("problem", ["manufactured", "hjb", "heat"])
@pytest.mark.parametrize("jet", INSTEAD)
def test_a_stand_in_runs_through_the_same_weights(jet, problem):
    own, other = (trained(problem, one) for one in (jet, INSTEAD[jet]))
    first = Loop(problem, 10, jet)
    for one, two, start in zip(
        own.net.parameters(), other.net.parameters(), first.net.parameters(), strict=True
    ):
        moved = float((one - start).detach().abs().max())
        assert moved > 1e-4
        assert_close(one, two, rtol=0, atol=0.01 * moved)


def test_errors_are_those_of_points_of_the_test_and_of_others_for_choices():
    torch.manual_seed(0)
    found = trained("manufactured", "deflated").errors()
    assert set(found) == {"relative_l2", "beyond_time", "validation"}
    assert found["validation"] != found["relative_l2"]
    assert found["validation"] == pytest.approx(found["relative_l2"], rel=0.1)
