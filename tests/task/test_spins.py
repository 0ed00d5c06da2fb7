"""Spins from data to a release: a sampler learned from lattices, an energy from the sampler."""

import json
from functools import partial

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from tests.task.full_batch import trainer
from zoo import from_pretrained, release
from zoo.data.spins.drawing import Drawing
from zoo.data.spins.spins import Spins
from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.rnn import RNN
from zoo.objectives.consistency import Consistency
from zoo.objectives.joint_consistency import JointConsistency
from zoo.objectives.label_mixture import LabelMixture
from zoo.objectives.likelihood import Likelihood
from zoo.spin.ising import Ising
from zoo.task import Task
from zoo.verify import measure

ADAM = partial(torch.optim.Adam, lr=2e-2)


class Losses(Callback):
    """Keeps the loss of every step."""

    def __init__(self):
        self.found = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.found.append(float(outputs["loss"]))


def data(**given):
    drawing = Drawing(chains=128)
    options = {"temperature": 4.0, "count": 4000, "batch_size": 200, "evaluation": 1000}
    return Spins(Ising(), (4, 4), drawing=drawing, **{**options, **given})


def fitted(folder, net, objective, steps):
    torch.manual_seed(0)
    task = Task(net=net, objective=objective, optimizer=ADAM)
    run = trainer(folder, steps, limit_val_batches=1.0)
    run.fit(task, data())
    again = Task(init_from=str(folder / "release"), objective=objective)
    trainer(folder, steps).test(again, data(), verbose=False)
    entries = json.loads((folder / "release" / "metrics.json").read_text())
    values = {entry["name"]: entry for entry in entries}
    return from_pretrained(str(folder / "release")), values


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder, patch = tmp_path_factory.mktemp("spins"), pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(folder / "cache"))
    sampler = fitted(folder / "rnn", lambda face: RNN(face, hidden=12), Likelihood(), 120)
    objective = Consistency(from_pretrained(str(folder / "rnn" / "release")), LabelMixture())
    energy = fitted(folder / "ednn", lambda face: EDNN(face, hidden=(16,)), objective, 60)
    yield sampler, energy
    patch.undo()


def test_a_sampler_learns_the_distribution(chain):
    _, values = chain[0]
    kl = values["validation/kl"]
    assert 0 < kl["value"] < 0.3 * kl["trivial"]
    assert list(kl["trivials"]) == ["independent spins"]
    assert values["validation/kl_error"]["trivial"] is None


def test_a_test_measures_likelihood_bound_and_energy(chain):
    values = chain[0][1]
    gap, error = (values[f"test/free_energy_gap{end}"]["value"] for end in ("", "_error"))
    assert -3 * error < gap < 0.3 * values["test/free_energy_gap"]["trivial"]
    assert values["test/nll"]["value"] < values["test/nll"]["trivial"]
    assert values["test/energy_r"]["value"] > 0.5 and values["test/energy_r"]["trivial"] is None


def test_an_energy_is_learned_from_a_sampler(chain):
    model, _ = chain[1]
    assert model.temperature == 4.0
    values = chain[1][1]
    assert values["validation/energy_rmse"]["value"] < values["validation/energy_rmse"]["trivial"]


def test_released_energies_are_centred(chain):
    for model, _ in chain:
        s = model.uniform(4000, torch.Generator().manual_seed(5))
        energies = torch.as_tensor(model.predict(s.numpy()))
        assert abs(float(energies.mean())) < 5 * float(energies.std()) / 4000**0.5


def test_the_release_shows_learned_against_true_energies(chain, tmp_path):
    folder = next(iter(tmp_path.parent.glob("spins*/rnn/release")))
    assert (folder / "preview.png").stat().st_size > 5000


def test_released_figures_are_measured_again(chain):
    for model, values in chain:
        for name, entry in values.items():
            found = measure(model, entry["data"], entry["metric"])
            assert found[name.partition("/")[2]] == pytest.approx(entry["value"], rel=1e-4)


def test_a_sampler_and_an_energy_are_learned_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    objective = JointConsistency(RNN(spins((4, 4), 2, 4.0), hidden=12), weight=1.0, warmup=20)
    task = Task(lambda face: EDNN(face, hidden=(16,)), objective, optimizer=ADAM)
    seen = Losses()
    trainer(tmp_path, 120, limit_val_batches=1.0, callbacks=[seen]).fit(task, data())
    first, last = (
        torch.tensor(seen.found[part]).mean() for part in (slice(20, 40), slice(-20, None))
    )
    assert len(seen.found) == 120 and float(last) < float(first) - 0.02
    values = {figure["name"]: figure for figure in release.figures(tmp_path / "release")}
    # learned against true energies; the energy alone is released
    assert values["validation/energy_r"]["value"] > 0.8
    error = values["validation/energy_rmse"]
    assert error["value"] < 0.75 * error["trivial"]
    assert isinstance(from_pretrained(str(tmp_path / "release")), EDNN)


def test_a_run_that_was_stopped_goes_on_with_the_lattices_it_would_have_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    few = partial(data, count=600, evaluation=100)

    def run():
        torch.manual_seed(0)
        options = {"optimizer": ADAM, "schedule": "constant"}
        return Task(lambda face: RNN(face, hidden=4), Likelihood(), **options)

    whole, first, second = run(), run(), run()
    trainer(tmp_path / "whole", 5).fit(whole, few())
    trainer(tmp_path / "cut", 2, last=True).fit(first, few())
    kept = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    trainer(tmp_path / "rest", 5).fit(second, few(), ckpt_path=kept)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name]), name
