"""Time and memory of our FNO against neuraloperator 2.0.0's, with the same weights.

    pip install .[benchmarks]
    OMP_NUM_THREADS=1 python -m tests.benchmarks.fno_speed [--device cuda] [--rounds 7]

CPU seconds of one thread (`time.process_time`), or CUDA events; the two take turns, and each figure
is the least of all rounds. "once": their block with one gelu, the same function as ours, checked to
1e-5; "as is": as shipped, with two. A step is forward, backward and AdamW with torch's defaults;
"fused" is ours with AdamW(fused=True), which their complex weights refuse.
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn

from tests.benchmarks import peer

# width, waves kept (both signs), grid, batch; "modes 16" is 16 waves an axis in neuraloperator's
# words and -16 ... 15 in the paper's, so both are run
CASES = [(64, 16, 64, 8), (64, 32, 64, 8), (32, 12, 32, 32), (32, 24, 32, 32)]
CASE = "| width | waves kept | grid | batch |"


def stepper(net: nn.Module, u: torch.Tensor, fused: bool, half: bool) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, **({"fused": True} if fused else {}))

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(u.device.type, torch.bfloat16) if half else nullcontext():
            y = peer.call(net, u)
        y.float().square().mean().backward()
        optimizer.step()

    return step


def reader(net: nn.Module, u: torch.Tensor, half: bool) -> Callable[[], None]:
    def forward() -> None:
        with torch.no_grad(), torch.autocast(u.device.type, torch.bfloat16, enabled=half):
            peer.call(net, u)

    return forward


def seconds(call: Callable[[], None], device: str) -> float:
    if device == "cpu":
        start = time.process_time()
        call()
        return time.process_time() - start
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    for _ in range(10):
        call()
    last.record()
    torch.cuda.synchronize()
    return first.elapsed_time(last) / 1e4


def alternate(calls: list[Callable[[], None]], device: str, rounds: int) -> list[float]:
    """Least milliseconds of each, taking turns; the first round warms up."""
    best = [float("inf")] * len(calls)
    for round_ in range(rounds + 1):
        for i, call in enumerate(calls):
            for _ in range(2):  # the second finds its own data in the cache
                spent = 1e3 * seconds(call, device)
                best[i] = min(best[i], spent) if round_ else best[i]
    return best


def time_case(case: tuple[int, ...], device: str, rounds: int, half: bool) -> list[str]:
    width, kept, n, batch = case
    net, once = (m.to(device) for m in peer.pair(width, (kept, kept)))
    as_is = peer.theirs(width, (kept, kept), once=False).to(device)
    u = torch.randn(batch, 1, n, n, device=device)
    with torch.no_grad():
        mine, want = peer.call(net, u), peer.call(once, u)
    apart = float((mine - want).abs().max() / want.abs().max())
    if apart > 1e-5:
        raise SystemExit(f"not the same function: outputs differ by {apart:.1e}")
    nets, rows = (net, once, as_is), []
    forward = alternate([reader(m, u, half) for m in nets], device, rounds)
    calls = [stepper(m, u, False, half) for m in nets] + [stepper(net, u, True, half)]
    *step, fused = alternate(calls, device, rounds)
    title = f"| {width} | {kept}x{kept} | {n}x{n} | {batch} |"
    for what, (a, b, c) in (("forward", forward), ("step", step), ("fused", [fused, *step[1:]])):
        name = what + (" bf16" if half else "")
        rows.append(f"{title} {name} | {a:.1f} | {b:.1f} | {a / b:.2f} | {c:.1f} | {a / c:.2f} |")
    return rows


def saved(net: nn.Module, u: torch.Tensor) -> float:
    """MiB that autograd keeps between forward and backward, parameters apart."""
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept = {}

    def pack(x: torch.Tensor) -> torch.Tensor:
        if x.untyped_storage().data_ptr() not in own:
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        y = peer.call(net, u)
    size = sum(storage.nbytes() for storage in kept.values())
    del y
    return size / 2**20


def peak(name: str, case: tuple[int, ...], device: str) -> tuple[float, float, float]:
    """MiB saved by autograd, and the peak above rest of a forward and of a step."""
    width, kept, n, batch = case
    net = (peer.ours if name == "ours" else peer.theirs)(width, (kept, kept)).to(device)
    u = torch.randn(batch, 1, n, n, device=device)
    peaks = []
    for call in (reader(net, u, False), stepper(net, u, False, False)):
        rest = _memory(device, True)
        call()
        call()
        peaks.append(_memory(device, False) - rest)
    return saved(net, u), *peaks


def _memory(device: str, now: bool) -> float:
    if device != "cpu":
        if now:
            torch.cuda.reset_peak_memory_stats()
        return torch.cuda.max_memory_allocated() / 2**20
    if now:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew, from what is held now
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return int(status["VmHWM"].split()[0]) / 2**10


def memory_rows(device: str) -> list[str]:
    rows = []
    for i, (width, kept, n, batch) in enumerate(CASES):
        found = {}
        for name in ("ours", "theirs"):
            # a process of its own, since the peak of a process never falls
            command = [sys.executable, "-m", "tests.benchmarks.fno_speed", "--device", device]
            command += ["--memory", name, str(i)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found[name] = [float(x) for x in out.split()[-3:]]
        title = f"| {width} | {kept}x{kept} | {n}x{n} | {batch} |"
        cells = [f"{a:.0f} | {b:.0f} | {a / b:.2f}" for a, b in zip(*found.values(), strict=True)]
        rows.append(f"{title} {' | '.join(cells)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # the peer's
    if given.memory:
        print(*peak(given.memory[0], CASES[int(given.memory[1])], given.device))
        return
    where = "one CPU thread" if given.device == "cpu" else torch.cuda.get_device_name()
    columns = "what | ours ms | theirs once | ratio | as is | ratio |"
    print(f"torch {torch.__version__}, {where}\n\n{CASE} {columns}\n|{'---|' * 10}")
    for half in (False,) if given.device == "cpu" else (False, True):
        for case in CASES:
            print(*time_case(case, given.device, given.rounds, half), sep="\n", flush=True)
    columns = (
        "saved MiB | theirs | ratio | forward peak MiB | theirs | ratio | step peak MiB | theirs"
    )
    print(f"\n{CASE} {columns} | ratio |\n|{'---|' * 13}")
    print(*memory_rows(given.device), sep="\n")


if __name__ == "__main__":
    main()
