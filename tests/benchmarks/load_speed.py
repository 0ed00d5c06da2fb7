"""Time to load a release of about 70 MB against neuraloperator 2.0.0's `from_checkpoint`.

    pip install .[benchmarks]
    OMP_NUM_THREADS=1 python -m tests.benchmarks.load_speed [--rounds 7]

Seconds on the wall of one thread, the two taking turns, files in the page cache; each figure is the
least of all rounds. Ours maps the file and reads a page when it is first used, so "and use" adds
one pass over all weights to both. "first load" reads the file's sha256 as well.
"""

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import zoo
from tests.benchmarks import peer
from zoo import shelf
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine

WIDTH, MODES = 64, 16
"""Waves -16 ... 15: the peer calls them 32."""


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def touch(net: nn.Module) -> float:
    """One pass over all weights."""
    with torch.no_grad():
        return sum(float(p.abs().sum()) for p in net.parameters())


def measure(rounds: int) -> dict[str, float]:
    """The least seconds of each way to load."""
    from neuralop.models import FNO as Peer

    least: dict[str, float] = {}

    def keep(name: str, value: float) -> None:
        least[name] = min(value, least.get(name, float("inf")))

    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["ZOO_CACHE"] = f"{place}/cache"
        ours = FNO(Interface(("f",), ("u",)), Affine(), width=WIDTH, modes=MODES)
        folder = zoo.save_pretrained(ours, Path(place) / "ours")
        theirs = peer.theirs(WIDTH, (2 * MODES, 2 * MODES), once=False)
        theirs.save_checkpoint(Path(place) / "theirs", "model")
        least["our MB"] = (folder / "model.safetensors").stat().st_size / 1e6
        least["their MB"] = (Path(place) / "theirs/model_state_dict.pt").stat().st_size / 1e6
        for _ in range(rounds):
            stamps = shelf.cache_dir() / "stamps"
            for stamp in stamps.glob("*.json"):
                stamp.unlink()
            keep("ours, first load", seconds(lambda: zoo.from_pretrained(folder))[0])
            spent, net = seconds(lambda: zoo.from_pretrained(folder))
            keep("ours, stamped", spent)
            keep("ours, stamped, and use", spent + seconds(lambda net=net: touch(net))[0])
            spent, net = seconds(lambda: Peer.from_checkpoint(Path(place) / "theirs", "model"))
            keep("theirs", spent)
            keep("theirs, and use", spent + seconds(lambda net=net: touch(net))[0])
    return least


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    least = measure(parser.parse_args().rounds)
    print(f"ours {least['our MB']:.1f} MB, theirs {least['their MB']:.1f} MB")
    print("| what | ms | of theirs |\n| --- | --- | --- |")
    for name, peers in (
        ("ours, stamped", "theirs"),
        ("ours, stamped, and use", "theirs, and use"),
        ("ours, first load", "theirs"),
        ("theirs", "theirs"),
        ("theirs, and use", "theirs, and use"),
    ):
        print(f"| {name} | {1e3 * least[name]:.1f} | {least[name] / least[peers]:.2f} |")


if __name__ == "__main__":
    main()
