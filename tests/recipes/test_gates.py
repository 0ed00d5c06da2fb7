"""A chain whose report has a gate that fails does not end as if all were well."""

import pytest

from tests.cli.conftest import write
from tests.recipes.test_methods import FIGURE, PAIR, result
from zoo import chaining
from zoo.stages import Runner


@pytest.fixture
def gated(here, zoo, monkeypatch):
    """Runs a chain of finished runs, 0.1 and 0.5 of two methods, with a gate on their ratio."""
    results = [result(here, 0.1, 0, method="derl"), result(here, 0.5, 0, method="outl")]
    monkeypatch.setattr(Runner, "run", lambda self, force: results)
    monkeypatch.setattr(chaining, "_check", lambda chain: None)
    write(here / "train.yaml", {})

    def run(**gate):
        both = [{"text": "the claim", **gate}, {"text": "another", "high": 9.0}]
        gates = [{"figure": FIGURE, **PAIR, **one} for one in both]
        arguments = {"stages": ["train"], "figures": [FIGURE], "gates": gates}
        report = {"class_path": "zoo.report.Methods", "init_args": arguments}
        stages = {"train": {"recipe": "train.yaml"}}
        return zoo("run", write(here / "chain.yaml", {"stages": stages, "report": report}))

    return run


def test_gates_that_hold_end_well(gated):
    code, out, err = gated(high=0.3)
    assert code == 0 and "the claim" in out and err == ""


def test_a_gate_that_fails_ends_with_code_1_and_is_named(gated):
    code, _, err = gated(high=0.1)
    assert code == 1
    first, second = err.strip().splitlines()
    assert first == "zoo run: of the report's gates 1 do not hold"
    assert "the claim" in second and "<= 0.1" in second and "0.2" in second


def test_the_report_of_a_gate_that_fails_is_written_all_the_same(gated, here):
    _, out, _ = gated(high=0.1)
    page = (here / "runs" / "chain" / "report" / "methods.md").read_text()
    assert "| FAILS | the claim |" in page and "| holds | another |" in page
    assert "FAILS" in out


@pytest.mark.parametrize("change", [{"gate": False}, {"top": {"method": "sob"}}])
def test_what_is_only_told_or_was_not_run_ends_well(gated, change):
    code, out, err = gated(high=0.1, **change)
    assert code == 0 and "the claim" in out and err == ""
