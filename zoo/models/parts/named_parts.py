"""Parameters of a model by what they do, for people who freeze some and train others."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.models.base import Model

PARTS = ("inputs", "body", "outputs")
PROJECTION = "hidden"
"""What operators call the layers of `project` before the last one."""


def parts(model: "Model") -> dict[str, list[str]]:
    """Names of a model's parameters: of the layers that take channels, that give them, the others.

    `inputs` are layers with a weight for each input channel or coefficient, `outputs` those with
    one for each output channel and, of operators, all of `project`; `body` is what lies between.

    Args:
        model: any; one that names no channel axes (`Model.channel_axes`) is all body.
    """
    ends: dict[str, str] = {}
    for tensor, axes in model.channel_axes().items():
        labels = [label for each in axes.values() for label in each]
        layer = tensor.rpartition(".")[0]
        if any(label.startswith("outputs.") for label in labels):
            ends[layer] = "outputs"
        elif any(label.startswith(("inputs.", "coefficients.")) for label in labels):
            ends.setdefault(layer, "inputs")
    found: dict[str, list[str]] = {name: [] for name in PARTS}
    for name, _ in model.named_parameters():
        layer = name.rpartition(".")[0]
        last = PROJECTION in layer.split(".")
        found["outputs" if last else ends.get(layer, "body")].append(name)
    return found


def fitting(
    patterns: Iterable[str], names: Sequence[str], known: dict[str, list[str]], key: str
) -> set[str]:
    """The names that one of the patterns means: a part, a name, what a name begins with, or `*`s.

    Args:
        patterns: such as `body`, `spectral.0`, `lift.weight`, `*.bias`.
        names: dotted names of parameters.
        known: `parts` of the model.
        key: what the patterns are called in an error.

    Raises:
        ValueError: a pattern that means no parameter; near names are listed.
    """
    found: set[str] = set()
    for pattern in patterns:
        own = {
            name
            for name in names
            if name in known.get(pattern, ())
            or name.startswith(f"{pattern}.")
            or fnmatchcase(name, pattern)
        }
        if not own:
            raise ValueError(_unknown(pattern, names, known, key))
        found |= own
    return found


def _unknown(pattern: str, names: Sequence[str], known: dict[str, list[str]], key: str) -> str:
    if pattern in known:
        return (
            f"{key}: {pattern!r} is a part that this model does not have; it has {_listed(known)}"
        )
    layers = {".".join(n.split(".")[:i]) for n in names for i in range(1, n.count(".") + 2)}
    near = difflib.get_close_matches(pattern, [*known, *sorted(layers)], 4, 0.4)
    hint = f"near: {near}" if near else f"it has {sorted({n.partition('.')[0] for n in names})}"
    return f"{key}: {pattern!r} is no part and no parameter of the model; {hint}, {_listed(known)}"


def _listed(known: dict[str, list[str]]) -> str:
    return f"parts {[name for name, own in known.items() if own]}"
