"""Is a release what it says: its hash, its probe, its card, its figures."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import card, manifest, release, shelf
from zoo.manifest import PROBE, WEIGHTS
from zoo.shelf import ReleaseError

if TYPE_CHECKING:
    import zoo.models.base

PROBE_TOLERANCE = 2e-5
"""Relative L2 distance between two machines' float32 outputs: their sums differ in order."""
BESIDE = ("few_shot", "resolution", "shift", "methods")
"""Kinds of figures that are measured on other data than the model's own."""
PACKAGES = ("zoo.data.", "zoo.pde.", "zoo.metrics.")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, what is stated, and whether they agree."""

    name: str
    passed: bool
    found: str
    stated: str
    tolerance: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """All checks of one release; prints as a table."""

    folder: Path
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        rows = [("", "check", "found", "stated", "tolerance", "seconds")]
        notes = []
        for one in self.checks:
            word = "pass" if one.passed else "FAIL"
            found = one.found if len(one.found) <= 40 else "see below"
            notes += [f"{one.name}: {one.found}"] if found != one.found else []
            rows.append((word, one.name, found, one.stated, one.tolerance, f"{one.seconds:.1f}"))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        failed = sum(not check.passed for check in self.checks)
        end = f"{failed} of {len(self.checks)} checks failed" if failed else "all checks passed"
        return "\n".join([str(self.folder), *lines, *notes, end])


def verify(x: str | Path, full: bool = False, *, quick: bool = False) -> Report:
    """Check a release: recompute its hash, replay its probe, measure its figures again.

    Args:
        x: a released folder, a shipped name, or owner/name.
        full: measure every figure again that says how, not only those marked `remeasure`.
        quick: measure none of them.

    Raises:
        ReleaseError: nothing has that name.
    """
    folder = release.resolve(x)
    checks = [_timed("sha256 of the weights", lambda: _hash(folder))]
    checks.append(_timed("card is up to date", lambda: _card(folder)))
    if all(check.passed for check in checks[:1]):
        checks.append(_timed("probe", lambda: _probe(folder)))
        if checks[-1].passed and not quick:
            checks += _figures(folder, full)
    return Report(folder, tuple(checks))


def verify_all(full: bool = False) -> list[Report]:
    """Check every shipped release."""
    return [verify(folder, full) for folder in shelf.checkpoints().values()]


Outcome = tuple[bool, str, str, str]


def _timed(name: str, look: Callable[[], Outcome]) -> Check:
    start = time.perf_counter()
    try:
        outcome = look()
    except ReleaseError as error:
        outcome = (False, str(error), "a sound release", "")
    return Check(name, *outcome, time.perf_counter() - start)


def _hash(folder: Path) -> Outcome:
    stated = manifest.describe(folder)["sha256"]
    path = folder / WEIGHTS
    found = shelf.sha256(path) if path.is_file() else "no such file"
    return found == stated, found[:16], stated[:16], "equal"


def _card(folder: Path) -> Outcome:
    stale = card.stale(folder)
    return not stale, "differs" if stale else "as generated", "as generated", "equal"


def _probe(folder: Path) -> Outcome:
    from zoo import weights

    stored = weights.read(folder / PROBE)
    if "output" not in stored or not any(name.startswith("input.") for name in stored):
        raise ReleaseError(f"{folder / PROBE} holds {sorted(stored)}, no input and output")
    output = weights.replay(release.load(folder, verify="never"), stored)
    wanted = stored["output"]
    if output.shape != wanted.shape:
        return False, f"shape {tuple(output.shape)}", f"shape {tuple(wanted.shape)}", "equal"
    distance = float((output - wanted).double().norm() / wanted.double().norm().clamp_min(1e-30))
    return distance <= PROBE_TOLERANCE, f"{distance:.2g}", "0", f"{PROBE_TOLERANCE:g}"


def _figures(folder: Path, full: bool) -> Iterator[Check]:
    wanted = [
        entry
        for entry in manifest.figures(folder)
        if entry["remeasure"] or (full and entry["data"] and entry["metric"])
    ]
    known: dict[str, dict[str, float]] = {}
    for entry in wanted:
        yield _timed(entry["name"], lambda entry=entry: _figure(folder, entry, known))


def _figure(folder: Path, entry: Mapping[str, Any], known: dict[str, Any]) -> Outcome:
    key = repr((entry["data"], entry["metric"]))
    kind, _, name = entry["name"].partition("/")
    if key not in known:
        model = release.load(folder, verify="never")
        known[key] = measure(model, entry["data"], entry["metric"], adapted=kind in BESIDE)
    if kind in BESIDE:  # told under a label of its own; what was measured is the headline
        name = next(one for one in known[key] if "/" not in one)
    if name not in known[key]:
        raise ReleaseError(f"figure {entry['name']!r} is not measured; there are {[*known[key]]}")
    found, stated, allowed = known[key][name], entry["value"], entry["tolerance"] or 0.0
    return abs(found - stated) <= allowed, f"{found:.6g}", f"{stated:.6g}", f"± {allowed:.2g}"


def measure(
    model: "zoo.models.base.Model",
    data: Mapping[str, Any],
    metric: Mapping[str, Any],
    adapted: bool = False,
) -> dict[str, float]:
    """Measure a model as a figure's blocks say.

    Args:
        model: a model of the zoo.
        data: the data module's block with the key `split`: validation or test.
        metric: the metric's block.
        adapted: give the model the data's channels by name, as fine-tuning does.

    Raises:
        ReleaseError: a block cannot be built, or the data do not fit the model.
    """
    import torch

    from zoo import surgery
    from zoo.models.base import BlockError, build

    blocks = {key: data[key] for key in data if key != "split"}
    try:
        module, meter = build(blocks, object, PACKAGES), build(metric, object, PACKAGES)
    except (BlockError, TypeError, ValueError) as error:
        raise ReleaseError(f"the figure's blocks cannot be built: {error}") from error
    face = module.interface()
    if adapted:
        names = ("inputs", "outputs", "coefficients")
        model = surgery.adapt(model, **{kind: getattr(face, kind) for kind in names}).eval()
    for kind in ("inputs", "outputs", "coefficients"):
        if getattr(face, kind) != getattr(model.interface, kind):
            raise ReleaseError(
                f"the data have {kind} {getattr(face, kind)}, the model "
                f"{getattr(model.interface, kind)}; the figure was measured on another model"
            )
    stage = {"validation": "validate", "test": "test"}.get(str(data.get("split")))
    if stage is None:
        raise ReleaseError(f"split={data.get('split')!r} of a figure must be validation or test")
    module.setup(stage)
    loader = module.test_dataloader() if stage == "test" else module.val_dataloader()
    meter.name_systems(module.systems)
    with torch.no_grad():
        for batch in loader:
            meter.update(model, batch)
    return {name: float(value) for name, value in meter.compute().items()}
