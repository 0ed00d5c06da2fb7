"""A pretext task in a run: its own terms are measured, and its body is released."""

import json
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from tests.task.test_task import trainer
from zoo import release
from zoo.data.mixture import Mixture
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline, Window
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.objectives.masked import Masked
from zoo.objectives.time_sort import TimeSort
from zoo.pde.advection import Advection
from zoo.pde.heat import Heat
from zoo.task import Task


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def data(window, **options):
    sets = [
        Trajectories(e, 16, timeline=Timeline(14, 0.02), train=12, validation=6, test=6)
        for e in (Heat(), Advection())
    ]
    return Mixture(sets, batch_size=6, seed=0, window=window, hide_coefficients=True, **options)


def task(**options):
    made = {"net": lambda face: FNO(face, Affine(), width=6, modes=3, layers=2)}
    made = {} if "init_from" in options else made
    return Task(**{**made, "optimizer": partial(torch.optim.Adam, lr=3e-3), **options})


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretext")
    torch.manual_seed(0)
    run = trainer(folder)
    run.fit(task(objective=TimeSort()), data(Window(history=8, start="random")))
    return folder / "release", {k: float(v) for k, v in run.callback_metrics.items()}


def test_its_own_loss_and_accuracy_are_measured_and_told(pretrained):
    folder, logged = pretrained
    told = {entry["name"]: entry for entry in json.loads((folder / "metrics.json").read_text())}
    assert set(told) == {"validation/loss", "validation/accuracy"}
    assert told["validation/loss"]["n"] == 12 and not told["validation/loss"]["remeasure"]
    assert told["validation/loss"]["value"] <= logged["validation/loss"] + 1e-9
    assert 0 <= told["validation/accuracy"]["value"] <= 1


def test_the_released_body_says_that_it_must_be_fine_tuned(pretrained):
    folder, _ = pretrained
    config = release.describe(folder)
    assert config["about"]["objective"] == "TimeSort"
    assert "fine-tuned" in config["about"]["summary"]
    text = (folder / "README.md").read_text()
    assert "init_from" in text


def test_validation_corrupts_the_same_way_every_time_and_leaves_training_alone():
    made = task(objective=Masked())
    module = data(Window(history=8, start="random"))
    torch.manual_seed(0)
    run = trainer("unused", steps=1, limit_val_batches=0, fast_dev_run=True)
    run.fit(made, module)
    batch = next(iter(module.val_dataloader()))
    before = torch.get_rng_state()
    values = []
    for _ in range(2):
        made.validation_step(batch, 3)
        values.append(float(made.terms.compute()["loss"]))
        made.terms.reset()
    assert values[0] == values[1]
    assert torch.equal(before, torch.get_rng_state())


def test_a_body_starts_a_forecaster_that_looks_further_ahead(pretrained, tmp_path):
    folder, _ = pretrained
    torch.manual_seed(1)
    made = task(init_from=str(folder))
    run = trainer(tmp_path, steps=2, val_check_interval=2)
    run.fit(made, data(Window(history=8, offset=6)))
    body, tuned = (release.load(where) for where in (folder, tmp_path / "release"))
    assert tuned.interface.offset == 6 and tuned.interface.dt == 0.02
    assert_close(tuned.normaliser.inputs_mean, body.normaliser.inputs_mean)
    assert [step["stage"] for step in release.describe(tmp_path / "release")["lineage"]] == [
        "init_from"
    ]
    told = json.loads((tmp_path / "release" / "metrics.json").read_text())
    assert {"validation/heat/relative_l2", "validation/relative_l2"} <= {e["name"] for e in told}
    assert all(e["trivial"] > 0 for e in told)


def test_persistence_is_among_the_trivial_predictors():
    from zoo.metrics.trivial import trivial
    from zoo.ops.norms import relative_l2

    module = data(Window(history=8, offset=6))
    train, test = (module.split(name)[0] for name in ("train", "test"))
    scores = trivial(module.sets[0], train, test, [0])
    want = float(relative_l2(test.frames[:, 7:8].double(), test.frames[:, 13:14].double()).mean())
    assert scores["persistence"] == pytest.approx(want, rel=1e-6)
