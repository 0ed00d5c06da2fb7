"""Time to read a sample from a file in The Well's format against the_well's `WellDataset`.

    pip install .[test]
    OMP_NUM_THREADS=1 python -m tests.benchmarks.well_samples [--rounds 5] [--out results_files.md]

A sample is 4 input frames and 1 output frame of 4 channels: density, pressure and two components of
a velocity. Ours is what a loader's process does for it, `Gather[Share]` over `Recorded`, batch
included; theirs is `WellDataset[i]` without normalisation. The tensors are checked to be equal,
sample by sample. One thread, files in the page cache, the two taking turns with the same samples;
each figure is the least of all rounds, in milliseconds a sample, of CPU time and on the wall.
Contiguous files are as HDF5 writes them unless asked; the compressed ones hold a frame a chunk
(gzip 4) of travelling waves. Both files are larger than HDF5's cache of chunks. Ours unpacks
compressed frames once, when the file is first read and checked: that pass, which a run makes before
its first epoch and no later run makes again, is told below the table and not part of a sample.
"""

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from tests.benchmarks.cpu_time import conditions
from zoo.data.gather import Gather
from zoo.data.mixture import Mixture
from zoo.data.order import Share
from zoo.data.recorded import Clips, Recorded
from zoo.data.window import Window

SIZES = {32: (200, 60), 256: (8, 24)}
"""Trajectories and frames of a file by grid."""
INPUTS, OUTPUTS = 4, 1
SAMPLES = {32: 256, 256: 48}
"""Samples of a round."""


def smooth(rng: np.random.Generator, frames: int, n: int) -> np.ndarray:
    """Travelling waves, (frames, n, n), float32: what a solver writes."""
    x = np.arange(n) / n * 2 * np.pi
    t = np.arange(frames)[:, None, None] * 0.1
    total = np.zeros((frames, n, n))
    for _ in range(6):
        k, m = rng.integers(1, 6, 2)
        phase, speed, height = rng.uniform(0, 2 * np.pi), rng.normal(), rng.normal()
        total += height * np.sin(k * x[:, None] + m * x[None, :] + phase + speed * t)
    return total.astype(np.float32)


def write(path: Path, n: int, packed: bool) -> None:
    """A file in The Well's format: two scalars and a vector, periodic, no coefficients."""
    trajectories, frames = SIZES[n]
    rng = np.random.default_rng(0)
    fields = np.stack(
        [[smooth(rng, frames, n) for _ in range(4)] for _ in range(trajectories)]
    )  # (trajectories, 4, frames, n, n)
    with h5py.File(path, "w") as file:
        file.attrs["dataset_name"] = "waves"
        file.attrs["grid_type"] = "cartesian"
        file.attrs["n_spatial_dims"] = 2
        file.attrs["n_trajectories"] = trajectories
        file.attrs["simulation_parameters"] = np.array([], dtype="S1")
        place = file.create_group("dimensions")
        place.attrs["spatial_dims"] = ["x", "y"]
        for axis in ("x", "y"):
            place[axis] = (np.arange(n) / n).astype(np.float32)
            place[axis].attrs["sample_varying"] = False
        place["time"] = (np.arange(frames) * 0.1).astype(np.float32)
        place["time"].attrs["sample_varying"] = False
        sides = file.create_group("boundary_conditions")
        for axis in ("x", "y"):
            side = sides.create_group(f"{axis}_periodic")
            side.attrs["bc_type"] = "PERIODIC"
            side.attrs["associated_dims"] = [axis]
            side.attrs["associated_fields"] = np.array([], dtype="S1")
            side.attrs["sample_varying"] = side.attrs["time_varying"] = False
            side["mask"] = np.isin(np.arange(n), (0, n - 1))
        file.create_group("scalars").attrs["field_names"] = np.array([], dtype="S1")
        kinds = {
            "t0_fields": {"density": fields[:, 0], "pressure": fields[:, 1]},
            "t1_fields": {"velocity": np.moveaxis(fields[:, 2:], 1, -1)},
            "t2_fields": {},
        }
        for group, items in kinds.items():
            place = file.create_group(group)
            place.attrs["field_names"] = list(items) or np.array([], dtype="S1")
            for name, values in items.items():
                how: dict[str, Any] = {}
                if packed:
                    how = {"chunks": (1, 1, *values.shape[2:]), "compression": 4}
                item = place.create_dataset(name, data=values, **how)
                item.attrs["dim_varying"] = [True, True]
                item.attrs["sample_varying"] = item.attrs["time_varying"] = True


Sample = Callable[[int], Any]


def readers(folder: Path, n: int) -> tuple[Sample, Sample, float]:
    """Our sample and theirs by theirs' number, and seconds a frame of our first pass."""
    from the_well.data.datasets import WellDataset

    path = next(folder.glob("*.h5"))
    start = time.process_time()
    told = Recorded(str(path), train=1.0, validation=0.0, test=0.0, clips=Clips(INPUTS + OUTPUTS))
    window = Window(history=INPUTS, horizon=OUTPUTS)
    data = Mixture([told], 1, seed=0, window=window)
    gather: Any = data.train_dataloader().dataset
    assert isinstance(gather, Gather)
    spent = time.process_time() - start
    places = {tuple(place): i for i, place in enumerate(gather.splits[0].frames.places.tolist())}
    each = SIZES[n][1] - INPUTS - OUTPUTS + 1
    theirs = WellDataset(
        path=str(folder), n_steps_input=INPUTS, n_steps_output=OUTPUTS, use_normalization=False
    )
    assert len(theirs) == len(places)

    def ours(index: int) -> Any:
        return gather[Share([(0, places[divmod(index, each)])])]

    return ours, theirs.__getitem__, spent / (SIZES[n][0] * SIZES[n][1])


def equal(ours: Any, theirs: Any) -> None:
    """The same numbers, ours with channels first."""
    for one, two in ((ours["u"], theirs["input_fields"]), (ours["y"], theirs["output_fields"])):
        assert torch.equal(one[0], two.movedim(-1, 1)), "the two read different numbers"


def measure(calls: Sequence[Callable[[int], Any]], order: Sequence[int], rounds: int) -> list:
    """Least milliseconds a sample of each, (CPU, wall); the first round warms up."""
    best = [[math.inf, math.inf] for _ in calls]
    for turn in range(rounds + 1):
        for call, least in zip(calls, best, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            for index in order:
                call(index)
            spent = (time.process_time() - cpu, time.perf_counter() - wall)
            if turn:
                least[:] = [min(a, 1e3 * b / len(order)) for a, b in zip(least, spent, strict=True)]
    return best


def table(rounds: int) -> tuple[list[str], list[str]]:
    """Rows of the table, and what the first pass took; samples are compared first."""
    rows, passes = [], []
    for n in SIZES:
        for packed in (False, True):
            with tempfile.TemporaryDirectory() as place:
                os.environ["ZOO_CACHE"] = f"{place}/cache"
                folder = Path(place) / "data"
                folder.mkdir()
                write(folder / "waves.h5", n, packed)
                ours, theirs, first = readers(folder, n)
                total = SIZES[n][0] * (SIZES[n][1] - INPUTS - OUTPUTS + 1)
                mixed = np.random.default_rng(1).permutation(total)[: SAMPLES[n]].tolist()
                kind = "gzip, a frame a chunk" if packed else "contiguous"
                for order, name in ((range(SAMPLES[n]), "sequential"), (mixed, "shuffled")):
                    for index in order[:8]:
                        equal(ours(index), theirs(index))
                    (a, b), (c, d) = measure((ours, theirs), order, rounds)
                    rows.append(
                        f"| {n}x{n} | {kind} | {name} | {a:.3f} | {c:.3f} | {a / c:.2f} | "
                        f"{b:.3f} | {d:.3f} | {b / d:.2f} |"
                    )
                    print(rows[-1], flush=True)
                passes.append(f"{n}x{n} {kind} {1e3 * first:.2f}")
    return rows, passes


def main() -> None:
    """Print the table; write it with its head to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    head = (
        "| grid | file | order | our CPU ms | theirs | ratio | our wall ms | theirs | ratio |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    rows, passes = table(args.rounds)
    last = f"The first pass over a file, CPU milliseconds a frame: {'; '.join(passes)}."
    print(last)
    if args.out is not None:
        from importlib.metadata import version

        told = (
            "# A sample of 4 + 1 frames beside the_well's WellDataset, as the script printed it\n\n"
            "`python -m tests.benchmarks.well_samples`: see there for what is measured.\n\n"
            f"the_well {version('the_well')}, h5py {h5py.__version__}, {conditions()}\n\n"
        )
        args.out.write_text(f"{told}{head}\n" + "\n".join(rows) + f"\n\n{last}\n")


if __name__ == "__main__":
    main()
