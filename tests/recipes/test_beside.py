import json

import pytest
import torch

import zoo
from zoo import release
from zoo.models.fno import FNO
from zoo.reading import Mistake
from zoo.report import Beside
from zoo.stages import Result


def result(tmp_path, stage, value, seed, **point):
    folder = tmp_path / stage / f"{seed}{point}"
    torch.manual_seed(0)
    entry = {"name": "test/relative_l2", "value": value, "n": 7, "seeds": [seed], "trivial": 0.9}
    zoo.save_pretrained(FNO(**FNO.tiny()), folder / "release", metrics=[entry])
    (folder / "test.json").write_text(json.dumps([entry]))
    return Result(stage, {"seed_everything": seed, "system": "heat", **point}, {}, folder)


def test_the_baseline_is_the_mean_over_the_seeds_from_scratch(tmp_path):
    tuned = result(tmp_path, "tuned", 0.1, 0, strategy="transfer")
    others = [result(tmp_path, "scratch", value, seed) for seed, value in enumerate((0.2, 0.4))]
    other = result(tmp_path, "scratch", 5.0, 0, system="burgers")
    told = Beside("tuned", "scratch").write([tuned, *others, other], tmp_path)
    [entry] = release.figures(tuned.release)
    assert entry["baseline"] == pytest.approx(0.3) and entry["value"] == 0.1
    assert "0.1" in told and "0.3" in told
    assert "Beats its trivial predictor and scratch" in (tuned.release / "README.md").read_text()


def test_a_loss_against_scratch_is_the_cards_first_line(tmp_path):
    tuned = result(tmp_path, "tuned", 0.5, 0, strategy="jigsaw")
    scratch = result(tmp_path, "scratch", 0.2, 0)
    Beside("tuned", "scratch").write([tuned, scratch], tmp_path)
    text = (tuned.release / "README.md").read_text()
    assert text.index("Does not beat scratch") < text.index("# ")


def test_a_run_without_its_like_is_named(tmp_path):
    tuned = result(tmp_path, "tuned", 0.1, 0, strategy="transfer")
    scratch = result(tmp_path, "scratch", 0.2, 0, system="burgers")
    with pytest.raises(Mistake, match=r"no run of 'scratch' has the keys of .*heat"):
        Beside("tuned", "scratch").write([tuned, scratch], tmp_path)
