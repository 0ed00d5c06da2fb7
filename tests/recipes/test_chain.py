"""Chains: skipped when finished, equal by hand, chosen on validation data, parents by sha256."""

import csv
import json
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import write
from zoo import recipe as recipes
from zoo import release
from zoo.data.mixture import Mixture
from zoo.reading import Mistake
from zoo.stages import figures

CHAIN = Path("runs/chain")


def releases(folder=CHAIN):
    return {
        str(path.parent.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("model.safetensors"))
    }


@pytest.fixture
def read(monkeypatch):
    """The folders of the runs that read test data."""
    folders = set()
    split = Mixture.split

    def noted(self, name):
        if name == "test" and self.trainer is not None:
            folders.add(self.trainer.default_root_dir)
        return split(self, name)

    monkeypatch.setattr(Mixture, "split", noted)
    return folders


@pytest.fixture
def ran(chain, zoo, read):
    code, out, _ = zoo("run", chain)
    assert code == 0
    return out


def test_a_chain_from_end_to_end(ran, read, chain, zoo):
    """One run of the chain, and everything that is to hold of it."""
    assert read and not any("lr=" in folder for folder in read)
    _the_table_holds_the_measured_figures(ran)
    _each_release_names_its_parent()
    _the_best_of_each_group_is_selected_by_validation()
    _only_selected_releases_were_tested()
    before = releases()
    _a_second_time_everything_is_skipped(chain, zoo)
    _a_changed_key_reruns_its_stage_and_what_is_built_on_it(chain, zoo)
    _the_old_key_gives_the_old_weights(chain, zoo, before)
    _forced_is_rerun(chain, zoo)
    _the_plan_tells_measured_seconds(chain, zoo)


def _the_table_holds_the_measured_figures(out):
    text = Path("runs/chain/report/few_shot.csv").read_text()
    table = list(csv.DictReader(text.splitlines()))
    assert [(row["arm"], row["examples"]) for row in table] == [
        ("zero", "0"),
        ("tuned", "4"),
        ("tuned", "8"),
        ("scratch", "4"),
        ("scratch", "8"),
    ]
    for row in table[1:]:
        folder = Path(row["release"])
        stated = {f["name"]: f["value"] for f in release.figures(folder)}
        assert float(row["test/relative_l2"]) == pytest.approx(stated["test/relative_l2"])
    ratio = float(table[3]["test/relative_l2"]) / float(table[1]["test/relative_l2"])
    assert f"{ratio:.2f}" in out
    for name in ("few_shot.md", "few_shot.png", "prediction.png"):
        assert f"runs/chain/report/{name}" in out and Path("runs/chain/report", name).is_file()
    assert "pretrained model on its own test data" in out


def _each_release_names_its_parent():
    parent = release.describe(CHAIN / "pretrain" / "release")["sha256"]
    for limit in (4, 8):
        child = release.describe(CHAIN / "tuned" / "selected" / f"limit={limit}" / "release")
        assert [one["sha256"] for one in child["lineage"]] == [parent]
        scratch = release.describe(CHAIN / "scratch" / "selected" / f"limit={limit}" / "release")
        assert scratch["lineage"] == []


def _the_best_of_each_group_is_selected_by_validation():
    for limit in (4, 8):
        found = {}
        for rate in (0.01, 0.0001):
            folder = CHAIN / "tuned" / f"limit={limit},lr={rate}"
            found[rate] = figures(folder)["validation/relative_l2"], folder
        best = min(found, key=lambda rate: found[rate][0])
        place = CHAIN / "tuned" / "selected" / f"limit={limit}"
        picked = json.loads((place / "picked.json").read_text())
        assert picked["chosen"] == {"model.optimizer.init_args.lr": best}
        ours, theirs = (f / "release" / "model.safetensors" for f in (place, found[best][1]))
        assert ours.read_bytes() == theirs.read_bytes()


def _only_selected_releases_were_tested():
    tested = {str(path.parent.relative_to(CHAIN)) for path in CHAIN.rglob("test.json")}
    chosen = {f"{stage}/selected/limit={n}" for stage in ("tuned", "scratch") for n in (4, 8)}
    assert tested == chosen | {"pretrain", "zero"}


def _a_second_time_everything_is_skipped(chain, zoo):
    stamps = {path: path.stat().st_mtime_ns for path in CHAIN.rglob("*.safetensors")}
    code, out, _ = zoo("run", chain)
    assert code == 0
    assert out.count("done before") == 10
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def _a_changed_key_reruns_its_stage_and_what_is_built_on_it(chain, zoo):
    code, out, _ = zoo("run", chain, "--set", "pretrain.trainer.max_epochs=3")
    assert code == 0
    again = [
        line for line in out.splitlines() if line.startswith("[") and "done before" not in line
    ]
    assert len(again) == 6  # pretrain, zero and four fine-tunings, but nothing from scratch
    assert not any("scratch" in line for line in again)


def _the_old_key_gives_the_old_weights(chain, zoo, before):
    assert zoo("run", chain)[0] == 0
    assert releases() == before


def _forced_is_rerun(chain, zoo):
    _, out, _ = zoo("run", chain, "--force", "zero")
    assert [line for line in out.splitlines() if "zero" in line and "done before" in line] == []
    assert out.count("done before") == 9


def _the_plan_tells_measured_seconds(chain, zoo):
    code, out, _ = zoo("run", chain, "--plan", "--set", "scratch.trainer.max_epochs=3")
    assert code == 0
    assert out.count("to do, ") == 4 and out.count("s measured\n") == 10
    assert "pretrain: done" in out


@pytest.mark.slow
def test_the_printed_commands_do_the_same_by_hand(chain, zoo, here):
    only = ["--set", "tuned.data.init_args.limit=4", "--set", "scratch.trainer.max_epochs=1"]
    only += ["--set", "scratch.model.optimizer.init_args.lr=0.01"]
    content = yaml.safe_load(Path(chain).read_text())
    del content["report"]
    chain = write(chain, content)
    code, out, _ = zoo("run", chain, "--print", "--out", "runs/hand", *only)
    assert code == 0
    for line in out.splitlines():
        words = shlex.split(line, comments=True)
        if words:
            assert words[0] == "zoo"
            assert zoo(*words[1:])[0] == 0, line
    assert zoo("run", chain, *only)[0] == 0
    hand, chained = releases(here / "runs" / "hand"), releases()
    assert hand == chained
    assert len(hand) == 8  # 5 fits and 3 selected copies
    for name in ("tuned/selected", "scratch/selected/limit=4"):
        one, two = (figures(here / "runs" / run / name) for run in ("hand", "chain"))
        assert one["test/relative_l2"] == two["test/relative_l2"]


def test_two_processes_give_the_same_weights_as_one(here, zoo, chain):
    content = yaml.safe_load(Path(chain).read_text())
    content = {"stages": {"scratch": content["stages"]["scratch"]}}
    del content["stages"]["scratch"]["select"]
    content["stages"]["scratch"]["matrix"]["data.init_args.limit"] = [4]
    short = write(here / "short.yaml", content)
    assert zoo("run", short, "--out", "one")[0] == 0
    assert zoo("run", short, "--out", "two", "--jobs", "2")[0] == 0
    assert releases(here / "one") == releases(here / "two")


def test_one_value_may_go_to_several_keys(here, chain):
    content = yaml.safe_load(Path(chain).read_text())
    content["stages"]["tuned"]["matrix"] = {"seed_everything data.init_args.seed": [3]}
    del content["stages"]["tuned"]["select"], content["report"]
    made = recipes.read(write(here / "seeds.yaml", content))
    run = made.runs(made.stage("tuned"))[0]
    assert run.options()["seed_everything"] == run.options()["data.init_args.seed"] == 3
    assert run.folder.name == "seed_everything=3"


WRONG = {
    "key of the chain": (lambda c: c.update(stage={}), "'stages'"),
    "key of a stage": (lambda c: c["stages"]["zero"].update(use={}), "'uses'"),
    "parent": (
        lambda c: c["stages"]["zero"].update(uses={"model.init_from": "pretrian"}),
        "'pretrain'",
    ),
    "recipe": (lambda c: c["stages"]["zero"].update(recipe="few.yml"), "'few.yaml'"),
    "selection": (
        lambda c: c["stages"]["tuned"]["select"].update(over=["model.optimizer.init_args.lrr"]),
        "init_args.lr'",
    ),
    "selection by test data": (
        lambda c: c["stages"]["tuned"]["select"].update(by="test/relative_l2"),
        "validation",
    ),
    "key of a recipe": (
        lambda c: c["stages"]["scratch"].update(set={"model.net.init_args.widht": 3}),
        "'width'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_chain_is_told_before_anything_runs(case, chain, zoo, here):
    change, right = WRONG[case]
    content = yaml.safe_load(Path(chain).read_text())
    change(content)
    code, _, err = zoo("run", write(here / "wrong.yaml", content))
    assert code == 2
    assert right in err and len(err.strip().splitlines()) <= 5
    assert "wrong.yaml" in err
    assert not Path("runs/wrong/pretrain").exists()


def test_two_chains_do_not_work_in_one_folder(chain, zoo):
    from filelock import FileLock

    CHAIN.mkdir(parents=True)
    with FileLock(CHAIN / ".lock"):
        code, _, err = zoo("run", chain)
    assert code == 2 and "another zoo run" in err


def test_a_folder_that_no_chain_made_is_left_alone(chain, zoo):
    (CHAIN / "pretrain").mkdir(parents=True)
    (CHAIN / "pretrain" / "thesis.tex").write_text("all of it")
    code, _, err = zoo("run", chain)
    assert code == 2 and "no chain has made" in err
    assert (CHAIN / "pretrain" / "thesis.tex").read_text() == "all of it"


def test_a_parent_that_is_not_one_result_is_refused(here, chain):
    content = yaml.safe_load(Path(chain).read_text())
    content["stages"]["zero"]["uses"] = {"model.init_from": "pretrain"}
    content["stages"]["pretrain"]["matrix"] = {"seed_everything": [0, 1]}
    made = recipes.read(write(here / "two.yaml", content))
    with pytest.raises(Mistake, match="2 results of 'pretrain' fit"):
        made.runs(made.stage("zero"))
