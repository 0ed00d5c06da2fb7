"""Averages of weights, early stopping, accumulation and low precision, each beside a plain loop."""

from functools import partial

import pytest
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    WeightAveraging,
)
from torch.testing import assert_close

import zoo
from tests.task.tuned import ADAM, SGD, data, fitted, released, run
from zoo import release
from zoo.models.parts.low_rank import merged
from zoo.objectives.supervised import Supervised
from zoo.task_tuning import Adapters


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setattr("zoo.task_release._picture", lambda task, model: None)  # a second for each
    yield
    patch.undo()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return released(tmp_path_factory.mktemp("start") / "small")


class Trail(Callback):
    """The weights after each step, and the first figure of each validation."""

    def __init__(self):
        self.weights, self.figures = [], []

    def on_train_batch_end(self, trainer, pl_module, *rest):
        state = pl_module.net.state_dict()
        self.weights.append({name: x.clone() for name, x in state.items()})

    def on_validation_end(self, trainer, pl_module):
        self.figures.append(float(trainer.callback_metrics["validation/relative_l2"]))


def moving(trail, decay):
    """The exponential moving average after each step, by its definition."""
    found = [trail.weights[0]]
    for new in trail.weights[1:]:
        old = found[-1]
        found.append({name: decay * old[name] + (1 - decay) * new[name] for name in new})
    return found


def error(model):
    """The validation figure, by its definition."""
    values = []
    for batch in data().val_dataloader():
        with torch.no_grad():
            off = (model(batch["u"], batch["p"]) - batch["y"]).flatten(1).norm(dim=1)
        values += (off / batch["y"].flatten(1).norm(dim=1)).tolist()
    return sum(values) / len(values)


def loaded(start, state):
    model = zoo.from_pretrained(start)
    model.load_state_dict(state)
    return model


@pytest.fixture(scope="module")
def averaged(start, tmp_path_factory):
    folder, trail = tmp_path_factory.mktemp("averaged"), Trail()
    tuning = {"average": 0.7, "freeze": ["spectral.0"]}
    task = fitted(folder, run(start, tuning=tuning), 6, callbacks=[trail])
    return folder, task, trail


def test_validation_measures_the_averaged_weights(averaged, start):
    means = moving(averaged[2], 0.7)
    wanted = [error(loaded(start, means[step])) for step in (1, 3, 5)]
    assert averaged[2].figures == pytest.approx(wanted, rel=1e-5)
    themselves = [error(loaded(start, averaged[2].weights[step])) for step in (1, 3, 5)]
    assert averaged[2].figures != pytest.approx(themselves, rel=1e-2)


def test_the_release_holds_the_average_that_validated_best(averaged, start):
    folder, _, trail = averaged
    best = min(range(3), key=trail.figures.__getitem__)
    wanted = moving(trail, 0.7)[2 * best + 1]
    found = zoo.from_pretrained(folder / "release").state_dict()
    assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    figures = {e["name"]: e["value"] for e in release.figures(folder / "release")}
    assert figures["validation/relative_l2"] == pytest.approx(trail.figures[best])


def test_averages_of_what_does_not_learn_are_it_bit_by_bit(averaged, start):
    found = zoo.from_pretrained(averaged[0] / "release").state_dict()
    old = zoo.from_pretrained(start).state_dict()
    still = {name for name in old if name.startswith(("spectral.0", "normaliser"))}
    assert len(still) == 2 + 6 and all(torch.equal(found[name], old[name]) for name in still)
    assert not torch.equal(found["spectral.1.weight"], old["spectral.1.weight"])


def test_the_weights_themselves_go_on_as_without_an_average(averaged, start, tmp_path):
    trail = Trail()
    tuning = {"freeze": ["spectral.0"]}
    fitted(tmp_path, run(start, tuning=tuning), 6, callbacks=[trail])
    for found, wanted in zip(averaged[2].weights, trail.weights, strict=True):
        assert_close(found, wanted, rtol=0, atol=0)


def test_without_a_validation_the_last_average_is_released(start, tmp_path):
    trail = Trail()
    task = run(start, tuning={"average": 0.7, "freeze": ["body"]})
    fitted(tmp_path, task, 3, callbacks=[trail], limit_val_batches=0)
    found = zoo.from_pretrained(tmp_path / "release").state_dict()
    assert_close(found, moving(trail, 0.7)[-1], rtol=1e-5, atol=1e-6)
    old = zoo.from_pretrained(start).state_dict()
    assert torch.equal(found["bypass.0.weight"], old["bypass.0.weight"])


@pytest.mark.parametrize("kind", [EMAWeightAveraging, WeightAveraging])
def test_lightnings_own_callbacks_of_a_trainer_do_the_same(kind, start, tmp_path):
    """Also with their defaults, which average buffers too."""
    trail = Trail()
    given = {"decay": 0.7} if kind is EMAWeightAveraging else {}
    task = run(start, tuning={"freeze": ["hidden"]})
    fitted(tmp_path, task, 4, callbacks=[trail, kind(**given)])
    if kind is EMAWeightAveraging:
        means = moving(trail, 0.7)
    else:
        heaps = [trail.weights[: i + 1] for i in range(4)]
        means = [{n: sum(w[n] for w in heap) / len(heap) for n in heap[0]} for heap in heaps]
    wanted = [error(loaded(start, means[step])) for step in (1, 3)]
    assert trail.figures == pytest.approx(wanted, rel=1e-5)
    best = min(range(2), key=trail.figures.__getitem__)
    found = zoo.from_pretrained(tmp_path / "release").state_dict()
    assert_close(found, means[2 * best + 1], rtol=1e-5, atol=1e-6)
    old = zoo.from_pretrained(start).state_dict()
    for name in ("hidden.weight", "normaliser.inputs_mean", "normaliser.outputs_std"):
        assert torch.equal(found[name], old[name]), name


def test_averages_of_low_rank_changes_are_merged_like_any_other(start, tmp_path):
    trail = Trail()
    task = run(start, tuning={"average": 0.7, "low_rank": Adapters(rank=2)})
    fitted(tmp_path, task, 4, callbacks=[trail])
    best = min(range(2), key=trail.figures.__getitem__)
    wanted = merged(task.net, moving(trail, 0.7)[2 * best + 1])
    found = zoo.from_pretrained(tmp_path / "release")
    assert_close(found.state_dict(), wanted, rtol=1e-5, atol=1e-6)
    assert trail.figures[best] == pytest.approx(error(found), rel=1e-5)


def uphill(*parameters):
    """Every step is a worse one."""
    return torch.optim.SGD(*parameters, lr=0.01, maximize=True)


@pytest.mark.parametrize("patience", [1, 3])
def test_a_run_without_a_better_validation_stops_after_its_patience(patience, start, tmp_path):
    trail = Trail()
    task = run(start, uphill, tuning={"patience": patience})
    fitted(tmp_path, task, 20, callbacks=[trail])
    assert task.global_step == 2 * (1 + patience) and trail.figures == sorted(trail.figures)
    found = zoo.from_pretrained(tmp_path / "release").state_dict()
    assert_close(found, trail.weights[1], rtol=0, atol=0)


def test_lightnings_own_early_stopping_stops_it_too(start, tmp_path):
    stop = EarlyStopping("validation/relative_l2", patience=2, check_on_train_epoch_end=False)
    task = fitted(tmp_path, run(start, uphill), 20, callbacks=[stop])
    assert task.global_step == 2 * 3


def test_a_run_that_gets_better_is_not_stopped(start, tmp_path):
    trail = Trail()
    task = run(start, partial(torch.optim.Adam, lr=1e-3), tuning={"patience": 1})
    fitted(tmp_path, task, 10, callbacks=[trail])
    assert task.global_step == 10 and trail.figures == sorted(trail.figures)[::-1]


class Seen(Supervised):
    """Keeps the batches that a training sees."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def forward(self, model, batch):
        if torch.is_grad_enabled():
            self.batches.append(batch)
        return super().forward(model, batch)


def test_accumulated_batches_make_one_step_of_their_mean_gradient(start, tmp_path):
    objective = Seen()
    task = run(start, ADAM, objective=objective, schedule="linear", tuning={"average": 0.5})
    trail = Trail()
    fitted(tmp_path, task, 2, callbacks=[trail], accumulate_grad_batches=2, limit_val_batches=0)
    assert task.global_step == 2 and len(objective.batches) == 4
    net = zoo.from_pretrained(start).train()
    optimizer, states = ADAM(net.parameters()), []
    for step, pair in enumerate((objective.batches[:2], objective.batches[2:])):
        optimizer.zero_grad()
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - step / 2)
        for batch in pair:
            (Supervised()(net, batch)["loss"] * batch["weight"] / 2).backward()
        optimizer.step()
        states.append({name: x.clone() for name, x in net.state_dict().items()})
    assert_close(trail.weights[-1], states[-1], rtol=1e-5, atol=1e-6)
    mean = {n: 0.5 * states[0][n] + 0.5 * states[1][n] for n in states[0]}
    found = zoo.from_pretrained(tmp_path / "release").state_dict()
    assert_close(found, mean, rtol=1e-5, atol=1e-6)  # an average of steps, not of batches


@pytest.mark.parametrize("low_rank", [None, Adapters(rank=2)])
def test_in_low_precision_steps_are_those_of_a_loop_under_autocast(low_rank, start, tmp_path):
    objective = Seen()
    task = run(start, SGD, objective=objective, tuning={"low_rank": low_rank})
    fitted(tmp_path, task, 2, precision="bf16-mixed", limit_val_batches=0)
    other = run(start, SGD, tuning={"low_rank": low_rank})
    fitted(tmp_path / "still", other, 0)
    net, plain = other.net.train(), [x.clone() for x in other.net.parameters()]
    optimizer = SGD([p for p in net.parameters() if p.requires_grad])
    for batch in objective.batches:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = Supervised()(net, batch)["loss"] * batch["weight"]
        loss.backward()
        optimizer.step()
    assert_close(task.net.state_dict(), net.state_dict(), rtol=1e-6, atol=1e-7)
    assert any(not torch.equal(a, b) for a, b in zip(plain, net.parameters(), strict=True))
    exact = run(start, SGD, tuning={"low_rank": low_rank})
    fitted(tmp_path / "exact", exact, 2, limit_val_batches=0)
    pairs = zip(task.net.parameters(), exact.net.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    model = zoo.from_pretrained(tmp_path / "release")
    assert {x.dtype for x in model.state_dict().values()} == {torch.float32}
