"""What the tables of high dimension compute from results of cells."""

import json

import pytest

from tests.benchmarks.highdim_store import Key, Store
from tests.benchmarks.highdim_tables import ahead, reached, recommendation, target

JETS = {"nested": "nested autograd", "forward": "forward Laplacian", "deflated": "deflated"}
PROBLEMS = ("manufactured", "hjb")
KNOWN = {
    "jets": JETS,
    "otherwise": {},
    "settings": {p: {"100": {jet: f"{p} by {jet}" for jet in JETS}} for p in PROBLEMS},
}


def result(key, error, took=None, **more):
    took = key.seconds if took is None else took
    block = {"class_path": f"zoo.{key.jet}", "init_args": {}}
    own = {"ms": 10.0, "steps": 100 * took, "took": took, "relative_l2": error, "biased": False}
    return {"settings": f"{key.problem} by {key.jet}", "block": block, **own, **more}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store.jsonl", KNOWN)


def filled(store, errors, problem="manufactured"):
    for (jet, seconds), error in errors.items():
        key = Key(problem, 100, jet, float(seconds))
        store.add(key, result(key, error))
    return store


def test_a_store_read_again_has_what_was_added(store):
    filled(store, {("forward", 60): 0.5})
    again = Store(store.path, KNOWN)
    assert again.find(Key("manufactured", 100, "forward", 60.0))["relative_l2"] == 0.5
    assert again.missing([Key("manufactured", 100, jet, 60.0) for jet in JETS]) == [
        Key("manufactured", 100, "nested", 60.0),
        Key("manufactured", 100, "deflated", 60.0),
    ]


def test_a_result_of_other_settings_and_a_failure_are_made_again(store):
    key = Key("hjb", 100, "forward", 60.0)
    store.add(key, {**result(key, 0.5), "settings": "hjb by forward, once"})
    store.add(key, {"settings": "", "failed": "exit -9"})
    assert store.missing([key]) == [key]


def test_the_time_of_a_step_is_the_least_of_trainings_of_any_length(store):
    for seconds, ms in ((60.0, 10.0), (30.0, 9.0), (0.0, 11.0)):
        key = Key("manufactured", 100, "forward", seconds)
        store.add(key, result(key, 0.5, ms=ms))
    assert store.find(Key("manufactured", 100, "forward"))["ms"] == 9.0


def test_the_goal_lies_on_a_line_in_logarithms_between_two_budgets(store):
    filled(store, {("forward", 30): 0.04, ("forward", 120): 0.0025})
    found = reached(store, "forward", [120, 30])
    assert found.seconds == pytest.approx(60.0)
    assert found.steps == pytest.approx(6000.0)
    assert (found.budget, found.first) == (120, False)


def test_the_smallest_budget_counts_in_full(store):
    filled(store, {("forward", 30): 0.009})
    assert reached(store, "forward", [30, 60])[:3] == (30.0, 3000.0, 30)
    assert reached(store, "deflated", [30, 60]) is None


def test_nested_takes_the_forward_steps_in_its_own_time(store):
    filled(store, {("forward", 60): 0.01, ("deflated", 30): 0.01})
    key = Key("manufactured", 100, "nested")
    store.add(key, result(key, None, ms=200.0))
    text = "\n".join(target(store, [30, 60]))
    assert "| nested autograd |  | 1.2e+03 | 6000 | extrapolated" in text
    assert "deflated is 40.0 times faster than nested autograd (target 10: met)." in text
    assert "deflated is 2.0 times faster than forward Laplacian (target 1.5: met)." in text


def test_a_target_that_is_missed_says_so(store):
    told = ahead(store, {"nested": 90.0, "forward": 14.0, "deflated": 10.0})
    assert told[0].endswith("(target 10: not met).") and told[1].endswith("(target 1.5: not met).")


def test_the_recommended_jet_has_the_least_errors_in_the_geometric_mean(store):
    filled(store, {("forward", 60): 0.4, ("deflated", 60): 0.1})
    filled(store, {("forward", 60): 0.1, ("deflated", 60): 0.1}, "hjb")
    (row,) = recommendation(store, 60)["dimensions"]
    assert row["estimator"]["class_path"] == "zoo.deflated"
    assert (row["ahead"], row["second"]) == (2.0, "forward Laplacian")
    assert row["problems"] == ["manufactured", "hjb"]


def test_what_diverged_is_not_recommended(store):
    filled(store, {("forward", 60): 0.4, ("deflated", 60): float("nan"), ("nested", 60): 0.5})
    (row,) = recommendation(store, 60)["dimensions"]
    assert row["estimator"]["class_path"] == "zoo.forward" and row["ahead"] == 1.25


def test_the_file_holds_a_line_of_json_for_each_result(store):
    filled(store, {("forward", 60): 0.5, ("nested", 60): 0.6})
    lines = [json.loads(line) for line in store.path.read_text().splitlines()]
    assert [line["jet"] for line in lines] == ["forward", "nested"]
