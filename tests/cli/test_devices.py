"""Two processes give the figures of one; one generates, one writes."""

import json
import os
import re
import socket
from functools import partial
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from tests.cli.conftest import data, environment, process, recipe, write
from zoo.cli import main

DDP = ["--trainer.strategy", "ddp", "--trainer.accelerator", "cpu"]


def figures(folder, stage="fit"):
    told = json.loads((Path(folder) / "figures.json").read_text())[stage]["figures"]
    return {name: value for name, value in told.items() if name.startswith(("validation", "test"))}


@pytest.fixture
def uneven(here, monkeypatch):
    """10 training samples in batches of 4 and 5 to validate: no split is even on two ranks."""
    monkeypatch.setenv("ZOO_CACHE", str(here / "cold"))
    content = recipe(epochs=2, data=data(batch_size=4, train=10))
    return write(here / "uneven.yaml", content)


def assert_equal_runs(one, two):
    first, second = figures(one), figures(two)
    assert set(first) == {"validation/relative_l2", "validation/poisson/relative_l2"}
    for name, value in first.items():
        assert second[name] == pytest.approx(value, abs=1e-5), name
    ours, theirs = (load_file(Path(f) / "release" / "model.safetensors") for f in (one, two))
    assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_two_processes_equal_one_with_the_same_global_batch(uneven, zoo, here):
    # the cache is empty: one rank generates while the other waits
    done = process(
        "fit", "-c", uneven, *DDP, "--trainer.devices", "2", "--trainer.default_root_dir", "two"
    )
    assert done.returncode == 0, done.stderr
    made = sorted(here.glob("cold/data/*/data.safetensors"))
    assert len(made) == 3  # the splits, each once
    assert zoo("fit", "-c", uneven, "--trainer.default_root_dir", "one")[0] == 0
    assert_equal_runs("one", "two")
    assert len(list(Path("two").glob("csv/*"))) == 1  # one rank writes
    assert list(Path("two").rglob("*.part")) == []
    _measured_on_two_as_on_one(zoo)


def _measured_on_two_as_on_one(zoo):
    own = ["-c", "one/recipe.yaml", "--model.net", "null", "--model.init_from", "one/release"]
    both = ["test", *own, *DDP, "--trainer.devices", "2", "--trainer.default_root_dir", "t2"]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_port()), "WORLD_SIZE": "2"}
    # as a cluster starts them, each by its rank
    ranks = [_copy(lambda: main(both), {**where, "LOCAL_RANK": str(rank)}) for rank in range(2)]
    assert [_ended(rank) for rank in ranks] == [0, 0], Path("stderr").read_text()
    assert zoo("test", *own, "--trainer.default_root_dir", "t1")[0] == 0
    assert figures("t2", "test") == pytest.approx(figures("t1", "test"), abs=1e-6)


def _copy(work, environ):
    """Work in a copy of this process, which costs no imports; what it says goes to a file."""
    child = os.fork()
    if child:
        return child
    os.environ.update(environ)
    said = os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    code = 1
    try:
        code = work() or 0
    finally:
        os._exit(code)


def _ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_two_nodes_on_loopback_equal_one_process(uneven, zoo, here):
    from torch.distributed.run import main as torchrun

    place = ["--nnodes", "2", "--nproc_per_node", "1"]
    place += ["--master_addr", "127.0.0.1", "--master_port", str(_port())]
    run = ["-m", "zoo", "fit", "-c", uneven, *DDP, "--trainer.num_nodes", "2"]
    run += ["--trainer.devices", "1", "--trainer.default_root_dir", "nodes"]
    # of torchrun itself copies of this process; what it starts are processes of their own
    where = {**environment(), "GLOO_SOCKET_IFNAME": "lo"}
    commands = [[*place, "--node_rank", str(rank), *run] for rank in range(2)]
    nodes = [_copy(partial(torchrun, words), where) for words in commands]
    assert [_ended(node) for node in nodes] == [0, 0], Path("stderr").read_text()
    told = Path("stderr").read_text()
    assert zoo("fit", "-c", uneven, "--trainer.default_root_dir", "one")[0] == 0
    assert_equal_runs("one", "nodes")
    # torchrun's own agents may complain when one of them ends first; nothing of ours may
    assert re.search(r'File "[^"]*/zoo/(?:\w+/)*\w+\.py"', told) is None
    assert os.listdir("nodes/release").count("config.json") == 1


@pytest.mark.slow
def test_a_stage_of_a_chain_may_run_on_two_processes(uneven, zoo, here):
    sets = {"trainer.devices": 2, "trainer.accelerator": "cpu", "trainer.strategy": "ddp"}
    stage = {"recipe": "uneven.yaml", "set": sets, "test": True}
    chain = write(here / "chain.yaml", {"stages": {"two": stage}})
    assert zoo("run", chain)[0] == 0
    assert zoo("fit", "-c", uneven, "--trainer.default_root_dir", "one")[0] == 0
    assert_equal_runs("one", "runs/chain/two")
    assert "done before" in zoo("run", chain)[1]
