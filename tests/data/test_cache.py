import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from zoo.data import cache
from zoo.data.steady import Steady
from zoo.pde.helmholtz import Helmholtz
from zoo.pde.poisson import Poisson


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))


def small(**options):
    return Steady(Poisson(), 16, **{"train": 12, "validation": 4, "test": 4, **options})


def test_equal_descriptions_give_equal_data_and_other_seeds_other_data():
    first = small().split("train").u
    cache_files = sorted(Path(os.environ["ZOO_CACHE"]).rglob("data.safetensors"))
    assert_close(small().split("train").u, first, rtol=0, atol=0)
    assert sorted(Path(os.environ["ZOO_CACHE"]).rglob("data.safetensors")) == cache_files
    assert (small(seed=1).split("train").u - first).abs().max() > 0.1


def test_splits_differ_and_do_not_move_with_the_training_size():
    test = small().split("test").u
    assert_close(small(train=20).split("test").u, test, rtol=0, atol=0)
    assert (small().split("validation").u - test).abs().max() > 0.1


@pytest.mark.parametrize("damage", ["cut", "flip", "no spec"])
def test_damaged_files_are_made_again(damage):
    first = small().split("train").u.clone()
    place = cache.folder(small().spec("train"))
    file = place / "data.safetensors"
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[:-40])
    elif damage == "flip":
        file.write_bytes(content[:-8] + bytes(8 * [77]))
    else:
        (place / "spec.json").unlink()
    assert_close(small().split("train").u, first, rtol=0, atol=0)
    assert json.loads((place / "spec.json").read_text())["spec"] == small().spec("train")
    assert not list(place.glob("*.part"))


def _slow_make(log):
    with open(log, "a") as file:
        file.write("made\n")
    time.sleep(0.5)
    return {"x": torch.arange(5.0)}


def _reader(log, queue):
    queue.put(cache.cached({"kind": "race"}, lambda: _slow_make(log))["x"].tolist())


def test_two_processes_that_start_cold_generate_once(tmp_path):
    context = multiprocessing.get_context("fork")
    queue, log = context.Queue(), tmp_path / "log"
    workers = [context.Process(target=_reader, args=(log, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    results = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert results == [[0, 1, 2, 3, 4]] * 2
    assert log.read_text() == "made\n"


def test_stored_solutions_solve_their_equation():
    for equation in (Poisson(), Helmholtz()):
        data = Steady(equation, 32, train=20, validation=0, test=0).split("train")
        from zoo.pde.box import Box

        box = Box((1.0, 1.0), (32, 32))
        residual = equation.residual(
            box, data.y[:, 0, 0].double(), data.u[:, 0, 0].double(), data.p
        )
        # float32 storage times the largest symbol of the grid
        assert residual.abs().max() < 2e-4


def test_helmholtz_redraws_until_every_solution_is_accepted():
    equation = Helmholtz(omega=(4, 4))
    item = Steady(equation, 32, train=40, validation=0, test=0)
    data = item.split("train")
    drawn = cache.cached(item.spec("train"), dict)["drawn"]
    assert data.y.abs().max() <= 2.05 and int(drawn) > 50


def test_disk_need_is_told_before_generating():
    assert small().bytes("train") == 4 * 12 * (2 * 256 + 3)


def test_bad_counts_name_value_and_rule():
    with pytest.raises(ValueError, match=r"grid=3.*at least 4"):
        Steady(Poisson(), 3)
