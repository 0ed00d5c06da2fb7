"""Fields in a file to predictions in a file: physical units, a batch at a time."""

from collections.abc import Mapping
from pathlib import Path

from zoo import predict_arrays, predict_trajectories, release
from zoo.data.formats.recording import Told
from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.predict_plan import Asked

__all__ = ["predict"]


def predict(
    model: str | Path,
    file: str | Path,
    out: str | Path | None = None,
    given: Mapping[str, float] | None = None,
    steps: int | None = None,
    batch: int | None = None,
    device: str = "cpu",
    *,
    start: int = 0,
    told: Told | None = None,
    again: bool = False,
    pictures: bool | None = None,
) -> Path:
    """Predict for every sample of a file; the path of what was written.

    A file of trajectories is rolled out from the frames at `start`, to its end or `steps` frames
    far, into a file in The Well's format; a run that was killed goes on where it stood. A file of
    plain arrays, one for each input channel and coefficient by name, with exactly the frames that
    go in, gives an array for each output channel. Nothing appears under the result's name before
    it is complete. Inputs unlike those of the training, and predictions that are not finite, are
    told on standard error.

    Args:
        model: a folder, a shipped name, or owner/name[@revision].
        file: trajectories in any layout that the zoo reads; or .npz, .h5 or .npy with plain arrays.
        out: .h5 for trajectories, .npz or .h5 for plain arrays; beside the file if None.
        given: coefficients that the file does not have, or that win over the file's.
        steps: frames that are predicted.
        batch: samples at a time; None for up to 64, fewer of large fields.
        device: where the model computes.
        start: the first frame that goes in.
        told: what is known of the file better than it says.
        again: begin anew, also where a result or a part of one lies.
        pictures: draw them into a folder beside the result; None for trajectories only.

    Raises:
        ValueError: missing or unknown channels, wrong shapes, values that are not finite.
    """
    file, folder = Path(file), release.resolve(model)
    loaded = release.load(folder, device=device)
    if not isinstance(loaded, Operator):
        raise ValueError(
            f"{model} is a {type(loaded).__name__}, no map from fields to fields; call it from "
            "Python: zoo.from_pretrained"
        )
    asked = Asked(
        str(model),
        release.describe(folder)["sha256"],
        dict(given or {}),
        steps=steps,
        batch=batch,
        start=start,
        again=again,
        pictures=pictures,
    )
    _check(loaded.interface, asked)
    ending = ".h5"
    plain = told is None and predict_arrays.fit(file, loaded.interface, asked)
    if plain:
        ending = ".npz" if file.suffix == ".npy" else file.suffix
    target = Path(out) if out is not None else file.with_name(f"{file.stem}-predicted{ending}")
    if target.resolve() == file.resolve():
        raise ValueError(f"{target} would overwrite its own input; name another --out")
    if plain:
        return predict_arrays.predicted(loaded, file, target, asked)
    return predict_trajectories.rolled(loaded, file, target, asked, told or Told())


def _check(want: Interface, asked: Asked) -> None:
    unknown = set(asked.given) - set(want.coefficients)
    if unknown:
        raise ValueError(f"no coefficient {sorted(unknown)}; the model has {want.coefficients}")
    for name in ("batch", "steps"):
        number = getattr(asked, name)
        if number is not None and number < 1:
            raise ValueError(f"{name}={number}: at least 1")
    if asked.start < 0:
        raise ValueError(f"start={asked.start}: frames are counted from 0")
    if want.dt is None and (asked.steps is not None or asked.start):
        raise ValueError(
            f"steps={asked.steps}, start={asked.start}: the model is steady and has no rollout; "
            "leave them out"
        )
