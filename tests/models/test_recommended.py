"""What is said of which estimator to take."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.highdim_tables import recommended as rows
from zoo.models.base import build
from zoo.models.estimators import recommended as module
from zoo.models.estimators.recommended import TABLE, recommended

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results_highdim.md"
SHIPPED = json.loads(TABLE.read_text())["dimensions"]


def row(dimension, name, ahead=2.0, biased=False):
    estimator = {"class_path": f"zoo.models.{name}", "init_args": {"probes": 2}}
    own = {"dimension": dimension, "estimator": estimator, "biased": biased, "ahead": ahead}
    return {**own, "second": "nested autograd", "problems": ["heat"]}


@pytest.fixture
def table(tmp_path, monkeypatch):
    told = {"seconds": 60.0, "dimensions": [row(10, "A"), row(1000, "B", 1.02, biased=True)]}
    (tmp_path / "table.json").write_text(json.dumps(told))
    monkeypatch.setattr(module, "TABLE", tmp_path / "table.json")


@pytest.mark.parametrize(("dimension", "name"), [(10, "A"), (99, "A"), (101, "B"), (10**6, "B")])
def test_the_nearest_dimension_by_ratio_counts(table, dimension, name):
    assert recommended(dimension).startswith(f"zoo.models.{name}(probes=2)")


def test_it_tells_how_far_it_leads_and_where(table):
    told = recommended(11)
    assert told.endswith(
        ": after 60 s of a busy CPU's thread 2.0 times less error than nested autograd, the next "
        "best, in 10 dimensions (heat)"
    )


def test_a_lead_within_a_tenth_is_none_and_a_squared_residual_is_told(table):
    told = recommended(1000)
    assert "with Residual(biased=True)" in told and "as little error as nested autograd" in told


def test_below_the_table_the_field_has_its_own_way(table):
    assert recommended(9).startswith("no estimator") and recommended(9).endswith("from 10 on)")


def test_no_coordinates_are_refused():
    with pytest.raises(ValueError, match="dimension=0"):
        recommended(0)


def test_what_is_shipped_is_the_table_of_the_benchmark():
    text = RESULTS.read_text()
    assert SHIPPED and "\n".join(rows({"dimensions": SHIPPED})) in text


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: str(one["dimension"]))
def test_what_is_shipped_can_be_built(one):
    described = one["estimator"]
    if described["class_path"] != "zoo.models.smoothed.Smoothed":
        estimator = build(described, object)
        assert all(getattr(estimator, k) == v for k, v in described["init_args"].items())
