"""What became of a release when it was adapted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.models.base import Model
from zoo.surgery_waves import Waves, spectral


@dataclass(frozen=True)
class LoadReport:
    """What became of a release's tensors and channels when its channels were changed.

    Args:
        loaded: tensors taken as they are.
        adapted: tensors of which some channels were moved, added or left out.
        new: channels that the release did not have, and tensors that only they need.
        unused: channels of the release that are not wanted, and tensors that only they need.
        changed: what else is not as in the release, such as dt, box, units or modes.
    """

    loaded: tuple[str, ...]
    adapted: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"loaded   {len(self.loaded)} tensors as they are"]
        for what in ("adapted", "new", "unused"):
            lines.append(f"{what:<8} {', '.join(getattr(self, what)) or 'nothing'}")
        lines += [f"changed  {each}" for each in self.changed]
        return "\n".join(lines)


def told(
    model: Model,
    fresh: Model,
    changed: Mapping[str, Any],
    arguments: Mapping[str, Any],
    waves: Waves,
) -> list[str]:
    """What a report says of the interface and of arguments that are not as in the release."""
    lines = []
    for name, value in changed.items():
        old = getattr(model.interface, name)
        if name == "units":
            both = [(key, old[key], value[key]) for key in value if key in old]
            lines += [
                f"units.{key} {a!r} -> {b!r}: numbers are taken as they are (refit_normaliser)"
                for key, a, b in both
                if a != b
            ]
            continue
        line = f"{name} {_shown(old)} -> {_shown(value)}"
        if name == "box":
            kind = "positions relative to the box are kept"
            if spectral(fresh.channel_axes()):
                kind = f"waves are kept by {waves}"
            line += f": {kind}"
        lines.append(line)
    for name, value in arguments.items():
        old = getattr(model, name)
        if value != old:
            lines.append(f"{name} {_shown(old)} -> {_shown(value)}")
    return lines


def _shown(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def report(
    model: Model, fresh: Model, loaded: list[str], adapted: list[str], changed: list[str]
) -> LoadReport:
    """What became of a release, from the tensors of `fresh` by what became of them."""
    found = model.state_dict()
    new = [name for name in adapted if name not in found]
    unused = [name for name in found if name not in fresh.state_dict()]
    for kind in ("inputs", "outputs", "coefficients"):
        had, has = getattr(model.interface, kind), getattr(fresh.interface, kind)
        new += [f"{kind}.{name}" for name in has if name not in had]
        unused += [f"{kind}.{name}" for name in had if name not in has]
    return LoadReport(
        tuple(loaded),
        tuple(name for name in adapted if name in found),
        tuple(new),
        tuple(unused),
        tuple(changed),
    )
