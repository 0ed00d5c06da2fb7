"""The generated block of a card, section by section."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo import manifest
from zoo.card_names import gathered
from zoo.card_snippet import snippet
from zoo.card_tables import Figures, losses, measured, table, verdict

CITATION = """@software{physics_zoo,
  title = {A model zoo for physics},
  author = {{physics-zoo contributors}},
  license = {Apache-2.0}
}"""


def sections(folder: Path, config: Mapping[str, Any], entries: Figures) -> Iterable[str]:
    """Title, verdict, use, channels, figures, origin, licence and citation; some may be empty."""
    about = config["about"]
    sentence = verdict(entries)
    lost = bool(losses(entries))
    yield f"**{sentence}**" if lost else ""
    yield f"# {about['name']}"
    yield "" if lost else sentence
    yield about["summary"]
    yield "![prediction beside truth](preview.png)" if (folder / "preview.png").is_file() else ""
    yield f"## Use\n\n```python\n{snippet(folder, config)}\n```"
    yield from _interface(config)
    yield from measured(entries)
    yield _origin(folder, config)
    yield f"## Licence\n\n{about['licence']}"
    yield _citation(about["citation"])


def _interface(config: Mapping[str, Any]) -> Iterable[str]:
    face, about = config["model"]["init_args"]["interface"], config["about"]
    units = face["units"]
    points = bool(face.get("region"))
    words = ("coordinate", "output", "parameter") if points else ("input", "output", "coefficient")
    rows = [
        [word, name, units.get(name, "?")]
        for word, kind in zip(words, ("inputs", "outputs", "coefficients"), strict=True)
        for name in face[kind]
    ]
    channels = table(["what", "name", "unit"], gathered(rows, 1))
    yield f"## Channels\n\n{channels}\n\n{_facts(face, points)}"
    ranges = about["ranges"]
    if ranges and not all(isinstance(value, Mapping) for value in ranges.values()):
        ranges = {", ".join(about["equations"]): ranges}
    rows = [
        [system, name, f"{low:g} to {high:g}"]
        for system, each in ranges.items()
        for name, (low, high) in each.items()
    ]
    if rows:
        what = "coordinate or parameter" if points else "coefficient"
        ranged = table(["system", what, "range"], gathered(rows, 1))
        yield f"## Ranges seen in training\n\n{ranged}"
    yield _trained(config[manifest.TRAINED], units)


def _trained(told: Mapping[str, Any] | None, units: Mapping[str, str]) -> str:
    """What the training's inputs were like; nothing of releases that do not know."""
    if told is None:
        return ""
    rows, waves, seen = [], [], []
    for system, region in told["systems"].items():
        grid = " × ".join(map(str, region["grid"]))
        seen.append(f"{region['samples']} samples of {system} on {grid} points")
        for name, one in region["channels"].items():
            pairs = ([one["least"], one["greatest"]], one["quantiles"], one["rms_of_samples"])
            told_pairs = [f"{low:.4g} to {high:.4g}" for low, high in pairs]
            rows.append([system, name, units.get(name, "?"), *told_pairs])
            waves.append([system, name, *(_share(low, high) for *_, low, high in one["bands"])])
    first = next(iter(next(iter(told["systems"].values()))["channels"].values()))
    ends = [f"wave {a}" if a == b else f"waves {a} to {b}" for a, b, *_ in first["bands"]]
    ends[-1] = f"wave {first['bands'][-1][0]} and beyond"
    head = ["system", "input", "unit", "values", "99.8 % of them", "rms of a sample"]
    amplitudes = table(head, rows)
    spectrum = table(["system", "input", *ends], waves)
    return (
        f"## Inputs seen in training\n\nFrom {', '.join(seen)}; `zoo predict` tells of inputs "
        f"outside.\n\n{amplitudes}\n\nShare of the energy of a sample by wave number, in waves "
        f"along the longest side (one is k = {told['wave_number_step']:g}):\n\n{spectrum}"
    )


def _share(low: float, high: float) -> str:
    """Shares of energy; what is round-off of float32 is none."""
    low, high = (0.0 if value < 1e-6 else value for value in (low, high))
    return f"{low:.2g} to {high:.2g}" if high else "none"


def _facts(face: Mapping[str, Any], points: bool) -> str:
    """What a model takes besides its channels, in a sentence or two."""
    if points:
        return (
            "A function of points: physical units go in and come out, and derivatives by any "
            "coordinate. A unit of 1 is dimensionless."
        )
    box = " × ".join(f"{side:g}" for side in face["box"])
    if face.get("colours"):
        at = face["temperature"]
        known = "" if at is None else f" at temperature T0 = {at:g}"
        return (
            f"Lattices of spins of {face['colours']} colours go in, {face['boundary']}; energies "
            f"of whole lattices come out, up to a constant; k_B = 1. Trained on {box} "
            f"sites{known}. A unit of 1 is dimensionless."
        )
    step = "steady" if face["dt"] is None else f"time step {face['dt']:g}"
    # releases of the first version have no offset: the next frame
    ahead = face.get("offset", 1)
    jump = f", the first of them {ahead} time steps after the last one in" if ahead > 1 else ""
    return (
        f"Physical units go in and come out. Box {box}, {face['boundary']}; {step}; "
        f"{face['history']} frame(s) in, {face['horizon']} out{jump}. A unit of 1 is dimensionless."
    )


def _origin(folder: Path, config: Mapping[str, Any]) -> str:
    lines = ["## Origin", ""]
    if config["lineage"]:
        rows = [[one["stage"], one["name"], one["sha256"][:16]] for one in config["lineage"]]
        lines += [table(["stage", "started from", "sha256"], rows), ""]
    else:
        lines += ["Trained from scratch.", ""]
    if (folder / "recipe.yaml").is_file():
        lines += ["Trained by [recipe.yaml](recipe.yaml): `zoo fit -c recipe.yaml`.", ""]
    lines.append(
        f"{manifest.parameters(folder):,} trained numbers; sha256 of model.safetensors "
        f"`{config['sha256']}`; written by zoo {config['zoo_version']}, format {config['format']}."
    )
    return "\n".join(lines)


def _citation(given: str) -> str:
    """BibTeX as given, or a reference in words before the zoo's own entry."""
    own = given if given.lstrip().startswith("@") else CITATION
    words = f"{given}\n\n" if given and own is CITATION else ""
    return f"## Citation\n\n{words}```bibtex\n{own}\n```"
