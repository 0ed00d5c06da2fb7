"""What the sets of a mixture must share, and what a mixture may ask of them."""

from collections.abc import Sequence

from zoo.data.fields import FieldSet
from zoo.data.window import Window


def check_sets(
    sets: Sequence[FieldSet], batch_size: int, weights: Sequence[float] | None, limit: int | None
) -> None:
    """Refuse sets that do not fit together, and numbers that do not fit the sets.

    Raises:
        ValueError: which, and what would fit.
    """
    for item in sets:
        if not isinstance(item, FieldSet):
            raise ValueError(f"{type(item).__name__} is no data set; see zoo.data.fields")
    if not sets or batch_size < 1:
        raise ValueError(f"{len(sets)} sets and batch_size={batch_size}: at least one of each")
    if weights is not None and (len(weights) != len(sets) or min(weights) <= 0):
        raise ValueError(f"weights={weights}: one positive number for each of {len(sets)} sets")
    for item in sets:
        if limit is not None and not 1 <= limit <= item.count("train"):
            raise ValueError(
                f"limit={limit}: {item.name} has {item.count('train')} training samples; "
                "name at least one and at most as many"
            )
    names = [item.name for item in sets]
    if len(set(names)) != len(sets):
        raise ValueError(f"two sets of a mixture share a name: {names}")
    for other in sets[1:]:
        for what in ("inputs", "outputs", "box", "boundary", "dt"):
            if getattr(other, what) != getattr(sets[0], what):
                raise ValueError(
                    f"{other.name} has {what}={getattr(other, what)}, {sets[0].name} has "
                    f"{getattr(sets[0], what)}; sets of a mixture share them"
                )


def check_frames(sets: Sequence[FieldSet], window: Window, windowed: bool) -> None:
    """Refuse trajectories that are too short for the window, and a window where there are none.

    Args:
        sets: of the mixture.
        window: of the mixture, or the default.
        windowed: whether somebody asked for a window or an augmentation.

    Raises:
        ValueError: which set, and why.
    """
    for item in sets:
        if item.length is not None:
            window.check(item.length, item.name)
            if item.inputs[: len(item.outputs)] != item.outputs:
                raise ValueError(
                    f"{item.name} has outputs {item.outputs} and inputs {item.inputs}; of "
                    "trajectories the first inputs are the outputs"
                )
        elif windowed:
            raise ValueError(
                f"{item.name} has no frames in time, so window and augment mean nothing; "
                "leave them out"
            )
