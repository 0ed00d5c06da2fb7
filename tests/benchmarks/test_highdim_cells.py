"""Jets that stand for others train the same net; the table of high dimension is its cells'."""

import argparse
import json

import pytest
import torch
from torch.testing import assert_close

from tests.benchmarks import highdim_jets
from tests.benchmarks.highdim_cases import Loop
from tests.benchmarks.highdim_cell import cells
from tests.benchmarks.highdim_race import INSTEAD
from tests.benchmarks.highdim_tables import recommendation

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


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(highdim_jets, "child", lambda *_: cells())
    store = highdim_jets.RESULTS.with_suffix(".jsonl")
    return highdim_jets.Run(argparse.Namespace(store=store, seconds=60.0, pace=2.0, python=[]))


def test_the_results_that_are_there_are_those_of_the_stored_cells(run):
    assert highdim_jets.RESULTS.read_text().splitlines() == "\n".join(run.document()).splitlines()


def test_the_estimators_that_are_shipped_as_recommended_are_those_of_the_stored_cells(run):
    want = recommendation(run.store, 60.0)
    assert json.loads(highdim_jets.RECOMMENDED.read_text()) == json.loads(json.dumps(want))
