"""Change a model's channels, waves and box: what is shared stays, what is new disturbs nothing."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.models.base import BlockError, Interface, Model, block
from zoo.shelf import ReleaseError
from zoo.surgery_report import LoadReport, report, told
from zoo.surgery_waves import Waves, by_length, same_band, spectral
from zoo.weights import make

Axes = Mapping[int, list[str]]


def adapt(
    model: Model,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    coefficients: Sequence[str] | None = None,
    frames: Mapping[str, Any] | None = None,
    waves: Waves = "number",
    **arguments: Any,
) -> Model:
    """The same model with other channels; its `load_report` tells what became of them.

    Channels and coefficients that both have keep their weights, wherever they stand now. A new
    input or coefficient starts with zero weights, so the function of the old ones is unchanged; a
    new output starts at random with the size of the old ones. What the normaliser knows goes along
    by name, and a new channel has its neutral values. Waves are kept by number: more `modes` start
    at zero and leave the function unchanged, fewer cut it off; on another box they then have other
    lengths, unless `waves="length"`.

    Args:
        model: a loaded model.
        inputs: names wanted, in order; None leaves them.
        outputs: names wanted, in order; None leaves them.
        coefficients: names wanted, in order; None leaves them.
        frames: any of the interface's dt, history, horizon and offset to change; a channel is
            one frame of a name, so frames that both have keep their weights. Where no output frame
            is shared, the new ones take over the old ones' weights in their order. The box,
            boundary and units (numbers stay as they are), and the temperature of a model of
            spins too.
        waves: what spectral weights belong to when the box changes: "number", waves per box, or
            "length": a wave takes the weight of the one of its wavelength, interpolated between
            neighbours, zero beyond; then `modes` not given are those that hold the same
            wavelengths.
        arguments: other arguments of the model to change, such as `modes` or `grid`.

    Raises:
        ReleaseError: the model cannot take these channels or arguments.
    """
    old = model.interface
    asked = {"inputs": inputs, "outputs": outputs, "coefficients": coefficients}
    wanted: dict[str, tuple[str, ...]] = {
        kind: getattr(old, kind) if names is None else tuple(names) for kind, names in asked.items()
    }
    kept = {name for group in wanted.values() for name in group}
    changed = _changed(old, dict(frames or {}), kept)
    if waves == "length" and "box" in changed and "modes" not in arguments:
        arguments["modes"] = same_band(model, changed["box"])
    unchanged = all(wanted[kind] == getattr(old, kind) for kind in wanted)
    if unchanged and not arguments and not changed:
        model.load_report = LoadReport(tuple(model.state_dict()))
        return model
    if not set(wanted["inputs"]) & set(old.inputs):
        raise ReleaseError(
            f"inputs={list(wanted['inputs'])} shares no name with the release's "
            f"{list(old.inputs)}: the adapted model would ignore its input; name one of them"
        )
    fresh = _fresh(model, wanted, changed, arguments)
    like, made = (next(one.parameters()) for one in (model, fresh))
    if like.dtype != made.dtype:
        fresh = fresh.to(like.dtype)  # buffers of another precision stay where nothing is asked
    by_wavelength = waves == "length" and "box" in changed
    loaded, adapted = _fill(model, fresh, by_wavelength)
    others = told(model, fresh, changed, arguments, waves)
    fresh.load_report = report(model, fresh, loaded, adapted, others)
    return fresh.eval()


def _changed(old: Interface, frames: dict[str, Any], kept: set[str]) -> dict[str, Any]:
    """What of `frames` the interface does not have yet."""
    if "box" in frames:
        frames["box"] = tuple(float(side) for side in frames["box"])
        if len(frames["box"]) != len(old.box):
            raise ReleaseError(
                f"box={list(frames['box'])} has {len(frames['box'])} sides, the release's "
                f"{list(old.box)} has {len(old.box)}: a model is of one dimension; start from "
                f"a release of {len(frames['box'])}, or train from scratch"
            )
    if "units" in frames:
        given = {name: unit for name, unit in frames["units"].items() if name in kept}
        known = {name: unit for name, unit in old.units.items() if name in kept}
        frames["units"] = {**known, **given}
        if frames["units"] == known:
            del frames["units"]
    return {k: v for k, v in frames.items() if getattr(old, k) != v}


def _fill(model: Model, fresh: Model, by_wavelength: bool) -> tuple[list[str], list[str]]:
    """Give `fresh` what `model` knows; names of tensors taken whole, and of the others."""
    before, after = _axes(model, fresh), fresh.channel_axes()
    found, parameters = model.state_dict(), {name for name, _ in fresh.named_parameters()}
    loaded, adapted, state = [], [], {}
    moved = spectral(after) if by_wavelength else []
    for name in moved:
        found[name] = by_length(found[name], before[name], after[name], model, fresh)
        before[name] = after[name]
    for name, tensor in fresh.state_dict().items():
        old, new = before.get(name, {}), after.get(name, {})
        if name in moved:
            state[name] = found[name]
            adapted.append(name)
            continue
        if name in found and tensor.shape == found[name].shape and old == new:
            state[name] = found[name].clone()
            loaded.append(name)
            continue
        try:
            state[name] = _moved(tensor, found.get(name), new, old, name in parameters)
        except ValueError as error:
            raise ReleaseError(
                f"{name} cannot be adapted: {error}; {type(model).__name__}.channel_axes must say "
                "which axis runs over which channels"
            ) from error
        adapted.append(name)
    fresh.load_state_dict(state)
    return loaded, adapted


def _axes(model: Model, fresh: Model) -> dict[str, dict[int, list[str]]]:
    """The release's channel axes; its output frames as the new ones if they share none."""
    old, new = model.interface, fresh.interface
    if set(old.slots("outputs")) & set(new.slots("outputs")):
        return model.channel_axes()
    # a body that looked one frame ahead and now looks further keeps its output layer
    model.interface = dataclasses.replace(old, offset=new.offset)
    try:
        return model.channel_axes()
    finally:
        model.interface = old


def _fresh(
    model: Model,
    wanted: Mapping[str, tuple[str, ...]],
    frames: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> Model:
    """A model of the same block with the wanted channels, drawn from a fixed seed."""
    kept = {name for group in wanted.values() for name in group}
    units = {name: unit for name, unit in model.interface.units.items() if name in kept}
    try:
        interface = dataclasses.replace(model.interface, **{"units": units, **wanted, **frames})
    except BlockError as error:
        raise ReleaseError(f"the wanted channels make no interface: {error}") from error
    described = block(model)
    given = described["init_args"] | dict(arguments)
    given["interface"] = dataclasses.asdict(interface)
    # a model around another one leaves scaling to it, and spins are not scaled
    scaling = given
    while "normaliser" not in scaling and "inner" in scaling:
        scaling = scaling["inner"]["init_args"]
    if "normaliser" in scaling:
        scaling["normaliser"]["init_args"] |= model.normaliser.carried(model.interface, interface)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return make({**described, "init_args": given})
        except ValueError as error:
            raise ReleaseError(f"the adapted model cannot be built: {error}") from error


def _moved(new: Tensor, old: Tensor | None, after: Axes, before: Axes, parameter: bool) -> Tensor:
    """`new` with the channels that `old` has too, and its own start for the others."""
    if not after:
        raise ValueError(f"it has shape {tuple(new.shape)} and names no channel axis")
    out = new.clone()
    inputs = [axis for axis in after if not _is_output(after[axis])]
    shared = {axis: [x for x in after[axis] if x in before.get(axis, [])] for axis in after}
    source = None
    if old is not None:
        if old.ndim != new.ndim:
            raise ValueError(f"it has {old.ndim} axes in the release and {new.ndim} now")
        source = old
        for axis, labels in shared.items():
            places = [before[axis].index(label) for label in labels]
            source = source.index_select(axis, torch.tensor(places, dtype=torch.long))
    if parameter:
        # a new output takes the size of the old ones, a new input nothing at all
        if len(inputs) < len(after) and source is not None and source.numel():
            out *= _rms(source) / _rms(out).clamp_min(1e-30) if out.ndim > 1 else 0.0
        for axis in inputs:
            places = [i for i, label in enumerate(after[axis]) if label not in shared[axis]]
            out.index_fill_(axis, torch.tensor(places, dtype=torch.long), 0.0)
    if source is None:
        return out
    lengths = [len(shared[i]) if i in after else n for i, n in enumerate(new.shape)]
    if list(source.shape) != lengths:
        raise ValueError(f"it has shape {tuple(old.shape) if old is not None else ()} there")
    places = [
        torch.tensor([after[i].index(x) for x in shared[i]] if i in after else range(n)).long()
        for i, n in enumerate(new.shape)
    ]
    grid = torch.meshgrid(*places, indexing="ij")
    out[grid] = source
    return out


def _is_output(labels: list[str]) -> bool:
    return all(label.startswith("outputs.") for label in labels)


def _rms(tensor: Tensor) -> Tensor:
    return tensor.square().mean().sqrt()
