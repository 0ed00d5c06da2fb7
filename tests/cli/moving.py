"""Files of trajectories and releases that roll them out, small ones, for tests of `zoo predict`."""

from pathlib import Path

import h5py
import numpy as np
import torch

import zoo as package
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Contents
from zoo.data.formats.well_writer import WellWriter
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine

GRID, BOX, DT = (8, 6), (2.0, 1.5), 0.1
CHANNELS = ("velocity_x", "velocity_y")


def released(path, *, history=2, horizon=1, offset=1, gain=1.0, **more):
    """A net of two velocities, a wall that stays and a viscosity; random, but not wild."""
    units = {"velocity_x": "m/s", "velocity_y": "m/s", "wall": "1", "nu": "m^2/s"}
    face = Interface(
        (*CHANNELS, "wall"), CHANNELS, ("nu",), units, BOX, dt=DT, history=history,
        horizon=horizon, offset=offset,
    )  # fmt: skip
    torch.manual_seed(0)
    model = FNO(face, Affine(), width=4, modes=2, layers=1)
    with torch.no_grad():
        model.output.weight *= gain
    return package.save_pretrained(model, path, **more)


def contents(frames, trajectories=5, constants=("wall",), **more):
    told = {
        "path": Path("mine.h5"), "layout": "The Well", "channels": CHANNELS,
        "constants": constants, "coefficients": ("nu",), "shape": GRID, "frames": frames,
        "trajectories": trajectories, "box": BOX, "boundary": "periodic", "dt": DT,
        "units": {"velocity_x": "m/s", "velocity_y": "m/s", "nu": "m^2/s"},
    }  # fmt: skip
    return Contents(**{**told, **more})


def recorded(path, frames=7, trajectories=5, change=None, **more):
    """A file of trajectories in The Well's format, and what is in it."""
    held = contents(frames, trajectories, **more)
    rng = np.random.default_rng(1)
    fields = rng.normal(size=(trajectories, frames, 3, *held.shape)).astype(np.float32)
    fields[:, :, 2] = fields[:, :1, 2]
    if change is not None:
        change(fields)
    p = np.linspace(0.1, 0.5, trajectories)[:, None]
    with WellWriter(path, held) as writer:
        writer.add(fields, p)
    return fields, p


def rolled(folder, fields, p, steps, start=0):
    """The rollout by hand: frame by frame, the wall carried along."""
    model = package.from_pretrained(folder)
    want = model.interface
    u, found = torch.as_tensor(fields[:, start : start + want.history]), []
    with torch.no_grad():
        while sum(y.shape[1] for y in found) < steps:
            y = model(u, torch.as_tensor(p).float())
            found.append(y)
            wall = u[:, :1, 2:].expand(-1, y.shape[1], -1, -1, -1)
            u = torch.cat([u, torch.cat([y, wall], 2)], 1)[:, -want.history :]
    return torch.cat(found, 1)[:, :steps].numpy()


def frames_of(path):
    recording = opened(path)
    held = recording.contents
    every = [recording.read(i, 0, held.frames) for i in range(held.trajectories)]
    recording.close()
    return np.stack(every), held


def inside(path):
    """Every array and attribute of a file; its bytes also hold the time of writing."""
    found = {}
    with h5py.File(path) as file:
        found.update({name: repr(value) for name, value in file.attrs.items()})

        def look(name, item):
            found.update({f"{name}.{key}": repr(value) for key, value in item.attrs.items()})
            if isinstance(item, h5py.Dataset):
                found[name] = item[()].tobytes()

        file.visititems(look)
    return found


def plain(*words):
    return (*words, "--no-pictures")
