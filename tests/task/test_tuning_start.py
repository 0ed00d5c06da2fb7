"""A run whose data are not as the release that it starts from: adapted, told, or refused."""

import pytest
import torch
import yaml
from torch.testing import assert_close

import zoo
from tests.cli.conftest import data as described
from tests.cli.conftest import recipe, write
from tests.task.full_batch import trainer
from tests.task.tuned import SGD, fitted, released, run
from zoo import release
from zoo.cli import main
from zoo.data.mixture import Mixture
from zoo.data.trajectories import Timeline, Trajectories
from zoo.data.window import Window
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.pde.heat import Heat
from zoo.release import ReleaseError


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setattr("zoo.task_release._picture", lambda task, model: None)  # a second for each
    yield
    patch.undo()


def heat(**options):
    """Three frames in, two out, of a box of side 2."""
    equation = Heat(dimension=1)
    counts = {"train": 4, "validation": 2, "test": 2}
    timeline = Timeline(6, 0.05)
    sets = [Trajectories(equation, 16, timeline=timeline, side=2.0, **counts)]
    return Mixture(sets, batch_size=4, seed=0, window=Window(history=3, horizon=2), **options)


def forecaster(folder, **options):
    torch.manual_seed(0)
    given = {"box": (1.0,), "dt": 0.1, "history": 2, "units": {"u": "K"}, "boundary": "periodic"}
    face = Interface(("u",), ("u",), **{**given, **options})
    net = FNO(face, Affine(), width=4, modes=2, layers=1)
    for buffer in net.buffers():
        buffer.uniform_(0.5, 1.5)
    return str(release.save_pretrained(net, folder))


def begun(folder, start, batches=None, **options):
    task = run(start, SGD, **options)
    fitted(folder, task, 0, batches=batches or heat())
    return task


def test_the_model_takes_box_frames_and_units_of_the_data_and_says_so(tmp_path, capsys):
    task = begun(tmp_path, forecaster(tmp_path / "start"))
    face, wanted = task.net.interface, heat().interface()
    for name in ("box", "dt", "history", "horizon", "boundary", "coefficients"):
        assert getattr(face, name) == getattr(wanted, name), name
    assert face.units == wanted.units
    told = capsys.readouterr().out
    assert f"box [1.0] -> {list(wanted.box)}: waves are kept by number" in told
    assert "dt 0.1 -> 0.05" in told and "history 2 -> 3" in told and "horizon 1 -> 2" in told
    assert "units.u 'K' -> '1': numbers are taken as they are" in told
    adapted = next(line for line in told.splitlines() if line.startswith("adapted"))
    assert all(f"{name}." in adapted for name in ("lift", "output")) and "spectral" not in adapted
    assert "new      lift_coefficients.weight, coefficients.nu" in told


def test_what_both_have_keeps_its_weights(tmp_path):
    start = forecaster(tmp_path / "start")
    old, new = zoo.from_pretrained(start), begun(tmp_path, start).net
    assert torch.equal(new.lift.weight[:, 1:], old.lift.weight) and not new.lift.weight[:, 0].any()
    assert torch.equal(new.output.weight[:1], old.output.weight)
    assert torch.equal(new.spectral[0].weight, old.spectral[0].weight)


def test_waves_are_kept_by_length_where_a_recipe_asks(tmp_path):
    start, side = forecaster(tmp_path / "start"), heat().interface().box[0]
    assert side == 2.0
    new = begun(tmp_path, start, tuning={"waves": "length"}).net
    assert new.modes == 4
    old = zoo.from_pretrained(start)
    assert_close(new.spectral[0].weight[::2], old.spectral[0].weight)


def test_a_release_of_another_dimension_is_refused(tmp_path):
    start = forecaster(tmp_path / "start", box=(1.0, 1.0))
    with pytest.raises(ReleaseError, match=r"box=\[2.0\] has 1 sides.*start from a release of 1"):
        begun(tmp_path, start)


def test_a_grid_too_small_for_the_modes_names_those_that_fit(tmp_path):
    start = forecaster(tmp_path / "start")
    with pytest.raises(ValueError, match=r"modes=10 needs n >= 18, got n=16; lower modes to 8"):
        fitted(tmp_path, run(start, SGD, tuning={"change": {"modes": 10}}), 1, batches=heat())
    task = run(start, SGD, tuning={"change": {"modes": 8}})
    assert fitted(tmp_path, task, 1, batches=heat()).net.modes == 8


class Huge(Mixture):
    """The same fields in another unit: 1e5 times the numbers."""

    def statistics(self):
        return {k: 1e5 * v if k[:2] in ("in", "ou") else v for k, v in super().statistics().items()}

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return {**batch, "u": 1e5 * batch["u"], "y": 1e5 * batch["y"]}


@pytest.mark.parametrize("refit", [True, False])
def test_a_refitted_normaliser_scales_fields_of_another_unit(refit, tmp_path):
    start, usual = forecaster(tmp_path / "start"), heat()
    batches = Huge(usual.sets, batch_size=4, seed=0, window=usual.window)
    task = begun(tmp_path, start, batches, refit_normaliser=refit)
    batch = next(iter(usual.train_dataloader()))
    scaled = task.net.normaliser.encode(1e5 * batch["u"], batch["p"])[0]
    if refit:
        assert_close(task.net.normaliser.inputs_std, 1e5 * usual.statistics()["inputs_std"].float())
        assert 0.3 < float(scaled.std()) < 3
    else:
        assert float(scaled.std()) > 1e3


def test_a_recipe_says_it_all_and_the_run_keeps_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    begin = released(tmp_path / "begin")
    content = recipe(epochs=1, data=described(train=4))
    content["data"]["init_args"]["sets"][0]["init_args"] |= {"grid": 8, "test": 2}
    del content["model"]["net"]
    tuning = {"freeze": ["body"], "low_rank": {"rank": 2}, "rates": {"output.*": 2.0}}
    more = {"change": {"modes": 3}, "average": 0.9, "patience": 4}
    content["model"] |= {"init_from": begin, "tuning": {**tuning, **more}}
    assert main(["fit", "-c", write(tmp_path / "second.yaml", content)]) == 0
    told = capsys.readouterr().out
    assert "changed  modes 2 -> 3" in told and "in low-rank changes" in told
    assert "adapted  spectral.0.weight, spectral.1.weight\n" in told
    kept = yaml.safe_load((tmp_path / "runs/second/release/recipe.yaml").read_text())["model"]
    assert kept["tuning"]["low_rank"] == {"rank": 2, "scale": 8.0, "where": None}
    assert kept["tuning"]["rates"] == {"output.*": 2.0} and kept["tuning"]["average"] == 0.9
    model = zoo.from_pretrained("runs/second/release")
    assert model.modes == 3 and not any("parametrizations" in name for name in model.state_dict())
    assert (
        main(
            [
                "test",
                "-c",
                "runs/second/recipe.yaml",
                "--model.init_from",
                "runs/second/release",
                "--trainer.default_root_dir",
                "runs/second",
            ]
        )
        == 0
    )


def test_a_pattern_that_fits_nothing_is_an_error_of_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "r.yaml", recipe(epochs=1))
    assert main(["fit", "-c", path, "--model.tuning.freeze", "[boddy]"]) == 1
    assert "freeze: 'boddy' is no part and no parameter" in capsys.readouterr().err


def test_a_trainer_knows_nothing_of_it(tmp_path):
    """Without a tuning no callback is added and every weight learns."""
    made = trainer(tmp_path, 1)
    task = run(forecaster(tmp_path / "start"), SGD)
    made.fit(task, heat())
    kinds = {type(one).__name__ for one in made.callbacks}
    assert not kinds & {"EMAWeightAveraging", "Stop"}
    assert all(p.requires_grad for p in task.net.parameters())
