"""The comparison of strategies: every number re-derived by hand, empty cells, bad arguments."""

import csv
import json
import statistics
from dataclasses import replace

import pytest
import torch

import zoo
from zoo import release
from zoo.models.fno import FNO
from zoo.plots.comparison import comparison
from zoo.reading import Mistake
from zoo.report import Comparison
from zoo.stages import Result

FIGURE = "test/relative_l2"
LIMIT = "data.init_args.limit"
SCRATCH = {"heat": (0.2, 0.4), "burgers": (0.5, 0.5)}
TUNED = {
    "transfer": {"heat": (0.1, 0.1), "burgers": (0.25, 0.5)},
    "transfer_shift": {"heat": (0.05, 0.07), "burgers": (0.2, 0.3)},
    "jigsaw": {"heat": (0.21, 0.39), "burgers": (0.5, 0.5)},
}


@pytest.fixture
def made(tmp_path):
    """A result whose test wrote this error; None: its test never ran."""

    def result(stage, value, system, seed=0, n=100, strategy=None, lr=0.001):
        folder = tmp_path / stage / f"{strategy}{system}{n}{seed}"
        folder.mkdir(parents=True)
        entry = {"name": FIGURE, "value": value, "n": 7, "seeds": [seed], "trivial": 0.9}
        if value is not None:
            (folder / "test.json").write_text(json.dumps([entry]))
        point = {} if strategy is None else {"strategy": strategy}
        point |= {"system": system, LIMIT: n, "seed_everything data.init_args.seed": seed}
        return Result(stage, point, {"model.optimizer.init_args.lr": lr}, folder)

    return result


@pytest.fixture
def results(made):
    found = [made("scratch", v, s, i) for s, pair in SCRATCH.items() for i, v in enumerate(pair)]
    for strategy, systems in TUNED.items():
        for system, pair in systems.items():
            found += [made("tuned", v, system, i, 100, strategy) for i, v in enumerate(pair)]
    return found


def page(folder, results, **options):
    report = Comparison("scratch", "tuned", **options)
    report.write(results, folder / "report")
    return (folder / "report" / f"comparison_{report.kind}.md").read_text()


def row(text, name, block=0):
    part = text.split("\n## n = ")[block + 1]
    line = next(line for line in part.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def verdict(text, words):
    line = next(line for line in text.splitlines() if line.startswith(f"- {words}"))
    return line.partition("**")[2].partition("**")[0], line


def test_means_spreads_and_ratios_of_equal_seeds(results, tmp_path):
    text = page(tmp_path, results)
    assert row(text, "none")[0] == f"0.3000 ± {statistics.stdev([0.2, 0.4]):.4f}"
    heat, burgers, mean = row(text, "transfer")
    # mean over mean: 0.1 / 0.3; seed by seed 0.5 and 0.25
    assert heat == f"0.1000 ± 0.0000 (0.33 ± {statistics.stdev([0.5, 0.25]):.2f})"
    assert burgers.endswith(f"(0.75 ± {statistics.stdev([0.5, 1.0]):.2f})")
    # means of the seeds: (0.5 + 0.5) / 2 and (0.25 + 1) / 2
    assert mean == f"{(1 / 3 + 0.75) / 2:.2f} ± {statistics.stdev([0.5, 0.625]):.2f}"
    assert row(text, "trivial (best)") == ["0.9000", "0.9000", ""]


def test_a_ratio_is_over_the_seeds_that_both_have(results, made, tmp_path):
    more = [*results, made("tuned", 7.0, "heat", 2, 100, "transfer")]
    heat = row(page(tmp_path, more), "transfer")[0]
    assert heat.startswith("2.4000") and "(0.33 ± " in heat


def test_the_claims_are_computed(results, made, tmp_path):
    results += [made("scratch", 0.1, "heat", n=1000), made("scratch", 0.4, "ns")]
    results += [made("tuned", 0.09, "heat", 0, 1000, "transfer")]
    results += [made("tuned", 0.38, "ns", 0, 100, "transfer")]
    text = page(tmp_path, results, far=["ns"])
    assert verdict(text, "transfer or physics")[0] == "agrees"
    assert "transfer_shift 0.350, transfer 0.542, jigsaw 1.000" in text
    assert verdict(text, "shift augmentation")[0] == "agrees"
    told, line = verdict(text, "the gain shrinks with more samples")
    assert told == "agrees" and "0.333 ± 0.177 at n = 100, 0.900 at n = 1000" in line
    assert verdict(text, "error(transfer) / error(scratch)")[0] == "agrees"
    told, line = verdict(text, "the gain shrinks with distance")
    assert told == "agrees" and "0.542 ± 0.088 on heat, burgers; 0.950 on ns" in line
    told, line = verdict(text, "sorting tasks")
    assert told == "agrees" and "0.000 (jigsaw 0.000) against 0.458" in line


def test_a_far_stage_may_have_systems_of_the_same_names(results, made, tmp_path):
    results += [made("scratch_far", 0.5, "heat"), made("far", 0.4, "heat", strategy="transfer")]
    report = Comparison(["scratch", "scratch_far"], ["tuned", "far"], far=["scratch_far", "far"])
    report.write(results, tmp_path)
    text = (tmp_path / "comparison_strategies.md").read_text()
    assert "| heat | burgers | mean ratio | heat far | mean ratio (far) |" in text
    assert row(text, "transfer")[3:] == ["0.4000 (0.80)", "0.80"]
    assert verdict(text, "the gain shrinks with distance")[0] == "agrees"


def test_a_difference_within_the_spread_of_the_seeds_decides_nothing(made, tmp_path):
    results = [made("scratch", 1.0, s, i) for s in ("heat", "burgers") for i in (0, 1)]
    for strategy, low in (("transfer", 0.40), ("transfer_shift", 0.39)):
        for system in ("heat", "burgers"):
            for i in (0, 1):
                results.append(made("tuned", low + 0.1 * i, system, i, 100, strategy))
    told, line = verdict(page(tmp_path, results), "shift augmentation")
    assert told.startswith("undecided") and "0.440 ± 0.071 with, 0.450 ± 0.071 without" in line


def test_a_claim_that_fails_is_told_so(made, tmp_path):
    results = [made("scratch", 0.5, s) for s in ("heat", "burgers")]
    for strategy, value in {"transfer": 0.4, "transfer_shift": 0.45, "masked": 0.3}.items():
        results += [made("tuned", value, s, 0, 100, strategy) for s in ("heat", "burgers")]
    text = page(tmp_path, results)
    for words in ("transfer or physics", "shift augmentation", "error(transfer)"):
        assert verdict(text, words)[0] == "does not agree"


@pytest.mark.parametrize(
    "words",
    ["transfer or physics", "shift", "the gain shrinks with m", "the gain shrinks with d", "sort"],
)
def test_what_was_not_run_is_told_so(made, tmp_path, words):
    results = [made("scratch", 0.5, "heat"), made("tuned", 0.4, "heat", 0, 100, "transfer")]
    assert verdict(page(tmp_path, results), words)[0] == "not run"


def test_a_training_that_diverged_decides_nothing(made, tmp_path):
    results = [made("scratch", 0.5, s) for s in ("heat", "burgers")]
    values = {"heat": 0.1, "burgers": float("nan")}
    results += [made("tuned", v, s, 0, 100, "transfer") for s, v in values.items()]
    assert verdict(page(tmp_path, results), "error(transfer)")[0] == "not run"


def test_a_missing_run_is_an_empty_cell_and_has_no_mean(results, made, tmp_path):
    results += [made("tuned", 0.1, "heat", 0, 100, "binary")]
    results += [made("tuned", None, "burgers", 0, 100, "binary")]
    heat, burgers, mean = row(page(tmp_path, results), "binary")
    # seed 0 alone is common: 0.1 / 0.2
    assert (heat, burgers, mean) == ("0.1000 (0.50)", "", "")


def test_every_run_is_in_the_csv(results, made, tmp_path):
    page(tmp_path, [*results, made("tuned", None, "heat", 0, 100, "binary")], kind="small")
    text = (tmp_path / "report" / "comparison_small.csv").read_text()
    table = list(csv.DictReader(text.splitlines()))
    assert len(table) == len(results) + 1
    found = next(one for one in table if one["strategy"] == "transfer" and one["seed"] == "1")
    assert (found["system"], found["examples"], float(found[FIGURE])) == ("heat", "100", 0.1)
    assert float(found["ratio"]) == pytest.approx(0.25) and found["learning_rate"] == "0.001"
    assert table[-1][FIGURE] == "" and table[0]["strategy"] == "none" and table[0]["ratio"] == ""


def test_the_figures_land_on_the_card_beside_scratch(results, tmp_path):
    torch.manual_seed(0)
    shipped = zoo.save_pretrained(FNO(**FNO.tiny()), tmp_path / "fno-tiny")
    page(tmp_path, results, record={"jigsaw": str(shipped)}, title="small")
    entries = {entry["name"]: entry for entry in release.figures(shipped)}
    assert sorted(entries) == ["few_shot/100/small burgers", "few_shot/100/small heat"]
    heat = entries["few_shot/100/small heat"]
    assert heat["value"] == pytest.approx(0.3) and heat["baseline"] == pytest.approx(0.3)
    assert heat["spread"] == pytest.approx(0.18) and heat["seeds"] == [0, 1]


def test_a_recorded_stage_gets_the_figures_of_its_own_strategy(results, tmp_path):
    torch.manual_seed(0)
    pretrained = []
    for strategy in ("transfer", "jigsaw"):
        folder = tmp_path / "pretrain" / strategy
        zoo.save_pretrained(FNO(**FNO.tiny()), folder / "release")
        pretrained.append(Result("pretrain", {"strategy": strategy}, {}, folder))
    page(tmp_path, [*pretrained, *results], record="pretrain")
    told = [
        {entry["name"]: entry["value"] for entry in release.figures(one.release)}
        for one in pretrained
    ]
    assert told[0]["few_shot/100/heat"] == pytest.approx(0.1)
    assert told[1]["few_shot/100/heat"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scratch": "scrath"}, r"no stage 'scrath'; did you mean 'scratch'"),
        ({"system": "sistem"}, r"report.system: .*'sistem'; did you mean 'system'"),
        ({"strategy": "tactic"}, r"report.strategy: tuned has no matrix key 'tactic'"),
        ({"examples": "limit"}, r"report.examples: scratch has no matrix key 'limit'"),
        ({"figure": "test/relative_l"}, r"report.figure: .*did you mean 'test/relative_l2'"),
        ({"far": ["heet"]}, r"report.far: no system or stage 'heet'; did you mean 'heat'"),
        ({"kind": "../x"}, r"report.kind: '../x'"),
    ],
)
def test_a_wrong_argument_is_named(results, tmp_path, options, words):
    given = {"scratch": "scratch", "tuned": "tuned", **options}
    with pytest.raises(Mistake, match=words):
        Comparison(given.pop("scratch"), given.pop("tuned"), **given).write(results, tmp_path)


def test_two_runs_that_nothing_tells_apart_are_refused(results, tmp_path):
    with pytest.raises(Mistake, match=r"two runs of none on heat with 100 examples and seed 0"):
        page(tmp_path, [*results, results[0]])


def test_where_keeps_the_runs_of_one_model(results, made, tmp_path):
    def of(net, one):
        return replace(one, point={"net": net, **one.point})

    alone = page(tmp_path / "alone", results)
    worse = [of("unet", made("scratch", 0.7, s, i, 101)) for s in SCRATCH for i in (0, 1)]
    both = [of("fno", one) for one in results] + worse
    assert page(tmp_path / "both", both, where={"net": "fno"}) == alone
    with pytest.raises(Mistake, match=r"where: no run has .*'gru'"):
        page(tmp_path, both, where={"net": "gru"})


def test_the_plot_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="no ratio to draw"):
        comparison({})
    with pytest.raises(ValueError, match="must be positive"):
        comparison({"n = 1": {"transfer": {"heat": (-1.0, [])}}})
