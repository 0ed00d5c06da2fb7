import json

import pytest
import torch

import zoo
from zoo import release
from zoo.models.fno import FNO
from zoo.report import FewShot, Sweep
from zoo.stages import Result

FIGURE = "test/relative_l2"


@pytest.fixture
def shipped(tmp_path):
    torch.manual_seed(0)
    return zoo.save_pretrained(FNO(**FNO.tiny()), tmp_path / "fno-tiny")


@pytest.fixture
def made(tmp_path, shipped):
    """Results of runs whose test wrote these errors."""

    def result(stage, value, seed=0, **point):
        folder = tmp_path / stage / f"{point}{seed}"
        folder.mkdir(parents=True)
        entry = {"name": FIGURE, "value": value, "n": 7, "seeds": [seed], "trivial": 0.9}
        (folder / "test.json").write_text(json.dumps([entry]))
        return Result(stage, {**point, "seed_everything": seed}, {}, folder)

    return result


def test_a_few_shot_table_lands_on_the_card_with_means_and_spreads(made, shipped, tmp_path):
    results = [made("zero", 0.5), made("zero", 0.3, seed=1)]
    results += [made("tuned", v, seed=s, n=8) for s, v in enumerate((0.1, 0.3))]
    results += [made("scratch", v, seed=s, n=8) for s, v in enumerate((0.6, 0.8))]
    report = FewShot("tuned", "scratch", "n", zero="zero", title="shifted", record=str(shipped))
    report._pictures = lambda tuned, folder: []
    shown = report.write(results, tmp_path / "report")
    entries = {entry["name"]: entry for entry in release.figures(shipped)}
    few = entries["few_shot/8/shifted"]
    assert few["value"] == pytest.approx(0.2) and few["baseline"] == pytest.approx(0.7)
    assert few["spread"] == pytest.approx(0.2) and few["seeds"] == [0, 1] and few["n"] == 7
    assert entries["few_shot/0/shifted"]["value"] == pytest.approx(0.4)
    assert "3.50" in shown and "shifted" in (shipped / "README.md").read_text()


@pytest.mark.parametrize(("values", "word"), [((0.1, 0.2), "yes"), ((0.2, 0.1), "no")])
def test_a_sweep_tells_whether_the_figure_rises(made, shipped, tmp_path, values, word):
    results = [made("near", values[0]), made("far", values[1])]
    sweep = Sweep({"a": "near", "b": "far"}, "shift", rises=True, record=str(shipped))
    assert f"rises from row to row: {word}" in sweep.write(results, tmp_path / "report")
    entries = {entry["name"]: entry["value"] for entry in release.figures(shipped)}
    assert entries == {"shift/a/relative_l2": values[0], "shift/b/relative_l2": values[1]}
