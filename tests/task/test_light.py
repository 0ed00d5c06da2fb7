"""What makes Lightning's loop cheaper changes nothing that a run does."""

import inspect
from functools import partial

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.profilers import PassThroughProfiler, SimpleProfiler
from lightning.pytorch.utilities.model_helpers import is_overridden

from zoo.data.points.interior import Interior
from zoo.data.points.loader import loader
from zoo.data.points.order import Cloud, Steps
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.data.targets.analytic import Analytic
from zoo.metrics.point_error import PointError
from zoo.models.mlp import MLP
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.value import Value
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.task import Task
from zoo.task_light import Silent


def points(batch_size=None):
    parts = [Interior(12, [Analytic((0, 1))]), Sides(4)]
    return Points(SteadyAllenCahn(), parts, batch_size=batch_size, seed=2)


def task(data, kind=Task, **options):
    torch.manual_seed(0)
    net = MLP(data.interface(), width=5, layers=2)
    objective = Pointwise([Gradient()], [Value("boundary")])
    return kind(net, objective, [PointError()], schedule="constant", **options)


def fitted(folder, batch_size=None, data=None, run=None, **options):
    """The task after an epoch."""
    data = points(batch_size) if data is None else data
    run = task(data) if run is None else run
    told = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False}
    told |= {"enable_progress_bar": False, "enable_model_summary": False, "max_epochs": 1}
    Trainer(**told, limit_val_batches=0, default_root_dir=folder, **options).fit(run, data)
    return run


@pytest.mark.parametrize("batch_size", [None, 5])
def test_an_epoch_takes_the_steps_of_a_plain_loop(batch_size, tmp_path):
    """Bit by bit, without a trainer, a loader, a task or weights that are one."""
    data = points(batch_size)
    run = task(data)
    optimizer = torch.optim.Adam(run.net.parameters())
    cloud = Cloud(data.drawn(), batch_size, seed=2)
    for number in range(cloud.steps):
        inside, sides = (cloud[0, number][name] for name in ("interior", "boundary"))
        off = run.net.jet(inside["x"]).gradient - inside["dy"]
        rest = run.net(sides["x"]) - sides["y"]
        optimizer.zero_grad()
        (off.square().mean((-2, -1)).mean() + rest.square().sum(-1).mean()).backward()
        optimizer.step()
    found = fitted(tmp_path, batch_size).net.state_dict()
    assert all(torch.equal(found[k], v) for k, v in run.net.state_dict().items())


def test_the_profiler_that_measures_nothing_makes_way(tmp_path):
    assert type(fitted(tmp_path).run.profiler) is Silent
    assert issubclass(Silent, PassThroughProfiler)


def test_a_profiler_that_was_asked_for_stays_and_sees_every_hook(tmp_path):
    profiler = SimpleProfiler(dirpath=tmp_path, filename="times")
    assert fitted(tmp_path, profiler=profiler).run.profiler is profiler
    assert "run_training_batch" in profiler.recorded_durations


def test_between_logs_nothing_is_read_back_and_the_last_values_stay(tmp_path, monkeypatch):
    read = []
    place = "lightning.pytorch.trainer.connectors.logger_connector.result"
    monkeypatch.setattr(f"{place}.convert_tensors_to_scalars", lambda x: read.append(x) or float(x))
    run = fitted(tmp_path, batch_size=2, log_every_n_steps=4)
    # of six steps the first and the fourth are logged, and that is handed to the loggers too
    assert run.global_step == 6 and len(read) == 3
    known = run.trainer.callback_metrics
    assert float(known["train/loss"]) == float(read[1])
    assert {"train/gradient_interior", "train/value_boundary"} <= set(known)


def test_a_hook_that_is_someones_own_is_called(tmp_path):
    seen = []

    class OwnData(Points):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            seen.append("after")
            return batch

    class Own(Task):
        def on_before_batch_transfer(self, batch, dataloader_idx):
            seen.append("before")
            return batch

    parts = [Interior(12, [Analytic((0, 1))]), Sides(4)]
    data = OwnData(SteadyAllenCahn(), parts, seed=2)
    with pytest.warns(UserWarning, match="overridden `on_before_batch_transfer`"):
        fitted(tmp_path, data=data, run=task(data, Own))
    assert seen == ["before", "after"]


@pytest.mark.parametrize("clip", [1e-3, None])
def test_gradients_are_clipped_where_that_was_asked_for(clip, tmp_path):
    data = points()
    run = task(data, optimizer=partial(torch.optim.SGD, lr=1.0))
    before = [p.detach().clone() for p in run.net.parameters()]
    fitted(tmp_path, data=data, run=run, gradient_clip_val=clip)
    moved = torch.cat(
        [(a - b).flatten() for a, b in zip(run.net.parameters(), before, strict=True)]
    )
    size = float(moved.detach().norm())
    assert size == pytest.approx(1e-3, rel=1e-3) if clip else size > 0.1


class Counting(torch.optim.SGD):
    """An optimiser with a zero_grad of its own."""

    calls = 0

    def zero_grad(self, set_to_none=True):
        Counting.calls += 1
        super().zero_grad(set_to_none)


def test_an_optimiser_that_forgets_gradients_in_its_own_way_is_asked_to(tmp_path):
    data = points(5)
    found = fitted(tmp_path, data=data, run=task(data, optimizer=partial(Counting, lr=0.1)))
    assert Counting.calls == found.global_step == 3
    usual = task(data, optimizer=partial(torch.optim.SGD, lr=0.1))
    wanted = fitted(tmp_path, data=data, run=usual).net.state_dict()
    assert all(torch.equal(wanted[k], v) for k, v in found.net.state_dict().items())


def test_lightning_finds_the_signature_of_a_step():
    own = inspect.getfullargspec(Task.training_step)
    assert own.args == ["self", "batch", "batch_idx"]


def test_the_name_of_a_hook_is_noted_and_everything_else_as_torch_does_it():
    run = task(points())
    run._current_fx_name = "training_step"
    assert run._current_fx_name == "training_step" and "_current_fx_name" in vars(run)
    run.extra = torch.nn.Linear(1, 1)
    assert run.get_submodule("extra") is run.extra and "extra" not in vars(run)
    assert is_overridden("training_step", run, LightningModule)


def test_a_pass_over_batches_draws_as_much_as_a_dataloader_would():
    """So that what objectives draw does not depend on how batches are handed on."""
    cloud = Cloud(points().drawn(), None, seed=2)
    torch.manual_seed(1)
    iter(torch.utils.data.DataLoader([0]))
    wanted = torch.get_rng_state()
    torch.manual_seed(1)
    batches = iter(loader(cloud, Steps(cloud.steps)))
    assert torch.equal(torch.get_rng_state(), wanted)
    list(batches)
    assert torch.equal(torch.get_rng_state(), wanted)


def test_batches_made_on_the_cpu_stay_what_they_are_there():
    data = points()
    batch = next(iter(data.train_dataloader()))
    assert data.transfer_batch_to_device(batch, torch.device("cpu"), 0) is batch
    moved = data.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert moved["interior"]["x"].device.type == "meta" and batch["interior"]["x"].is_cpu


def test_a_batch_that_is_changed_leaves_the_next_one_alone():
    cloud = Cloud(points().drawn(), None, seed=2)
    first = cloud[0, 0]
    first["interior"].pop("dy")
    first["boundary"]["x"] = None
    assert {"x", "y", "dy", "weight"} <= set(cloud[0, 1]["interior"])
    assert cloud[0, 1]["boundary"]["x"] is not None
