"""What of a model learns, and how fast: through a run, a restart, two ranks, and into a release."""

import math
from functools import partial

import pytest
import torch
from torch.testing import assert_close

import zoo
from tests.task.full_batch import WOLFE, ended, forked, port, ranked
from tests.task.tuned import SGD, data, fitted, released, run
from zoo.models.parts.low_rank import is_change
from zoo.objectives.supervised import Supervised
from zoo.task_tuning import Adapters, Tuning

ENDS = ("lift.", "lift_coefficients.", "hidden.", "output.")
LOW = {"freeze": ["body"], "low_rank": Adapters(rank=2)}


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setattr("zoo.task_release._picture", lambda task, model: None)  # a second for each
    patch.delenv("PL_GLOBAL_SEED", raising=False)  # what another test has left to new processes
    yield
    patch.undo()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return released(tmp_path_factory.mktemp("start") / "small")


@pytest.fixture(scope="module")
def low(start, tmp_path_factory):
    """A run whose body learns by changes of low rank and whose ends learn as they are."""
    folder = tmp_path_factory.mktemp("low")
    return folder, fitted(folder, run(start, tuning=LOW), 6)


def moved(folder, start):
    """Names of the tensors of a run's release that are not those of its start."""
    old = zoo.from_pretrained(start).state_dict()
    new = zoo.from_pretrained(folder / "release").state_dict()
    assert {*new} == {*old}
    return {name for name in old if not torch.equal(old[name], new[name])}


@pytest.mark.parametrize("optimizer", [SGD, WOLFE])
def test_a_frozen_part_is_bit_equal_after_training(optimizer, start, tmp_path):
    batches = data(batch_size=8) if optimizer is WOLFE else data()
    task = run(start, optimizer, tuning={"freeze": ["body"]})
    every = {"val_check_interval": 1} if optimizer is WOLFE else {}
    fitted(tmp_path, task, 2, batches=batches, **every)
    changed = moved(tmp_path, start)
    assert changed and all(name.startswith(ENDS) for name in changed)
    frozen = [p for name, p in task.net.named_parameters() if not name.startswith(ENDS)]
    assert frozen and all(p.grad is None and not p.requires_grad for p in frozen)


def test_what_is_named_under_train_is_all_that_learns(start, tmp_path):
    tuning = {"train": ["spectral", "*.bias"], "freeze": ["spectral.1"]}
    fitted(tmp_path, run(start, SGD, tuning=tuning))
    wanted = {"spectral.0.weight", "spectral.0.bias", "lift.bias", "hidden.bias", "output.bias"}
    assert moved(tmp_path, start) == wanted


def test_the_release_of_low_rank_changes_is_a_plain_model_of_the_same_function(low, start):
    folder, task = low
    model = zoo.from_pretrained(folder / "release")
    assert {*model.state_dict()} == {*zoo.from_pretrained(start).state_dict()}
    task.net.load_state_dict(task._best["state"])
    batch = next(iter(data().val_dataloader()))
    with torch.no_grad():
        found, wanted = model(batch["u"], batch["p"]), task.net(batch["u"], batch["p"])
    assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_the_merged_weights_are_those_that_validated_best(low):
    folder, task = low
    from zoo import release

    figures = {e["name"]: e["value"] for e in release.figures(folder / "release")}
    model, errors = zoo.from_pretrained(folder / "release"), []
    for batch in data().val_dataloader():
        with torch.no_grad():
            off = (model(batch["u"], batch["p"]) - batch["y"]).flatten(1).norm(dim=1)
        errors += (off / batch["y"].flatten(1).norm(dim=1)).tolist()
    assert figures["validation/relative_l2"] == pytest.approx(sum(errors) / 4, rel=1e-5)
    assert figures["validation/relative_l2"] == pytest.approx(task._best["value"])


def test_a_change_of_a_weight_has_at_most_its_rank(low, start):
    new, old = zoo.from_pretrained(low[0] / "release"), zoo.from_pretrained(start)
    for i in range(2):
        change = (new.spectral[i].weight - old.spectral[i].weight).detach()
        values = torch.linalg.svdvals(torch.view_as_complex(change.contiguous()))
        assert float(values[..., 2].max()) < 1e-5 < 1e-3 < float(values[..., 1].max())
        assert torch.equal(new.spectral[i].bias, old.spectral[i].bias)


def test_low_rank_alone_freezes_everything_else(start, tmp_path, capsys):
    task = fitted(tmp_path, run(start, tuning={"low_rank": Adapters(rank=1)}), 2)
    learnt = {n: p.numel() for n, p in task.net.named_parameters() if p.requires_grad}
    assert all(map(is_change, learnt))
    # r (in + out) for a layer, 2 r (in + out) + 2 r^2 waves for a spectral one
    lift, coefficients, bypass, hidden, output = 1 + 4, 3 + 4, 4 + 4, 4 + 8, 8 + 1
    spectral = 2 * (4 + 4) + 2 * 8
    counted = lift + coefficients + 2 * bypass + 2 * spectral + hidden + output
    assert sum(learnt.values()) == counted
    total = sum(p.numel() for p in zoo.from_pretrained(start).parameters())
    told = f"learns   0 of {total} weights, and {counted} in low-rank changes"
    assert told in capsys.readouterr().out
    assert float(task.trainer.callback_metrics["train/parameters"]) == counted


def test_low_rank_changes_stand_where_they_are_asked_for(start, tmp_path):
    where = Adapters(rank=2, where=["spectral.1", "hidden"])
    fitted(tmp_path, run(start, tuning={"low_rank": where}))
    assert moved(tmp_path, start) == {"spectral.1.weight", "hidden.weight"}


def test_a_killed_run_goes_on_bit_equal_with_its_changes(start, tmp_path):
    tuning = {**LOW, "average": 0.8, "rates": {"body": 0.5}}
    whole = fitted(tmp_path / "whole", run(start, tuning=tuning), 6, last=True)
    fitted(tmp_path / "cut", run(start, tuning=tuning), 3, last=True)
    kept = {"ckpt_path": tmp_path / "cut" / "checkpoints" / "last.ckpt", "weights_only": True}
    rest = fitted(tmp_path / "rest", run(start, tuning=tuning), 6, last=True, **kept)
    assert_close(rest.net.state_dict(), whole.net.state_dict(), rtol=0, atol=0)
    assert any(is_change(name) and bool(p.any()) for name, p in rest.net.named_parameters())
    released = (zoo.from_pretrained(tmp_path / x / "release") for x in ("rest", "whole"))
    assert_close(*(model.state_dict() for model in released), rtol=0, atol=0)


def _rank(rank, where, start, folder):
    options = ranked(rank, where)
    task = fitted(folder, run(start, SGD, tuning=LOW), 3, limit_val_batches=0, **options)
    torch.save(task.net.state_dict(), folder / f"{rank}.pt")


def test_two_processes_equal_one(start, tmp_path):
    """Plain DDP: nothing frozen waits for a gradient."""
    one = fitted(tmp_path / "one", run(start, SGD, tuning=LOW), 3, limit_val_batches=0)
    where = port()
    children = [forked(_rank, rank, where, start, tmp_path) for rank in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert_close(first, second, rtol=0, atol=0)
    assert_close(first, one.net.state_dict(), rtol=1e-5, atol=1e-6)


def test_rates_are_factors_of_the_learning_rate_all_along_the_schedule(start, tmp_path):
    seen = []

    class Watched(Supervised):
        def forward(self, model, batch):
            if model.training and torch.is_grad_enabled():
                seen.append([group["lr"] for group in task.run.optimizers[0].param_groups])
            return super().forward(model, batch)

    tuning = {"rates": {"body": 0.1, "spectral.1": 0.01}}
    task = run(start, SGD, tuning=tuning, schedule="cosine", objective=Watched())
    fitted(tmp_path, task)
    sizes = [sum(p.numel() for p in g["params"]) for g in task.run.optimizers[0].param_groups]
    net = task.net
    own = sum(p.numel() for p in net.spectral[1].parameters())
    body = sum(p.numel() for part in (net.spectral, net.bypass) for p in part.parameters())
    assert sorted(sizes) == sorted(
        [own, body - own, sum(p.numel() for p in net.parameters()) - body]
    )
    order = {size: i for i, size in enumerate(sizes)}
    for step, rates in enumerate(seen):
        share = 0.05 * 0.5 * (1 + math.cos(math.pi * step / 4))
        assert rates[order[own]] == pytest.approx(0.01 * share)
        assert rates[order[body - own]] == pytest.approx(0.1 * share)
        assert max(rates) == pytest.approx(share)


def test_a_step_moves_a_part_by_its_factor(start, tmp_path):
    states = {}
    for name, rates in (("one", {}), ("two", {"body": 0.25})):
        task = fitted(tmp_path / name, run(start, SGD, tuning=Tuning(rates=rates)), 1)
        states[name] = task.net.state_dict()
    old = zoo.from_pretrained(start).state_dict()
    for name in old:
        one, two = (states[kind][name] - old[name] for kind in ("one", "two"))
        assert_close(
            two, one if name.startswith((*ENDS, "norm")) else one / 4, rtol=1e-2, atol=1e-6
        )


def test_a_change_has_the_rate_of_its_weight(start, tmp_path):
    tuning = {**LOW, "rates": {"body": 0.5}}
    task = fitted(tmp_path, run(start, SGD, tuning=tuning), 1)
    groups = {group["lr"]: group["params"] for group in task.run.optimizers[0].param_groups}
    assert sorted(groups) == pytest.approx([0.025, 0.05])
    slow = {id(p) for p in groups[0.025]}
    names = {name: id(p) in slow for name, p in task.net.named_parameters() if p.requires_grad}
    assert all(is_change(name) == is_slow for name, is_slow in names.items())


@pytest.mark.parametrize(
    ("tuning", "told"),
    [
        ({"freeze": ["spectrl"]}, r"freeze: 'spectrl' is no part.*near: \['spectral'"),
        ({"train": ["tail"]}, r"train: 'tail' is no part and no parameter"),
        ({"freeze": ["*"]}, "leaves nothing that learns; freeze less"),
        ({"freeze": ["body"], "rates": {"body": 0.1}}, "rates: 'body' means only weights that do"),
        ({"train": ["*"], "low_rank": Adapters()}, "no pointwise or spectral weight is frozen"),
    ],
)
def test_what_means_nothing_is_refused(tuning, told, start, tmp_path):
    with pytest.raises(ValueError, match=told):
        fitted(tmp_path, run(start, tuning=tuning), 1)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Tuning(rates={"body": 0.0}), "rates.body=0.0 must be finite and above 0"),
        (lambda: Tuning(average=1.0), "average=1.0 is a decay"),
        (lambda: Tuning(patience=0), "patience=0 must be at least one"),
        (lambda: Adapters(rank=0), "rank=0 must be at least 1"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(make, told):
    with pytest.raises(ValueError, match=told):
        make()


def test_an_optimiser_of_one_rate_is_refused_with_several(start, tmp_path):
    task = run(start, WOLFE, tuning={"rates": {"body": 0.5}})
    with pytest.raises(ValueError, match=r"rates=\{'body': 0.5\}: LBFGS doesn't .*leave rates out"):
        fitted(tmp_path, task, 1, batches=data(batch_size=8), val_check_interval=1)


def test_a_task_in_a_loop_of_ones_own_learns_what_its_tuning_says(start):
    from zoo.task import Task

    own = Task.from_pretrained(start, tuning=Tuning(freeze=["body"], change={"modes": 3}))
    assert own.net.modes == 3
    batch = next(iter(data().train_dataloader()))
    own.objective(own.net, batch)["loss"].backward()
    learnt = {name for name, p in own.net.named_parameters() if p.grad is not None}
    assert learnt and all(name.startswith(ENDS) for name in learnt)


def test_what_has_no_release_has_nothing_to_change(tmp_path, start):
    net = zoo.from_pretrained(start)
    task = run(None, partial(torch.optim.Adam), net=net, tuning=Tuning(change={"modes": 3}))
    with pytest.raises(ValueError, match=r"tuning.change=\{'modes': 3\} changes what init_from"):
        fitted(tmp_path, task, 1)
