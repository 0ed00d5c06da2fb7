import json
import math
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.testing import assert_close

import zoo
from zoo import release
from zoo.data.mixture import Mixture
from zoo.data.steady import Steady
from zoo.models.fno import FNO
from zoo.models.parts.homogeneous import Homogeneous
from zoo.pde.advection_diffusion import AdvectionDiffusion
from zoo.pde.poisson import Poisson
from zoo.task import Task


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def mixture(**options):
    sets = [
        Steady(e, 16, train=20, validation=8, test=8) for e in (Poisson(), AdvectionDiffusion())
    ]
    return Mixture(sets, batch_size=6, seed=0, **options)


def task(**options):
    made = {"net": lambda face: FNO(face, Homogeneous(), width=6, modes=3, layers=2)}
    return Task(**{**made, "optimizer": partial(torch.optim.Adam, lr=3e-3), **options})


def trainer(folder, steps=12, **options):
    given = {
        "max_steps": steps,
        "logger": False,
        "enable_checkpointing": "callbacks" in options,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "val_check_interval": 4,
        "check_val_every_n_epoch": None,
        "inference_mode": False,
        "accelerator": "cpu",
        "default_root_dir": folder,
    }
    return Trainer(**{**given, **options})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    seed_everything(0)
    run, data = task(), mixture()
    trainer(folder).fit(run, data)
    return folder, run, data


def test_fit_ends_in_a_release_that_gives_what_the_model_gives(fitted):
    folder, run, data = fitted
    model = zoo.from_pretrained(folder / "release")
    run.net.load_state_dict(run._best["state"])
    batch = next(iter(data.val_dataloader()))
    with torch.no_grad():
        assert_close(model(batch["u"], batch["p"]), run.net(batch["u"], batch["p"]), rtol=0, atol=0)
    assert (folder / "release" / "preview.png").read_bytes()[:4] == b"\x89PNG"


def test_the_released_weights_are_those_of_the_best_validation(fitted):
    folder, run, data = fitted
    model, errors = zoo.from_pretrained(folder / "release"), {0: [], 1: []}
    for batch in data.val_dataloader():
        with torch.no_grad():
            difference = (model(batch["u"], batch["p"]) - batch["y"]).flatten(1).norm(dim=1)
        for number, value in zip(
            batch["system"].tolist(), difference / batch["y"].flatten(1).norm(dim=1), strict=True
        ):
            errors[number].append(float(value))
    mean = sum(sum(e) / len(e) for e in errors.values()) / 2
    stated = {e["name"]: e["value"] for e in release.figures(folder / "release")}
    assert stated["validation/relative_l2"] == pytest.approx(mean, rel=1e-5)
    assert stated["validation/relative_l2"] == pytest.approx(run._best["value"])


def test_the_normaliser_is_filled_once_from_the_training_data(fitted):
    _, run, data = fitted
    statistics = data.statistics()
    assert_close(run.net.normaliser.source_rms.double(), statistics["source_rms"])
    assert_close(run.net.normaliser.coefficient_median.double(), statistics["coefficient_median"])


@pytest.mark.parametrize("refit", [False, True])
def test_after_init_from_the_normaliser_is_left_alone_unless_asked(fitted, tmp_path, refit):
    folder, _, _ = fitted
    data = Mixture([Steady(Poisson((5.0, 10.0)), 16, train=8, validation=4, test=4)], 4, seed=0)
    tuned = task(net=None, init_from=str(folder / "release"), refit_normaliser=refit)
    trainer(tmp_path, 2).fit(tuned, data)
    before = zoo.from_pretrained(folder / "release").normaliser.source_rms
    wanted = data.statistics()["source_rms"].float() if refit else before
    assert_close(tuned.net.normaliser.source_rms, wanted)
    assert tuned.net.interface.coefficients == ("k11", "k22", "k12")
    lineage = release.describe(tmp_path / "release")["lineage"]
    assert [entry["sha256"] for entry in lineage] == [
        release.describe(folder / "release")["sha256"]
    ]


def test_test_figures_go_into_the_runs_own_release(fitted):
    folder, _, data = fitted
    again = task(net=None, init_from=str(folder / "release"))
    trainer(folder).test(again, data, verbose=False)
    entries = {e["name"]: e for e in release.figures(folder / "release")}
    entry = entries["test/poisson/relative_l2"]
    assert entry["n"] == 8 and entry["remeasure"] and 0 < entry["trivial"] <= 1
    assert json.loads((folder / "test.json").read_text())[0]["name"] == "test/poisson/relative_l2"
    from zoo.verify import verify

    assert verify(folder / "release").passed


def test_killed_in_the_middle_of_an_epoch_it_ends_in_the_same_weights(fitted, tmp_path):
    folder, _, _ = fitted

    class Killed(Task):
        def training_step(self, batch, batch_idx):
            if self.global_step == 9:
                raise KeyboardInterrupt
            return super().training_step(batch, batch_idx)

    def last():
        return ModelCheckpoint(tmp_path / "ckpt", filename="last", every_n_train_steps=5)

    options = {"net": task().net, "optimizer": task().optimizer}
    seed_everything(0)
    with pytest.raises(SystemExit):
        trainer(tmp_path, callbacks=[last()]).fit(Killed(**options), mixture())
    seed_everything(99)
    resumed, data = task(), mixture()
    start = {"ckpt_path": str(tmp_path / "ckpt" / "last.ckpt"), "weights_only": True}
    with pytest.warns(UserWarning, match="not empty"):
        trainer(tmp_path, callbacks=[last()]).fit(resumed, data, **start)
    whole = zoo.from_pretrained(folder / "release").state_dict()
    for name, value in zoo.from_pretrained(tmp_path / "release").state_dict().items():
        assert_close(value, whole[name], rtol=0, atol=0)


def test_the_learning_rate_falls_along_half_a_cosine(tmp_path):
    rates = []

    class Watched(Task):
        def on_train_batch_start(self, batch, batch_idx):
            rates.append(self.optimizers().param_groups[0]["lr"])

    run = Watched(net=task().net, optimizer=task().optimizer)
    trainer(tmp_path, 8).fit(run, mixture())
    expected = [3e-3 * 0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(8)]
    assert rates == pytest.approx(expected)


def test_equal_seeds_give_equal_weights_on_cold_and_warm_data(tmp_path, monkeypatch):
    states = []
    for name in ("cold", "warm"):
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        seed_everything(3)
        run = task()
        trainer(tmp_path / name, 3).fit(run, mixture())
        states.append(run.net.state_dict())
    for name, value in states[0].items():
        assert_close(value, states[1][name], rtol=0, atol=0)


def test_a_task_from_released_weights_trains_in_a_loop_of_ones_own(fitted):
    folder, _, data = fitted
    own = Task.from_pretrained(str(folder / "release"))
    batch = next(iter(data.train_dataloader()))
    loss = own.objective(own.net, batch)["loss"]
    loss.backward()
    assert own.net.training and float(loss.detach()) > 0
    assert all(p.grad is not None for p in own.net.parameters())


def test_net_and_init_from_together_are_refused():
    with pytest.raises(ValueError, match="drop one"):
        task(init_from="somewhere")
