"""A run that diverges stops, names what broke, and keeps what it had before."""

import re
from functools import partial

import pytest
import torch

from tests.cli.conftest import recipe, write
from tests.task.full_batch import Evaluated, data, ended, forked, port, ranked, task, trainer
from zoo.cli import main
from zoo.metrics.relative_l2 import RelativeL2
from zoo.objectives.supervised import Supervised
from zoo.task_finite import Diverged, Watch
from zoo.task_measure import keep_best

HOT = partial(torch.optim.SGD, lr=1e8)
"""Overflows float32 after a few steps of an FNO."""


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def diverge(folder, optimizer=HOT, **options):
    """The error of a run that diverges, and the losses of its steps."""
    run = task(optimizer, objective=Evaluated())
    with pytest.raises(Diverged) as error:
        trainer(folder, 30, last=True, **options).fit(run, data())
    return str(error.value), run.objective.losses


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diverged")
    return folder, *diverge(folder, limit_val_batches=1, log_every_n_steps=10)


def test_the_error_names_the_first_step_whose_loss_is_not_finite(diverged):
    _, told, losses = diverged
    finite = torch.tensor(losses).isfinite().tolist()
    named = re.search(r"diverged at step (\d+), not finite: (.*?); lower", told)
    assert named and int(named[1]) == finite.index(False) and finite.index(True) == 0


def test_the_error_names_the_remedy_and_the_last_checkpoint(diverged):
    folder, told, _ = diverged
    assert "lr=1e+08" in told and "strong_wolfe" in told and "Adam" in told
    assert told.endswith(f"the last finite state is in {folder / 'checkpoints' / 'last.ckpt'}")


def test_the_last_checkpoint_is_finite(diverged):
    folder, _, _ = diverged
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] > 0
    assert all(bool(value.isfinite().all()) for value in state["state_dict"].values())


def test_a_diverged_run_releases_nothing(diverged):
    assert not (diverged[0] / "release").exists()


def test_lbfgs_without_a_line_search_stops_at_the_step_that_broke_the_weights(tmp_path):
    bare = partial(torch.optim.LBFGS, lr=3, max_iter=20)
    told, losses = diverge(tmp_path, bare)
    assert "diverged at step 0, not finite: loss = nan, the weights after it" in told
    assert told.endswith("no checkpoint had been written yet") and losses[0] < 2


def test_the_command_fails_in_one_sentence(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": 1e8}}
    content = recipe(epochs=5)
    content["model"]["optimizer"] = sgd
    code = main(["fit", "-c", write("hot.yaml", content)])
    _, told = capfd.readouterr()
    assert code == 1 and "zoo fit: diverged at step" in told and "Traceback" not in told
    assert not (tmp_path / "runs" / "hot" / "release").exists()


class Told(Supervised):
    """A second term that is not finite, at every step; the loss is, until a step."""

    def __init__(self, until=99):
        super().__init__()
        self.until, self.steps = until, 0

    def forward(self, model, batch):
        self.steps += 1
        broken = torch.tensor(torch.nan)
        loss = super().forward(model, batch)["loss"]
        return {"loss": loss if self.steps <= self.until else broken * loss, "accuracy": broken}


def test_another_term_than_the_loss_may_be_no_number(tmp_path):
    run = task(partial(torch.optim.SGD, lr=1e-3), objective=Told())
    trainer(tmp_path, 3).fit(run, data())
    assert run.global_step == 3


def test_losses_are_looked_at_when_logs_are_written_and_not_at_each_step(tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr(Watch, "look", lambda self, task, weights: looks.append(task.global_step))
    options = {"log_every_n_steps": 4, "max_epochs": 1}
    trainer(tmp_path, -1, **options).fit(
        task(partial(torch.optim.SGD, lr=1e-3)), data(batch_size=1)
    )
    # after steps 4 of 7, at the epoch's end, before the release
    assert looks == [4, 7, 7]


def test_a_validation_figure_that_is_no_number_never_wins():
    run = task()
    run._measured = [(run.measures[0], {})]
    keep_best(run, {"relative_l2": float("nan")})
    assert run._best is None


class Overflown(RelativeL2):
    """What a rollout gives that always overflows."""

    def compute(self):
        return {
            name: torch.full_like(value, torch.inf) for name, value in super().compute().items()
        }


def test_weights_whose_validation_never_was_finite_are_not_released(tmp_path):
    run = task(partial(torch.optim.SGD, lr=1e-3), metrics=[Overflown()])
    with pytest.raises(ValueError, match=r"relative_l2 is inf and never was finite.*released"):
        trainer(tmp_path, 2, limit_val_batches=1).fit(run, data())
    assert not (tmp_path / "release").exists()


def _rank(rank, where, folder):
    run = task(partial(torch.optim.SGD, lr=1e-3), objective=Told(until=99 if rank == 0 else 1))
    with pytest.raises(Diverged) as error:
        trainer(folder, 6, **{"log_every_n_steps": 2, **ranked(rank, where)}).fit(run, data())
    (folder / f"{rank}.txt").write_text(str(error.value))


def test_all_ranks_stop_at_the_step_that_broke_on_one_of_them(tmp_path):
    where = port()
    ranks = [forked(_rank, rank, where, tmp_path) for rank in range(2)]
    assert [ended(child) for child in ranks] == [0, 0]
    texts = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    assert "diverged at step 1, not finite: the loss on another rank; " in texts[0]
    assert "diverged at step 1, not finite: loss = nan, accuracy = nan; " in texts[1]
