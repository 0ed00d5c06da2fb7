"""The report of methods: its ratios, its verdicts, and what it writes on cards."""

import json
import shutil

import pytest
import torch

import zoo
from zoo import release
from zoo.card_tables import trivial_rows
from zoo.models.mlp import MLP
from zoo.reading import Mistake
from zoo.report import Methods
from zoo.stages import Result

FIGURE = "test/l2"


def result(tmp_path, value, seed, stage="train", **point):
    folder = tmp_path / stage / f"{seed}{point}"
    entry = {"name": FIGURE, "value": value, "n": 7, "seeds": [seed], "trivial": None}
    torch.manual_seed(0)
    zoo.save_pretrained(MLP(**MLP.tiny()), folder / "release", metrics=[entry])
    (folder / "test.json").write_text(json.dumps([entry]))
    return Result(stage, {**point, "seed_everything": seed}, {}, folder)


@pytest.fixture
def runs(tmp_path):
    table = {"derl": (0.1, 0.2), "outl": (0.5, 0.8)}
    return [
        result(tmp_path, value, seed, method=method)
        for method, values in table.items()
        for seed, value in enumerate(values)
    ]


def gated(runs, tmp_path, **gate):
    described = {"text": "claim", "figure": FIGURE, **gate}
    told = Methods(["train"], [FIGURE], gates=[described]).write(runs, tmp_path / "report")
    return next(line for line in told.splitlines() if "claim  " in line and "bound" not in line)


PAIR = {"top": {"method": "derl"}, "bottom": {"method": "outl"}}


def test_ratios_are_taken_seed_by_seed(runs, tmp_path):
    line = gated(runs, tmp_path, **PAIR, high=0.3)
    assert line.startswith("holds") and "0.2 to 0.25 (2)" in line


def test_one_seed_beyond_the_bound_fails_the_gate(runs, tmp_path):
    assert gated(runs, tmp_path, **PAIR, high=0.22).startswith("FAILS")


def test_the_mean_over_seeds_can_be_what_counts(runs, tmp_path):
    line = gated(runs, tmp_path, **PAIR, high=0.24, mean=True)
    assert line.startswith("holds") and "0.231" in line


def test_a_lower_bound_counts_too(runs, tmp_path):
    assert gated(runs, tmp_path, **PAIR, low=0.22, high=1.0).startswith("FAILS")


def test_without_a_lower_line_the_figure_itself_is_bounded(runs, tmp_path):
    assert gated(runs, tmp_path, top={"method": "outl"}, high=0.7).startswith("FAILS")


def test_what_is_only_told_neither_holds_nor_fails(runs, tmp_path):
    assert gated(runs, tmp_path, **PAIR, high=0.1, gate=False).startswith("no ")


def test_a_gate_on_runs_that_are_not_there_says_so(runs, tmp_path):
    assert gated(runs, tmp_path, top={"method": "sob"}, bottom={"method": "outl"}).startswith(
        "not run"
    )


def test_other_keys_must_agree_where_both_have_them(tmp_path):
    runs = [
        result(tmp_path, value, 0, method=method, noise=noise)
        for (method, noise), value in {
            ("derl", 0.1): 1.0,
            ("derl", 0.2): 3.0,
            ("outl", 0.1): 2.0,
            ("outl", 0.2): 4.0,
        }.items()
    ]
    assert "0.5 to 0.75 (2)" in gated(runs, tmp_path, **PAIR, high=1.0)


def test_the_table_has_means_and_every_run_is_in_the_csv(runs, tmp_path):
    Methods(["train"], [FIGURE], note="a note").write(runs, tmp_path / "report")
    text = (tmp_path / "report" / "methods.md").read_text()
    assert "| derl | 0.15 (0.1 to 0.2) |" in text and "a note" in text
    assert len((tmp_path / "report" / "methods.csv").read_text().splitlines()) == 5
    assert (tmp_path / "report" / "methods.png").read_bytes()[:4] == b"\x89PNG"


def test_chosen_releases_carry_every_method_on_their_cards(runs, tmp_path):
    Methods(["train"], [FIGURE], record={"method": "derl"}).write(runs, tmp_path / "report")
    known = {e["name"]: e["value"] for e in release.figures(runs[0].release)}
    assert known["methods/outl/l2"] == pytest.approx(0.65)
    card = (runs[0].release / "README.md").read_text()
    assert "## Methods" in card and "| outl | 0.65 (spread 0.3) |" in card
    assert len(release.figures(runs[2].release)) == 1


@pytest.mark.parametrize(
    "change, match",
    [
        ({"figures": ["test/l3"]}, "no run has 'test/l3'"),
        ({"stages": ["trian"]}, "no stage 'trian'"),
        ({"gates": [{"text": "a", "hihg": 1.0}]}, "no key 'hihg'"),
        ({"kind": "../x"}, "part of a file's name"),
    ],
)
def test_what_is_wrong_is_named(runs, tmp_path, change, match):
    arguments = {"stages": ["train"], "figures": [FIGURE], **change}
    with pytest.raises(Mistake, match=match):
        Methods(**arguments).write(runs, tmp_path / "report")


def trivials(**told):
    return [row[0] for row in trivial_rows({name: {"l2": cell} for name, cell in told.items()})]


def test_the_best_trivial_predictor_has_a_row_of_its_own():
    assert trivials(derl="0.9 (mean)", outl="0.9 (mean)") == ["best trivial predictor"]


def test_where_problems_differ_the_row_names_what_their_methods_share():
    told = {"ten, derl": "0.9", "ten, outl": "0.9", "twenty, derl": "0.5"}
    assert trivials(**told)[0] == "best trivial predictor (ten)"


def test_seconds_of_training_stand_beside_the_errors_and_on_the_card(runs, tmp_path):
    for run, seconds in zip(runs, (2.0, 4.0, 1.0, 1.0), strict=True):
        (run.folder / "done.json").write_text(json.dumps({"seconds": seconds}))
    Methods(["train"], [FIGURE], record={"method": "derl"}).write(runs, tmp_path / "report")
    assert (
        "| derl | 0.15 (0.1 to 0.2) | 3 (2 to 4) |"
        in (tmp_path / "report" / "methods.md").read_text()
    )
    assert (
        "| derl | 0.15 (spread 0.1) | 3 (spread 2) |" in (runs[0].release / "README.md").read_text()
    )


def test_a_stage_that_only_tests_has_no_card_to_write_on(runs, tmp_path):
    shutil.rmtree(runs[1].release)
    Methods(["train"], [FIGURE], record={}).write(runs, tmp_path / "report")
    assert len(release.figures(runs[0].release)) == 3 and not runs[1].release.exists()


def test_a_gate_can_be_held_against_a_trivial_predictor(runs, tmp_path):
    for run, worse in zip(runs, (2.0, 4.0, 8.0, 8.0), strict=True):
        path = run.folder / "test.json"
        told = json.loads(path.read_text())
        told[0]["trivials"] = {"persistence": worse * told[0]["value"]}
        path.write_text(json.dumps(told))
    both = {"top": {"method": "derl"}, "bottom": {"method": "derl"}}
    line = gated(runs, tmp_path, **both, bottom_figure=f"{FIGURE} by persistence", high=0.4)
    assert line.startswith("FAILS") and "0.25 to 0.5 (2)" in line
