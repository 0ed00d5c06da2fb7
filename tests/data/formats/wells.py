"""Files in The Well's format for tests, written field by field with h5py as its package does."""

from pathlib import Path

import h5py
import numpy as np


def write(
    path: Path,
    fields: dict[str, np.ndarray],
    *,
    axes: str = "xy",
    frames: int = 6,
    trajectories: int = 3,
    **options: dict,
) -> Path:
    """A file with periodic sides; a name "1:velocity" is a vector field, "0:density" a scalar.

    `options[name]` are attributes of the field, or of `create_dataset` if it takes them.
    """
    points = next(iter(fields.values())).shape[2]
    with h5py.File(path, "w") as file:
        file.attrs["dataset_name"], file.attrs["grid_type"] = path.stem, "cartesian"
        file.attrs["n_spatial_dims"], file.attrs["n_trajectories"] = len(axes), trajectories
        file.attrs["simulation_parameters"] = []
        group = file.create_group("dimensions")
        group.attrs["spatial_dims"] = list(axes)
        for name, count in (("time", frames), *((axis, points) for axis in axes)):
            group[name] = np.arange(count, dtype=np.float32) / count
            group[name].attrs["sample_varying"] = group[name].attrs["time_varying"] = False
        sides = file.create_group("boundary_conditions")
        for axis in axes:
            side(sides, axis, "PERIODIC", points)
        file.create_group("scalars").attrs["field_names"] = []
        for rank in range(3):
            names = [name[2:] for name in fields if name.startswith(str(rank))]
            file.create_group(f"t{rank}_fields").attrs["field_names"] = names
            for name in names:
                given = dict(options.get(name, {}))
                taken = {key: given.pop(key) for key in ("chunks", "compression") if key in given}
                item = file[f"t{rank}_fields"].create_dataset(
                    name, data=fields[f"{rank}:{name}"], **taken
                )
                attributes = {"dim_varying": [True] * len(axes), "sample_varying": True}
                item.attrs.update({**attributes, "time_varying": True, **given})
    return path


def side(group: h5py.Group, axis: str, kind: str, points: int, mask: object = (0, -1)) -> None:
    """A boundary condition at the ends of one axis."""
    own = group.create_group(f"{axis}_{kind.lower()}")
    own.attrs["associated_dims"], own.attrs["associated_fields"] = [axis], []
    own.attrs["bc_type"] = kind
    own.attrs["sample_varying"] = own.attrs["time_varying"] = False
    held = np.zeros(points, bool)
    held[list(mask)] = True
    own["mask"] = held
