"""Rollouts of the trajectories in a file, streamed into a file in The Well's format."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from rich.console import Console

from zoo import matching, predict_pictures, trust
from zoo.data.formats import detect
from zoo.data.formats.attributes import plain
from zoo.data.formats.finite import finite
from zoo.data.formats.recording import Recording, Told
from zoo.data.formats.well_stream import WellStream, reader
from zoo.models.operator import Operator
from zoo.predict_pictures import Predicted
from zoo.predict_plan import Asked, Plan, bar, planned
from zoo.trust import Verdict

SHOWN = 5
"""Trajectories that are told of where many have blown up."""


def rolled(model: Operator, file: Path, target: Path, asked: Asked, told: Told) -> Path:
    """Roll out every trajectory of a file; as in `zoo.predict.predict`.

    Raises:
        ValueError: the file has not what the model needs, or the result is there already and is
            another one.
    """
    if target.suffix not in (".h5", ".hdf5"):
        raise ValueError(f"{target}: trajectories are written to .h5, in The Well's format")
    console = Console(stderr=True)
    found = matching.match(model.interface, file, told)
    recording = detect.opened(str(file), found.told)
    try:
        plan = planned(model.interface, recording, asked)
        attributes = _attributes(plan, file, asked)
        if not asked.again and _is_there(target, attributes):
            _tell(console, f"{target} is complete already; --again makes it anew")
            return target
        for note in found.notes:
            _tell(console, note)
        verdict = _looked_at(model, recording, plan)
        if not verdict:
            _tell(console, str(verdict))
        with (
            WellStream(
                target,
                plan.contents,
                attributes=attributes,
                resume=True,
                first=plan.time,
                again=asked.again,
            ) as stream,
            torch.no_grad(),
        ):
            _roll(model, recording, plan, stream, console)
            for note in _blown_up(stream, plan):
                _tell(console, note)
        if asked.pictures is not False:
            _draw(recording, plan, target, console)
    finally:
        recording.close()
    return target


def _attributes(plan: Plan, file: Path, asked: Asked) -> dict[str, Any]:
    """What makes two results the same; they stand in the result."""
    found = file.stat()
    return {
        "dataset_name": f"{file.stem} by {asked.model}",
        "zoo_model": asked.model,
        "zoo_sha256": asked.sha256,
        "zoo_source": f"{file.name}, {found.st_size} bytes, {found.st_mtime_ns}",
        "zoo_start": asked.start,
        "zoo_steps": plan.contents.frames,
        "zoo_batch": plan.batch,
        "zoo_given": json.dumps(dict(asked.given), sort_keys=True),
    }


def _is_there(target: Path, attributes: dict[str, Any]) -> bool:
    """Whether the result is there already.

    Raises:
        ValueError: another one is.
    """
    if not target.is_file():
        return False
    try:
        with h5py.File(target, "r") as file:
            held = {name: plain(file.attrs.get(name)) for name in attributes}
    except OSError:
        held = {}
    other = [name for name, value in attributes.items() if held.get(name) != value]
    if other:
        raise ValueError(
            f"{target} is there already and is another result ({other[0]} is "
            f"{held.get(other[0])!r}, not {attributes[other[0]]!r}); name another --out, or "
            "overwrite it with --again"
        )
    return True


def _inputs(recording: Recording, plan: Plan, history: int, first: int, count: int) -> np.ndarray:
    """The frames that go in of some trajectories, (b, t, c, *n), all finite."""
    span = (plan.start, plan.start + history)
    rows = []
    for trajectory in range(first, first + count):
        frames = recording.read(trajectory, *span)
        rows.append(finite(frames, recording.contents, trajectory, plan.start))
    return np.stack(rows)[:, :, list(plan.channels)]


def _batches(plan: Plan) -> Iterator[tuple[int, int]]:
    """The first trajectory of each batch, and how many it has."""
    total = plan.contents.trajectories
    for first in range(0, total, plan.batch):
        yield first, min(plan.batch, total - first)


def _looked_at(model: Operator, recording: Recording, plan: Plan) -> Verdict:
    """All that goes in: whether it is finite, and where the model was trained.

    It is looked at before anything is predicted, so that a bad file is refused at once.
    """
    held, verdicts = recording.contents, []
    for first, count in _batches(plan):
        u = _inputs(recording, plan, model.interface.history, first, count)
        p = plan.p[first : first + count]
        verdicts.append(trust.check(model, u, p, box=held.box, dt=held.dt, first=first))
    return trust.together(verdicts)


def _roll(
    model: Operator, recording: Recording, plan: Plan, stream: WellStream, console: Console
) -> None:
    """Predict what is not there yet, block by block."""
    frames, like = plan.contents.frames, next(model.parameters())
    with bar(console) as shown:
        task = shown.add_task("predicting", total=plan.contents.trajectories * frames)
        for first, count in _batches(plan):
            if first < stream.done:
                shown.advance(task, count * frames)
                continue
            own = range(first, first + count)
            p = torch.as_tensor(plan.p[first : first + count]).to(like)
            given = _inputs(recording, plan, model.interface.history, first, count)
            u = torch.as_tensor(given).to(like)
            if stream.grown:
                since = max(0, stream.grown - model.interface.history)
                y = np.stack([stream.read(i, since, stream.grown) for i in own])
                u = model.fed(u, torch.as_tensor(y).to(like))
                shown.advance(task, count * stream.grown)
            for left in range(frames - stream.grown, 0, -model.interface.horizon):
                y = model(u, p)
                block = y[:, :left].cpu().numpy()
                stream.append(block, plan.p[first : first + count])
                shown.advance(task, count * block.shape[1])
                # a model that cannot be fed again was asked for one block
                u = model.fed(u, y) if left > model.interface.horizon else u


def _blown_up(stream: WellStream, plan: Plan) -> Iterator[str]:
    """Trajectories that left the finite numbers, each with its first such frame.

    What came before is of use, and the other trajectories too: so all is written as it is, and
    told, here and in the file. What is not finite once stays so.
    """
    steps: dict[int, int] = {}
    for trajectory in range(plan.contents.trajectories):
        low, high = 0, plan.contents.frames - 1
        if _finite(stream, trajectory, high):
            continue
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if _finite(stream, trajectory, middle) else (low, middle)
        steps[trajectory] = low + 1
    if not steps:
        return
    stream.attribute("zoo_not_finite", json.dumps(steps))
    some = [f"{trajectory} at step {step}" for trajectory, step in list(steps.items())[:SHOWN]]
    more = f" and {len(steps) - SHOWN} more" if len(steps) > SHOWN else ""
    yield (
        f"{len(steps)} of {plan.contents.trajectories} trajectories blew up, their numbers are no "
        f"longer finite: {', '.join(some)}{more}; written as they are, listed in zoo_not_finite of "
        "the result"
    )


def _finite(stream: WellStream, trajectory: int, frame: int) -> bool:
    return bool(np.isfinite(stream.read(trajectory, frame, frame + 1)).all())


def _draw(recording: Recording, plan: Plan, target: Path, console: Console) -> None:
    """Pictures into the folder beside the result that has its name; errors in a sentence."""
    held, made = recording.contents, plan.contents
    places = [held.inputs.index(name) for name in made.channels if name in held.inputs]
    frames = plan.truth or made.frames
    known = plan.truth > 0

    def truth(trajectory: int, start: int, stop: int) -> np.ndarray:
        return recording.read(trajectory, plan.first + start, plan.first + stop)[:, places]

    def last(trajectory: int) -> np.ndarray:
        return recording.read(trajectory, plan.last, plan.last + 1)[0, places]

    result = Predicted(
        made.channels,
        plan.time + (made.dt or 1.0) * np.arange(frames),
        made.box or tuple(map(float, made.shape)),
        made.trajectories,
        reader(target, made),
        truth if known else None,
        last if known else None,
        made.units,
    )
    drawn, curves = predict_pictures.draw(result, target.with_suffix(""))
    for text in (predict_pictures.told(curves), f"{len(drawn)} pictures in {drawn[0].parent}"):
        if text:
            console.print(text, soft_wrap=True, highlight=False, markup=False)


def _tell(console: Console, text: str) -> None:
    console.print(text, style="yellow", soft_wrap=True, highlight=False, markup=False)
