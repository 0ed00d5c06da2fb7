"""L-BFGS in a run: the steps of a plain loop, on any number of ranks, killed or not."""

import csv
import json
import os
import signal
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from tests.cli.conftest import data as described
from tests.cli.conftest import recipe, write
from tests.task.full_batch import (
    WOLFE,
    Evaluated,
    cloud,
    data,
    derl,
    ended,
    forked,
    port,
    ranked,
    task,
    trainer,
)
from zoo.cli import main
from zoo.objectives.supervised import Supervised
from zoo.task_lbfgs import SecondOrder


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Three steps of four iterations, and the training terms after each."""
    from lightning.pytorch import Callback

    logged = []

    class Told(Callback):
        def on_train_batch_end(self, trainer, pl_module, *rest):
            logged.append({"step": trainer.global_step, **trainer.callback_metrics})

    folder = tmp_path_factory.mktemp("run")
    run = task(objective=Evaluated())
    made = trainer(folder, callbacks=[Told()])
    made.fit(run, data())
    return run, made, logged


@pytest.fixture(scope="module")
def plain(fitted, tmp_path_factory):
    """The same three steps in a loop of a few lines."""
    run = task(objective=Evaluated())
    trainer(tmp_path_factory.mktemp("plain"), 0).fit(run, data())
    firsts = []
    optimizer = WOLFE(run.parameters())

    def closure(batch):
        optimizer.zero_grad()
        loss = run.objective(run.net, batch)["loss"]
        loss.backward()
        return loss

    for batch in fitted[0].objective.batches:
        firsts.append(float(optimizer.step(partial(closure, batch)).detach()))
    return run, firsts


def test_its_weights_are_those_of_a_plain_loop(fitted, plain):
    assert_close(fitted[0].net.state_dict(), plain[0].net.state_dict(), rtol=0, atol=0)


def test_a_step_is_one_step_however_often_it_evaluates(fitted):
    _, made, logged = fitted
    assert made.global_step == 3
    assert [entry["step"] for entry in logged] == [1, 2, 3]


def test_every_evaluation_is_counted(fitted, plain):
    run, _, _ = fitted
    assert run.evaluations == len(run.objective.losses) == len(plain[0].objective.losses) > 9


def test_the_loss_that_is_logged_is_that_at_the_start_of_the_step(fitted, plain):
    _, made, _ = fitted
    last = float(made.callback_metrics["train/loss"])
    assert last == pytest.approx(plain[1][-1], rel=1e-6)
    assert last != pytest.approx(plain[0].objective.losses[-1], rel=1e-3)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_the_learning_rate_follows_the_schedule_by_steps_not_evaluations(schedule, tmp_path):
    rates = []

    class Watched(Supervised):
        def forward(self, model, batch):
            rates.append(run.run.optimizers[0].param_groups[0]["lr"])
            return super().forward(model, batch)

    run = task(objective=Watched(), schedule=schedule)
    trainer(tmp_path, 2).fit(run, data())
    assert list(dict.fromkeys(rates)) == pytest.approx(
        {"constant": [1], "cosine": [1, 0.5], "linear": [1, 0.5]}[schedule]
    )
    assert len(rates) == run.evaluations > 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gradient_clip_val": 1.0}, "gradient_clip_val=1.0.*leave it out"),
        ({"accumulate_grad_batches": 2}, "accumulate_grad_batches=2.*set it to 1"),
        ({"precision": "bf16-mixed"}, "precision=bf16-mixed.*use 32-true"),
    ],
)
def test_what_changes_the_function_between_evaluations_is_refused(options, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        trainer(tmp_path, **options).fit(task(), data())


def test_batches_smaller_than_the_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"3 different batches.*set the data's batch_size"):
        trainer(tmp_path).fit(task(), data(batch_size=3))


def test_every_evaluation_of_a_step_draws_the_same_numbers(tmp_path):
    draws = []

    class Noisy(Supervised):
        def forward(self, model, batch):
            draws.append(float(torch.rand(())))
            return super().forward(model, batch)

    trainer(tmp_path, 3).fit(task(objective=Noisy()), data())
    assert len(draws) > 9 and len(set(draws)) == 3


def test_a_trial_that_is_not_finite_is_rejected_by_the_line_search():
    # a first step of 100 from 30 leaves the domain of w - log w
    w = torch.tensor([30.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([w], lr=100, max_iter=40, line_search_fn="strong_wolfe")
    tried = []

    def closure():
        optimizer.zero_grad()
        loss = (w - w.log()).sum()
        loss.backward()
        tried.append(float(loss.detach()))
        return loss

    optimizer.step(SecondOrder(optimizer).closure(closure))
    assert not all(map(torch.isfinite, map(torch.tensor, tried)))
    assert_close(w.detach(), torch.tensor([1.0]), rtol=1e-3, atol=1e-3)


def _rank(rank, where, folder, precision, make, batches):
    run = make()
    options = {**ranked(rank, where), "precision": precision}
    trainer(folder, **options).fit(run, batches())
    torch.save(run.net.state_dict(), folder / f"{rank}.pt")


# in both, two ranks share a batch unevenly
@pytest.mark.parametrize(
    ("precision", "make", "batches", "tolerance"),
    [("32-true", task, data, 1e-5), ("64-true", derl, cloud, 1e-10)],
)
def test_two_processes_equal_one(precision, make, batches, tolerance, tmp_path):
    one = make()
    trainer(tmp_path, precision=precision).fit(one, batches())
    where = port()
    ranks = [forked(_rank, rank, where, tmp_path, precision, make, batches) for rank in range(2)]
    assert [ended(child) for child in ranks] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert_close(first, second, rtol=0, atol=0)
    assert_close(first, one.net.state_dict(), rtol=tolerance, atol=tolerance)


class Killed(Evaluated):
    """Kills its process at the second evaluation of a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, model, batch):
        if len(self.batches) == self.step and batch is self.batches[-1]:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(model, batch)


def _run(folder, objective, **options):
    run = task(objective=objective)
    given = {"max_epochs": 4, "check_val_every_n_epoch": 2, "limit_val_batches": 1}
    trainer(folder, -1, last=True, **given).fit(run, data(), **options)
    return run


@pytest.fixture(scope="module")
def whole(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, _run(folder, Evaluated())


# the third step goes on from a validation's checkpoint, the fourth from one between validations
@pytest.mark.parametrize("step", [3, 4])
def test_killed_in_a_line_search_it_ends_in_the_same_weights(step, whole, tmp_path):
    assert ended(forked(_run, tmp_path, Killed(step))) == -signal.SIGKILL
    torch.manual_seed(99)
    objective, path = Evaluated(), str(tmp_path / "checkpoints" / "last.ckpt")
    resumed = _run(tmp_path, objective, ckpt_path=path, weights_only=True)
    assert len(objective.batches) == 5 - step
    assert resumed.evaluations == len(whole[1].objective.losses)
    assert_close(resumed.net.state_dict(), whole[1].net.state_dict(), rtol=0, atol=0)


def test_the_history_of_steps_is_in_the_checkpoint(whole):
    path = whole[0] / "checkpoints" / "last.ckpt"
    (state,) = torch.load(path, weights_only=True)["optimizer_states"][0]["state"].values()
    assert len(state["old_dirs"]) == len(state["old_stps"]) == 5  # history_size
    assert state["n_iter"] > 5 and state["func_evals"] > state["n_iter"]


def test_a_recipe_names_it_and_its_evaluations_are_logged_and_recorded(tmp_path):
    options = {"lr": 1, "max_iter": 3, "history_size": 100, "line_search_fn": "strong_wolfe"}
    block = {"class_path": "torch.optim.LBFGS", "init_args": options}
    content = recipe(epochs=4, data=described(batch_size=10, train=10))
    content["model"]["optimizer"] = block
    content["trainer"]["log_every_n_steps"] = 2
    path = write(tmp_path / "second.yaml", content)
    assert main(["fit", "-c", path, "--trainer.default_root_dir", str(tmp_path / "run")]) == 0
    (log,) = (tmp_path / "run" / "csv").glob("*/metrics.csv")
    table = csv.DictReader(log.read_text().splitlines())
    rows = [row for row in table if row["train/evaluations"]]
    counts = [float(row["train/evaluations"]) for row in rows]
    told = json.loads((tmp_path / "run" / "figures.json").read_text())["fit"]
    assert [int(row["step"]) for row in rows] == [1, 3] and all(row["train/loss"] for row in rows)
    assert 6 <= counts[0] < counts[1] == told["evaluations"] == told["figures"]["train/evaluations"]
    assert told["steps"] == 4


def test_points_that_are_all_in_every_batch_may_fill_an_epoch_with_several(tmp_path):
    run = derl()
    trainer(tmp_path, 4).fit(run, cloud(steps_per_epoch=2))
    assert run.evaluations > run.global_step == 4
