"""Our step on Poisson's equation beside plain loops, DeepXDE and PINA; `highdim_jets` starts it.

    python -m tests.benchmarks.highdim_poisson 10 PYTHON ...

with the interpreters in which peers are looked for, and prints milliseconds.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tests.benchmarks.derl_cases import Case, closed, loss, plain, stepper, told
from tests.benchmarks.derl_lightning import through_lightning
from tests.benchmarks.derl_speed import Way, race, timed
from tests.benchmarks.highdim_cases import LAYERS, WIDTH
from zoo.pde.points.plane_wave_poisson import PlaneWavePoisson

COUNTS, ROUNDS, STEPS = (100, 100, 0), 7, 40


def textbook(case: Case, net: nn.Module, batch: dict[str, dict[str, Tensor]]) -> Tensor:
    """The loss as one writes it without this package, with nested `torch.autograd.grad`."""
    equation = case.equation
    assert isinstance(equation, PlaneWavePoisson)
    x = batch["interior"]["x"].detach().requires_grad_()

    def slope(y: Tensor) -> Tensor:
        return torch.autograd.grad(y.sum(), x, create_graph=True)[0]

    u = net(x)
    first = slope(u)
    curved = torch.stack([slope(first[:, i])[:, i] for i in range(x.shape[1])]).sum(0)[:, None]
    off = curved + equation.wave_number**2 * equation.solution(x.detach())
    sides = batch["boundary"]
    return off.square().mean() + (net(sides["x"]) - sides["y"]).square().mean()


def theirs(name: str, path: str, pythons: list[str]) -> dict[str, Any]:
    """A peer's step, best of two runs, and its version; or why there is none."""
    found: dict[str, Any] = {}
    for python in pythons:
        command = [python, "-m", "tests.benchmarks.highdim_peers", name, path, str(STEPS)]
        runs = [subprocess.run(command, capture_output=True, text=True) for _ in range(2)]
        if any(one.returncode for one in runs):
            found = {"missing": runs[0].stderr.strip().splitlines()[-1]}
            continue
        each = [json.loads(one.stdout.splitlines()[-1]) for one in runs]
        found = each[0]
        if "missing" not in found:
            return {**found, "ms": min(one["ms"] for one in each)}
    return found


def through(case: Case, kind: Literal["bare", "task"]) -> Way:
    """A way through Lightning's loop."""
    return lambda count: through_lightning(case, count + 1, kind)


def main(dimension: int, pythons: list[str]) -> dict[str, Any]:
    """Least milliseconds of a step by way, and the peers'."""
    equation = PlaneWavePoisson(dimension)
    case = Case(equation, (LAYERS, WIDTH), COUNTS, ("residual",))
    net, batch = case.net(), case.batch()
    ones = {name: part | {"weight": 1.0} for name, part in batch.items()}
    first = case.objective()(net, {**ones, "equation": equation})["loss"].detach()
    for other in (loss(case, net, batch, closed), textbook(case, net, batch)):
        if float((other.detach() / first - 1).abs()) > 1e-5:
            raise SystemExit(f"{dimension} dimensions: not the same loss")
    own = stepper(net, lambda: textbook(case, net, batch))
    ways = {"plain": timed(plain(case, closed)), "textbook": timed(own)}
    ms = race({**ways, "task": through(case, "task"), "bare": through(case, "bare")}, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/given.pt"
        torch.save({**told(case), "squared": equation.wave_number**2}, path)
        peers = {name: theirs(name, path, pythons) for name in ("DeepXDE", "PINA")}
    return {"ms": ms, "peers": peers}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # Lightning's, about loaders without workers
    logging.disable(logging.CRITICAL)  # Lightning's remarks
    os.environ["PYTHONWARNINGS"] = "ignore"
    # as after making data: once a large block was freed, glibc keeps freed pages for later steps
    torch.ones(7_900_000)
    print(json.dumps(main(int(sys.argv[1]), [sys.executable, *sys.argv[2:]])))
