"""Two releases side by side: channels, sizes, figures, and how far apart they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import manifest, release
from zoo.manifest import PROBE, WEIGHTS


@dataclass(frozen=True)
class Comparison:
    """What two releases have in common and what not; prints as a table.

    Args:
        names: of the two.
        facts: what they are: a line's title, and a value for each.
        figures: figures that both have: name, and a value for each.
        probe: relative L2 distance of their answers to the first one's probe, or why there is none.
    """

    names: tuple[str, str]
    facts: tuple[tuple[str, str, str], ...]
    figures: tuple[tuple[str, float, float], ...]
    probe: float | str

    def __str__(self) -> str:
        rows = [("", *self.names), *self.facts]
        rows += [(name, f"{a:.4g}", f"{b:.4g}") for name, a, b in self.figures]
        if not self.figures:
            rows.append(("figures", "none in common", ""))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        told = self.probe if isinstance(self.probe, str) else f"{self.probe:.3g}"
        lines.append(f"distance of the answers to the first one's probe (relative L2): {told}")
        return "\n".join(lines)


def compare(a: str | Path, b: str | Path) -> Comparison:
    """Set two releases side by side.

    Args:
        a: a released folder, a shipped name, or owner/name.
        b: the other one.

    Raises:
        ReleaseError: nothing has one of the names.
    """
    folders = release.resolve(a), release.resolve(b)
    told = [_facts(folder) for folder in folders]
    known = [{e["name"]: float(e["value"]) for e in release.figures(f)} for f in folders]
    shared = tuple((name, known[0][name], known[1][name]) for name in known[0] if name in known[1])
    names = (folders[0].name, folders[1].name)
    return Comparison(
        names if names[0] != names[1] else (str(a), str(b)),
        tuple((t, told[0].get(t, ""), told[1].get(t, "")) for t in told[0] | told[1]),
        shared,
        _distance(*folders),
    )


def _facts(folder: Path) -> dict[str, str]:
    config = manifest.describe(folder)
    about, face = manifest.told(config["about"]), _face(config)
    return {
        "architecture": about["architecture"],
        "equations": ", ".join(about["equations"]),
        "objective": about["objective"],
        **{kind: ", ".join(face[kind]) for kind in ("inputs", "outputs", "coefficients")},
        **_place(face),
        "time step": "steady" if face["dt"] is None else f"{face['dt']:g}",
        "parameters": f"{manifest.parameters(folder):,}",
        "weights": f"{(folder / WEIGHTS).stat().st_size / 1e6:.2f} MB",
        "sha256": config["sha256"][:16],
    }


def _place(face: Mapping[str, Any]) -> dict[str, str]:
    """Where a model lives: its box, or the intervals of its coordinates and parameters."""
    if face.get("region"):
        return {"region": " × ".join(f"[{low:g}, {high:g}]" for low, high in face["region"])}
    return {"box": " × ".join(f"{side:g}" for side in face["box"])}


def _face(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return config["model"]["init_args"]["interface"]


def _distance(a: Path, b: Path) -> float | str:
    first, second = (_face(manifest.describe(folder)) for folder in (a, b))
    for kind in ("inputs", "outputs", "coefficients", "box", "history", "horizon"):
        if first[kind] != second[kind]:
            return f"none, since their {kind} differ"

    from zoo import weights

    stored = weights.read(a / PROBE)
    one, two = (weights.replay(release.load(folder), stored).double() for folder in (a, b))
    return float((one - two).norm() / one.norm().clamp_min(1e-30))
