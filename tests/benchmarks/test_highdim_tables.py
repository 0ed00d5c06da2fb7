"""What the tables of high dimension compute from results of cells."""

import json

import pytest

from tests.benchmarks.highdim_race import Race, bracket, following, race
from tests.benchmarks.highdim_store import Key, Store
from tests.benchmarks.highdim_tables import absent, ahead, checked, problem, recommendation, target

JETS = {"nested": "nested autograd", "forward": "forward Laplacian", "deflated": "deflated"}
PROBLEMS = ("manufactured", "hjb")
KNOWN = {
    "jets": JETS,
    "otherwise": {},
    "settings": {p: {"100": {jet: f"{p} by {jet}" for jet in JETS}} for p in PROBLEMS},
}


def result(key, error, ratio=1.0, **more):
    block = {"class_path": f"zoo.{key.jet}", "init_args": {}}
    own = {"ms": 10.0, "memory": 7.0, "steps": round(100 * key.seconds), "took": key.seconds}
    errors = {} if error is None else {"relative_l2": error, "validation": ratio * error}
    own |= {"by": key.jet, "biased": False, **errors}
    return {"settings": f"{key.problem} by {key.jet}", "block": block, **own, **more}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store.jsonl", KNOWN)


def filled(store, errors, problem="manufactured", **more):
    for (jet, seconds), error in errors.items():
        key = Key(problem, 100, jet, float(seconds))
        store.add(key, result(key, error, **more))
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


def test_a_training_leaves_the_time_of_its_step_to_what_was_measured(store):
    key = Key("manufactured", 100, "forward", 60.0)
    store.add(key, {"settings": "manufactured by forward", "steps": 9, "validation": 0.2})
    assert store.find(Key("manufactured", 100, "forward")) is None
    assert list(store.trainings("manufactured", 100, "forward")) == [60.0]


def test_budgets_grow_until_one_reaches_the_goal_and_then_halve_the_interval():
    found = {}
    for budget, error in ((60.0, 0.04), (120.0, 0.02), (240.0, 0.004), (170.0, 0.009)):
        assert following(found, [30, 60, 120, 240], 60.0, 1) == budget
        found[budget] = {"validation": error}
    assert following(found, [30, 60, 120, 240], 60.0, 1) is None
    assert following(found, [30, 60, 120, 240], 60.0, 2) == 143.0


def test_a_first_budget_that_reaches_the_goal_is_made_shorter():
    found = {60.0: {"validation": 0.009}}
    assert following(found, [30, 60, 120], 60.0, 1) == 30
    assert bracket({**found, 30.0: {"validation": 0.02}}) == (30.0, 60.0)


def test_the_longest_budget_that_fails_is_the_last():
    assert following({240.0: {"validation": float("nan")}}, [60, 240], 60.0, 1) is None


def test_the_goal_is_reached_at_the_points_of_validation_and_told_at_those_of_the_test(store):
    filled(store, {("forward", 30): 0.04, ("forward", 60): 0.009}, ratio=0.5)
    found = race(store, "forward")
    assert found == (60.0, 6000, 0.009, True, 30.0)  # validation 0.0045; 10 ms a step


def test_where_the_goal_is_not_reached_the_longest_schedule_is_told(store):
    filled(store, {("forward", 30): 0.02, ("forward", 60): 0.03})
    assert race(store, "forward") == (60.0, 6000, 0.03, False, None)
    assert race(store, "deflated") is None


def test_nested_takes_the_forward_steps_in_its_own_time(store):
    filled(store, {("forward", 30): 0.02, ("forward", 60): 0.01, ("deflated", 30): 0.01})
    key = Key("manufactured", 100, "nested")
    store.add(key, result(key, None, ms=200.0))
    text = "\n".join(target(store))
    want = "| nested autograd | 1.2e+03 | 600 | 6000 | 0.01 | extrapolated: steps of forward Lap"
    assert want in text
    assert "deflated is 40.0 times faster than nested autograd (target 10: met; 20.0 times" in text
    words = "2.0 times faster than forward Laplacian (target 1.5: met; 1.0 times as long is too s"
    assert words in text


def raced(seconds, reached=True):
    return Race(seconds, 100, 0.02, reached, None)


def test_a_target_that_is_missed_says_so(store):
    (told,) = ahead(store, {n: raced(s) for n, s in zip(JETS, (90.0, 14.0, 10.0), strict=True)})
    assert "nested autograd (target 10: not met)" in told
    assert told.endswith("forward Laplacian (target 1.5: not met).")


def test_of_a_jet_that_did_not_come_to_the_goal_the_time_is_a_bound(store):
    (told,) = ahead(store, {"forward": raced(20.0, False), "deflated": raced(10.0)})
    assert told.startswith("deflated is at least 2.0 times faster than forward Laplacian (target")


def test_a_jet_that_was_tried_for_too_short_a_time_is_named(store):
    found = {"nested": raced(200.0), "forward": raced(12.0, False), "deflated": raced(10.0)}
    (told,) = ahead(store, found)
    assert told.endswith(
        "Not tried for 15 s, with the error that they came to: forward Laplacian (0.02)."
    )


def test_what_is_missing_is_named(store):
    keys = [Key("hjb", 100, jet, 60.0) for jet in JETS]
    told = absent(store, [*keys, Key("manufactured", 100, "nested", 60.0)])
    assert told == " Not trained yet: hjb 100 (all), manufactured 100 (nested autograd)."
    assert absent(store, []) == ""


def test_a_stand_in_s_time_is_not_told_as_the_jet_s(store):
    filled(store, {("nested", 60): 0.5}, by="forward")
    assert "| 100 | nested autograd | 10.0 | 7 | 6000 |  | 0.5 |  |" in problem(
        store, "manufactured", 60.0
    )


def test_trainings_of_their_own_stand_beside_stand_ins(tmp_path):
    jets = {**JETS, "nested_itself": "nested itself"}
    settings = {"manufactured": {"100": {jet: f"manufactured by {jet}" for jet in jets}}}
    store = Store(tmp_path / "store.jsonl", {**KNOWN, "otherwise": {}, "settings": settings})
    filled(store, {("nested", 60): 0.123456, ("nested_itself", 60): 0.123457})
    row = "| nested autograd | 6000 | 0.12346 | forward Laplacian | 0.12346 |"
    assert checked(store, 60.0)[-1] == row


def test_the_recommended_jet_has_the_least_errors_in_the_geometric_mean(store):
    filled(store, {("forward", 60): 0.4, ("deflated", 60): 0.1})
    filled(store, {("forward", 60): 0.1, ("deflated", 60): 0.1}, "hjb")
    (row,) = recommendation(store, 60)["dimensions"]
    assert row["estimator"]["class_path"] == "zoo.deflated"
    assert (row["ahead"], row["second"]) == (2.0, "forward Laplacian")
    assert row["problems"] == ["manufactured", "hjb"]


def test_a_problem_without_the_jet_that_leads_another_one_does_not_count_yet(store):
    filled(store, {("forward", 60): 0.4, ("deflated", 60): 0.1})
    filled(store, {("forward", 60): 0.1, ("nested", 60): 0.3, ("deflated", 0): 0.1}, "hjb")
    (row,) = recommendation(store, 60)["dimensions"]
    assert row["estimator"]["class_path"] == "zoo.deflated"
    assert row["problems"] == ["manufactured"]


def test_what_diverged_is_not_recommended(store):
    filled(store, {("forward", 60): 0.4, ("deflated", 60): float("nan"), ("nested", 60): 0.5})
    (row,) = recommendation(store, 60)["dimensions"]
    assert row["estimator"]["class_path"] == "zoo.forward" and row["ahead"] == 1.25


def test_the_file_holds_a_line_of_json_for_each_result(store):
    filled(store, {("forward", 60): 0.5, ("nested", 60): 0.6})
    lines = [json.loads(line) for line in store.path.read_text().splitlines()]
    assert [line["jet"] for line in lines] == ["forward", "nested"]
