"""One of two gloo processes, which train all that is split over processes: `... tests.gloo 0 DIR`.

One pair for all suites: what such a process costs is its imports.
"""

import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from tests.data import parallel_files as files
from tests.models import parallel as models
from tests.objectives import parallel as pretext
from tests.objectives import parallel_points as points
from tests.objectives import parallel_spins as spins

WORLD = 2
SUITES = {"models": models, "pretext": pretext, "points": points, "spins": spins, "files": files}


def main() -> None:
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD)
    for name, suite in SUITES.items():
        found = {key: value.contiguous() for key, value in suite.states(rank, WORLD).items()}
        save_file(found, folder / f"{name}{rank}.safetensors")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
