"""Two processes give the figures of one; one generates, one writes."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from tests.cli.conftest import data, environment, process, recipe, write

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
    done = process("test", *own, *DDP, "--trainer.devices", "2", "--trainer.default_root_dir", "t2")
    assert done.returncode == 0, done.stderr
    assert zoo("test", *own, "--trainer.default_root_dir", "t1")[0] == 0
    assert figures("t2", "test") == pytest.approx(figures("t1", "test"), abs=1e-6)


def _port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_two_nodes_on_loopback_equal_one_process(uneven, zoo, here):
    port = _port()
    nodes = []
    for rank in range(2):
        launch = ["torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
        launch += [
            "--node_rank",
            str(rank),
            "--master_addr",
            "127.0.0.1",
            "--master_port",
            str(port),
        ]
        run = ["-m", "zoo", "fit", "-c", uneven, *DDP, "--trainer.num_nodes", "2"]
        run += ["--trainer.devices", "1", "--trainer.default_root_dir", "nodes"]
        nodes.append(
            subprocess.Popen(
                [sys.executable, "-m", *launch, *run],
                env={**environment(), "GLOO_SOCKET_IFNAME": "lo"},
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
        )
    told = [node.communicate(timeout=200)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], told
    assert zoo("fit", "-c", uneven, "--trainer.default_root_dir", "one")[0] == 0
    assert_equal_runs("one", "nodes")
    # torchrun's own agents may complain when one of them ends first; nothing of ours may
    assert re.search(r'File "[^"]*/zoo/(?:\w+/)*\w+\.py"', "".join(told)) is None
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
