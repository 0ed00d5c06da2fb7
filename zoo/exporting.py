"""`zoo data describe | export`: what a recipe generates, told beforehand or written to a file."""

import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo import reading, shelf
from zoo.card_names import gathered
from zoo.data import arrays, cache
from zoo.data.fields import SPLITS, Fields, FieldSet
from zoo.data.formats.recording import Contents
from zoo.data.formats.well_writer import WellWriter
from zoo.data.frames import whole
from zoo.data.points.fresh import Fresh
from zoo.data.points.point_data import PointData
from zoo.data.recorded import UNSTATED
from zoo.data.spins.spin_data import SpinData
from zoo.data.spins.spins import Spins
from zoo.models.base import block, build
from zoo.reading import Mistake

PACKAGES = ("zoo.data.", "zoo.pde.", "zoo.models.")
CHUNK = 32
LATTICES = 2**14


def module(recipe: str) -> Any:
    """The data module of a recipe, built and not yet filled."""
    path = shelf.recipes().get(recipe, Path(recipe))
    content = reading.read(Path(recipe) if Path(recipe).is_file() else path, recipe).content
    if "stages" in content:
        raise Mistake(f"{recipe} is a chain; name one of the recipes of its stages")
    if not isinstance(content.get("data"), dict):
        raise Mistake(f"{recipe} names no data")
    return build(content["data"], object, PACKAGES)


def describe(recipe: str) -> str:
    """Samples, grids, bytes and cache folders of a recipe's data, without generating anything."""
    data = module(recipe)
    if isinstance(data, PointData):
        return "\n".join([f"points of {recipe}", *_points(data), "disk still needed: 0.0 MB"])
    if isinstance(data, SpinData):
        return "\n".join([f"lattices of {recipe}; cache: {shelf.cache_dir()}", *_spins(data)])
    lines = [f"data of {recipe}; cache: {shelf.cache_dir()}"]
    need = 0
    for item in data.sets:
        if not hasattr(item, "spec"):
            told = ", ".join(f"{item.count(split)} {split}" for split in SPLITS)
            lines.append(f"{item.name}: {told}, grid {_grid(item.shape())}, from {item.path}")
            continue
        grid = _grid(item.shape())
        lines.append(
            f"{item.name}: {block(item)['init_args']['equation']['class_path']}, grid {grid}"
        )
        for name, (low, high) in item.ranges.items():
            lines.append(f"  {name} in [{low:.4g}, {high:.4g}] {_unit(item.units[name])}".rstrip())
        for split in SPLITS:
            folders = [cache.folder(spec) for spec in item.specs(split)]
            there = sum((folder / "spec.json").is_file() for folder in folders)
            missing = len(folders) - there
            need += item.bytes(split) * missing // max(len(folders), 1)
            state = _state(there, missing)
            size = f"{item.bytes(split) / 1e6:.1f} MB"
            place = folders[0] if len(folders) == 1 else cache.folder(item.spec(split)).parent
            lines.append(
                f"  {split:<10} {item.count(split):>6} samples  {size:>10}  {state}  {place}"
            )
    lines.append(f"disk still needed: {need / 1e6:.1f} MB")
    return "\n".join(lines)


def _points(data: PointData) -> list[str]:
    """Intervals and parts of a cloud of points."""
    equation = data.equation
    place = f"{type(equation).__module__}.{type(equation).__qualname__}"
    often = "at every step" if isinstance(data, Fresh) else "when a run starts"
    lines = [f"{equation.name}: {place}, drawn anew {often}"]
    told = [
        [name, f"in [{low:.4g}, {high:.4g}] {_unit(equation.units[name])}"]
        for name, (low, high) in equation.region.items()
    ]
    lines += [f"  {' '.join(row)}".rstrip() for row in gathered(told, 0)]
    for name, part in data.drawn().items():
        keys = ", ".join(f"{key} {tuple(value.shape[1:])}" for key, value in part.items())
        lines.append(f"  {name:<10} {len(part['x']):>6} points  {keys}")
    return lines


def _spins(data: SpinData) -> list[str]:
    """Energy, temperature and splits of lattices."""
    system = data.system
    place = "" if system is None else f": {type(system).__module__}.{type(system).__qualname__}"
    lines = [f"{data.systems[0]}{place}, {data.colours} colours, T0 = {data.temperature:.6g}"]
    sites, need = math.prod(data.shape), 0
    for split in SPLITS:
        if not isinstance(data, Spins):
            lines.append(f"  {split:<10} {len(data.lattices(split)):>6} lattices  from the file")
            continue
        spec = data.spec(split)
        folder, size = cache.folder(spec), spec["count"] * sites
        there = (folder / "spec.json").is_file()
        need += 0 if there else size
        state = _state(int(there), int(not there))
        told = f"{spec['count']:>6} lattices  {size / 1e6:>7.1f} MB  {state}  {folder}"
        lines.append(f"  {split:<10} {told}")
    return [*lines, f"disk still needed: {need / 1e6:.1f} MB"]


def _lattices(data: SpinData, split: str, target: Path) -> str:
    """Write lattices with their temperature, as `RecordedSpins` reads them."""
    told = {"system": data.systems[0], "split": split, "colours": data.colours}
    count = 0
    with arrays.Writer(target, told) as writer:
        for rows in data.lattices(split).split(LATTICES):
            t = np.full(len(rows), data.temperature)
            writer.add(s=rows.numpy(), T0=t)
            count += len(rows)
    return f"{target}: {count} lattices"


def _state(there: int, missing: int) -> str:
    if there and missing:
        return f"{there} of {there + missing} chunks in the cache"
    return "will be generated" if missing else "in the cache"


def export(recipe: str, split: str, out: Path | None = None) -> str:
    """Write one split of each system to a file that `predict`, `evaluate` and `adapt` take.

    Trajectories go into The Well's format, unless the file is an .npz. Lattices of spins go into
    one that `zoo.data.spins.recorded.RecordedSpins` takes.
    """
    data = module(recipe)
    if isinstance(data, PointData):
        raise Mistake(
            f"{recipe} trains on points of {data.equation.name}, not on fields; ask the equation's "
            "own solution(x) for values anywhere"
        )
    target = out if out is not None else Path(f"{Path(recipe).stem}-{split}.h5")
    if isinstance(data, SpinData):
        return _lattices(data, split, target)
    targets = [
        target
        if len(data.sets) == 1
        else target.with_name(f"{target.stem}-{item.name}{target.suffix}")
        for item in data.sets
    ]
    for item in data.sets:
        if not item.count(split):
            raise Mistake(f"{item.name} of {recipe} has no {split} samples; name another --split")
    _room(data.sets, split, target)
    pairs = zip(data.sets, targets, strict=True)
    return "\n".join(_written(item, split, target) for item, target in pairs)


def _room(sets: Sequence[FieldSet], split: str, target: Path) -> None:
    """Say what the files need, and refuse where there is less.

    Raises:
        Mistake: the disk is too small.
    """
    need = sum(item.count(split) * _sample_bytes(item) for item in sets)
    free = shutil.disk_usage(shelf.nearest(target.absolute().parent)).free
    told = f"{target} needs {need / 1e6:.1f} MB of disk, {free / 1e6:.1f} MB are free"
    if need > free:
        raise Mistake(f"{told}; free some, or name another place by --out")
    print(told, file=sys.stderr)


def _sample_bytes(item: FieldSet) -> int:
    points, coefficients = 4 * math.prod(item.shape()), 8 * len(item.coefficients)
    if item.length is None:
        return points * (len(item.inputs) + len(item.outputs)) + coefficients
    constants = len(item.inputs) - len(item.outputs)
    return points * (item.length * len(item.outputs) + constants) + coefficients


def _written(item: FieldSet, split: str, target: Path) -> str:
    """One set's split in a file of its own; what was written."""
    fields = item.split(split)
    told: dict[str, Any] = {"system": item.name, "split": split}
    parts = [(k, min(k + CHUNK, len(fields))) for k in range(0, len(fields), CHUNK)]
    if fields.frames is not None and target.suffix in arrays.HDF5:
        with WellWriter(target, _contents(item, target, len(fields)), attributes=told) as writer:
            for start, stop in parts:
                frames = whole(fields.frames, start, stop).numpy()
                writer.add(frames, fields.p[start:stop].numpy())
        return f"{target}: {len(fields)} trajectories"
    units = {f"unit of {channel}": unit for channel, unit in item.units.items()}
    with arrays.Writer(target, {**told, "box": list(item.box), **units}) as writer:
        for start, stop in parts:
            p = fields.p[start:stop].numpy()
            columns = {name: p[:, i] for i, name in enumerate(item.coefficients)}
            writer.add(**_columns(item, fields, start, stop), **columns)
    return f"{target}: {len(fields)} samples"


def _contents(item: FieldSet, target: Path, count: int) -> Contents:
    assert item.length is not None
    return Contents(
        path=target,
        layout="The Well",
        channels=item.outputs,
        constants=item.inputs[len(item.outputs) :],
        coefficients=item.coefficients,
        shape=item.shape(),
        trajectories=count,
        frames=item.length,
        box=item.box,
        boundary=None if item.boundary == UNSTATED else item.boundary,
        dt=item.dt,
        units=dict(item.units),
    )


def _columns(item: FieldSet, fields: Fields, start: int, stop: int) -> dict[str, np.ndarray]:
    """Each channel by name: whole trajectories, or inputs and targets."""
    if fields.frames is not None:
        frames = whole(fields.frames, start, stop).numpy()
        return {name: _plain(frames[:, :, i]) for i, name in enumerate(item.inputs)}
    u, y = (whole(values, start, stop).numpy() for values in (fields.u, fields.y))
    columns = {name: _plain(u[:, :, i]) for i, name in enumerate(item.inputs)}
    return columns | {name: _plain(y[:, :, i]) for i, name in enumerate(item.outputs)}


def _plain(field: np.ndarray) -> np.ndarray:
    """One frame is written without its axis."""
    return field[:, 0] if field.shape[1] == 1 else field


def _grid(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
