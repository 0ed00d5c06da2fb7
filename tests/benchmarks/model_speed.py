"""Time and memory of our models beside the nearest public ones, as users build them.

    pip install neuraloperator==2.0.0
    python -m venv WELL && WELL/bin/pip install "the_well[benchmark]" jaxtyping safetensors
    python -m venv NEMO && NEMO/bin/pip install nvidia-physicsnemo jaxtyping safetensors
    OMP_NUM_THREADS=1 python -m tests.benchmarks.model_speed --python WELL/bin/python \\
        --python NEMO/bin/python --write

The peers share no environment: each pair runs in the first interpreter that has the peer, ours and
theirs in turns in one process, and a pair that none has is a line that says so. 8 frames in, one
out. CPU seconds of one thread, the least of all rounds. A step is forward, backward and AdamW with
torch's defaults. Memory as in fno_speed: MiB that autograd keeps, and the peak above rest of a
step, each in a process of its own. These are different functions of sizes that a user would take,
not one function twice: look at the parameters.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.benchmarks.fno_speed import _memory, alternate
from tests.benchmarks.model_peers import PEERS, Ours

FRAMES = 8
CASES = [(32, 32), (64, 8)]  # grid side, batch
RESULTS = Path(__file__).with_name("results_models.md")
COLUMNS = "parameters (thousands) | forward ms | step ms | saved MiB | step peak MiB"


def make(which: str, i: int, n: int) -> nn.Module:
    torch.manual_seed(0)
    return Ours(PEERS[i], FRAMES, n) if which == "ours" else PEERS[i].theirs(FRAMES, n)


def stepper(net: nn.Module, u: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        net(u).square().mean().backward()
        optimizer.step()

    return step


def reader(net: nn.Module, u: Tensor) -> Callable[[], None]:
    def forward() -> None:
        with torch.no_grad():
            net(u)

    return forward


def saved(net: nn.Module, u: Tensor) -> float:
    """MiB that autograd keeps between forward and backward, parameters apart."""
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept = {}

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        y = net(u)
    size = sum(storage.nbytes() for storage in kept.values())
    del y
    return size / 2**20


def size(net: nn.Module) -> int:
    """Real parameters: a complex one is two."""
    return sum(p.numel() * (1 + p.is_complex()) for p in net.parameters())


def times(i: int, n: int, batch: int, rounds: int) -> dict[str, list[float]]:
    """Ours and theirs: parameters in thousands, milliseconds of a forward and of a step."""
    nets, u = [make(which, i, n) for which in ("ours", "theirs")], torch.randn(batch, FRAMES, n, n)
    for net in nets:
        if (shape := tuple(net(u).shape)) != (batch, 1, n, n):
            raise SystemExit(f"{PEERS[i].name} gives {shape}, not {(batch, 1, n, n)}")
    return {
        "parameters": [size(net) / 1e3 for net in nets],
        "forward": alternate([reader(net, u) for net in nets], "cpu", rounds),
        "step": alternate([stepper(net, u) for net in nets], "cpu", rounds),
    }


def memory(which: str, i: int, n: int, batch: int) -> list[float]:
    """MiB saved by autograd, and the peak above rest of a step."""
    net, u = make(which, i, n), torch.randn(batch, FRAMES, n, n)
    step, kept = stepper(net, u), saved(net, u)
    rest = _memory("cpu", True)
    step()
    step()
    return [kept, _memory("cpu", False) - rest]


def one(what: str, i: int, n: int, batch: int, rounds: int) -> object:
    """What a child process prints: figures, or why there are none."""
    warnings.simplefilter("ignore")  # the peers'
    try:
        version = importlib.metadata.version(PEERS[i].package)
        found = times(i, n, batch, rounds) if what == "times" else memory(what, i, n, batch)
    except ImportError as error:  # PackageNotFoundError among them
        return {"missing": str(error)}
    return {"found": found, "version": version, "torch": torch.__version__}


def ask(python: str, *arguments: object) -> dict:
    command = [python, "-m", "tests.benchmarks.model_speed", "--one", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(i: int, n: int, batch: int, rounds: int, pythons: list[str]) -> str:
    peer = PEERS[i]
    given = ", ".join(f"{key}={value}" for key, value in peer.arguments.items())
    title = f"| {n}x{n} | {batch} | {peer.ours[1]}({given}) | {peer.package}"
    missing = []
    for python in pythons:
        told = ask(python, "times", i, n, batch, rounds)
        if "missing" in told:
            missing.append(told["missing"])
            continue
        found, kept = told["found"], [ask(python, w, i, n, batch, 0) for w in ("ours", "theirs")]
        pairs = list(zip(*(k["found"] for k in kept), strict=True))
        cells = [found["parameters"], found["forward"], found["step"], *pairs]
        text = [f"{a:.1f} : {b:.1f} = {a / b:.2f}" for a, b in cells]
        return f"{title} {told['version']} {peer.name} | {' | '.join(text)} | {told['torch']} |"
    return f"{title} {peer.name} | skipped: {missing[-1]} {'| ' * 5}|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", default=[], help="where else peers are")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--smoke", action="store_true", help="two samples, one round, one grid")
    parser.add_argument("--write", action="store_true", help=f"also to {RESULTS.name}")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.one:
        print(json.dumps(one(given.one[0], *map(int, given.one[1:]))))
        return
    cases = [(32, 2)] if given.smoke else CASES
    rounds = 1 if given.smoke else given.rounds
    lines = [
        "# Our models beside public ones, as tests/benchmarks/model_speed.py wrote it",
        "",
        (__doc__ or "").split("\n\n")[2].replace("\n", " ").strip(),
        "",
        f"One CPU thread, least of {rounds} rounds; cells are ours : theirs = ratio.",
        "",
        f"| grid | batch | ours | theirs | {COLUMNS} | torch |",
        f"|{'---|' * 10}",
    ]
    print(*lines, sep="\n", flush=True)
    for n, batch in cases:
        for i in range(len(PEERS)):
            lines.append(row(i, n, batch, rounds, [sys.executable, *given.python]))
            print(lines[-1], flush=True)
    if given.write:
        RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
