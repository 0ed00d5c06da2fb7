"""kill -9 at any moment, run again: the same weights as uninterrupted."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.cli.conftest import recipe, write
from tests.recipes.conftest import few
from tests.recipes.test_chain import releases
from zoo.cli import main


@pytest.fixture
def long(here):
    """Two stages of 24 steps, with a checkpoint after each step."""
    for name, content in (("pretrain", recipe()), ("few", few())):
        content["trainer"]["max_epochs"] = 8
        content["save_seconds"] = 0
        write(here / f"{name}.yaml", content)
    uses = {"model.init_from": "pretrain"}
    stages = {
        "pretrain": {"recipe": "pretrain.yaml", "test": True},
        "tuned": {
            "recipe": "few.yaml",
            "uses": uses,
            "matrix": {"seed_everything": [0, 1]},
            "test": True,
        },
    }
    return write(here / "long.yaml", {"stages": stages})


def begin(words):
    """The command in a copy of this process, which costs no imports."""
    child = os.fork()
    if child:
        return child
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os._exit(main(words))


def _killed_after(words, seconds):
    """Whether the command had to be killed after that long; its exit code if it had ended."""
    child = begin(words)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def test_killed_at_random_moments_the_weights_are_the_same(long, zoo, here):
    begun = time.monotonic()
    assert zoo("run", long, "--out", "whole")[0] == 0
    whole = time.monotonic() - begun
    moments = random.Random(7)
    kills, seen = 0, set()
    for _ in range(40):
        # later tries get longer: a kill that always comes too early would never end
        code = _killed_after(
            ["run", long, "--out", "cut"], moments.uniform(0.05, 0.3 + kills / 20) * whole
        )
        seen |= {path.parts[1] for path in Path().glob("cut/*/**/last.ckpt")}
        if code is not None:
            break
        kills += 1
    assert code == 0
    assert kills >= 4 and seen == {"pretrain", "tuned"}
    assert releases(here / "cut") == releases(here / "whole")
    left = [path.name for path in Path("cut").rglob("*") if path.suffix in (".part", ".old")]
    told = [path.name for path in Path("whole").rglob("*.part")]
    assert told == [] and all(name.startswith(".") for name in left)


def test_half_a_checkpoint_is_never_left(here):
    """Killed while it writes, the file is the old one or the new one."""
    import torch

    from zoo.checkpointing import AtomicCheckpointIO

    files = AtomicCheckpointIO()
    states = [{"step": i, "weights": torch.full((500_000,), float(i))} for i in range(2)]
    files.save_checkpoint(states[0], here / "last.ckpt")
    for i in range(8):
        child = os.fork()
        if not child:
            while True:
                files.save_checkpoint(states[i % 2], here / "last.ckpt")
        time.sleep(0.01 + 0.003 * i)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        read = files.load_checkpoint(here / "last.ckpt")
        assert bool((read["weights"] == read["step"]).all())


def test_a_checkpoint_is_never_unpickled(here):
    import torch

    from zoo.checkpointing import AtomicCheckpointIO

    torch.save({"state": Path("x")}, here / "bad.ckpt")
    with pytest.raises(Exception, match=r"weights_only|WeightsUnpickler|Unsupported"):
        AtomicCheckpointIO().load_checkpoint(here / "bad.ckpt", weights_only=False)
