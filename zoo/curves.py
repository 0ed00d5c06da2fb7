"""Observables against temperature: of a released energy by its own chains, and of the true one."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from torch import Tensor

from zoo import reading, release
from zoo.data.cache import cached
from zoo.data.spins.exact import solved
from zoo.models.base import block, build
from zoo.models.energy_model import EnergyModel
from zoo.models.parts.driven import driven
from zoo.spin.chains import Chains
from zoo.spin.cooled import cooled
from zoo.spin.dynamics import Dynamics
from zoo.spin.energy import Energy
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.known import known
from zoo.spin.measured import chosen, ladder
from zoo.spin.observables import Estimate, observables
from zoo.spin.reference import reference as fastest
from zoo.spin.settled import settled
from zoo.spin.tempering import Tempering

VERSION = 3
"""Of what is cached; a change of the measurement is a new one."""
LINE = 20.0
"""Seconds from one line to the next where there is no terminal."""
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sampling:
    """How long chains run.

    Args:
        chains: at each temperature; half of them start ordered.
        sweeps: recorded, at least.
        accuracy: the standard error of |M| until which they are recorded; None: `sweeps` alone.
        limit: sweeps in which they must forget how they began.
        seed: of their random numbers.
    """

    chains: int = 64
    sweeps: int = 1000
    accuracy: float | None = 0.005
    limit: int = 4096
    seed: int = 0


TRUE = Sampling(chains=128, sweeps=256, accuracy=0.002)
"""How the reference is sampled."""


@dataclass(frozen=True)
class Curve:
    """Observables at temperatures, per site, each with its standard error.

    Args:
        temperatures: (r,), rising.
        found: as `zoo.spin.observables`.
        times: autocorrelation times in sweeps, (r,); none where it is exact.
        sweeps: recorded; 0 where it is exact.
    """

    temperatures: Tensor
    found: dict[str, Estimate]
    times: Tensor
    sweeps: int

    @property
    def exact(self) -> bool:
        """Whether no chain was needed."""
        return not self.sweeps


def learned(folder: Path, temperatures: Tensor, shape: Shape, sampling: Sampling) -> Curve:
    """Of a release's energy, by chains that it drives on a lattice of any shape it takes.

    Raises:
        ValueError: a temperature not above 0, a shape that the model does not take, or chains that
            have not decorrelated, with their measured time.
    """
    model = spin_model(folder)
    told = {"sha256": release.describe(folder)["sha256"], "model": block(model)}
    model.on(shape)

    def dynamics(rungs: Tensor) -> Dynamics:
        return driven(model, rungs, shape)

    title = f"{folder.parent.name if folder.name == 'release' else folder.name} {_word(shape)}"
    with torch.no_grad():
        return _cached(told, temperatures, shape, sampling, dynamics, title, cooling=True)


def true(system: Energy, temperatures: Tensor, shape: Shape) -> Curve:
    """Of the energy that was to be learned: exact where that is cheap, else by the best chains.

    The standard error of |M| is 0.002 at most.
    """
    exact = known(system, shape, temperatures)
    if exact is not None:
        return Curve(temperatures, exact, torch.zeros(0), 0)

    def dynamics(rungs: Tensor) -> Dynamics:
        return fastest(system, rungs, shape)

    told, title = {"system": block(system)}, f"reference {_word(shape)}"
    # clusters need none, and heat baths have tables of all temperatures
    return _cached(told, temperatures, shape, TRUE, dynamics, title, cooling=False)


def beside_kaufman(system: Energy, curve: Curve, shape: Shape) -> float | None:
    """The largest distance of a curve from Kaufman's values in standard errors; None elsewhere.

    Of free energy, energy, entropy and heat capacity, where chains were needed.
    """
    if curve.exact or not isinstance(system, Ising) or not solved(system, system.on(shape)):
        return None
    exact = kaufman((shape[0], shape[1]), curve.temperatures, coupling=system.coupling)._asdict()
    gaps = [
        ((curve.found[name].value - value).abs() / curve.found[name].error).max()
        for name, value in exact.items()
    ]
    return float(torch.stack(gaps).max())


def spin_model(folder: Path) -> EnergyModel:
    """The model of a release of spins.

    Raises:
        ValueError: it is none.
    """
    model = release.load(folder)
    if not isinstance(model, EnergyModel):
        raise ValueError(
            f"{folder.name} is a {type(model).__name__}, no model of spins; curves are of an EDNN "
            "or RNN: zoo list tells the models"
        )
    return model


def system_of(folder: Path, model: EnergyModel) -> Energy | None:
    """The energy that a release has learned: the model's own, or that of its recipe's data."""
    own = getattr(model, "system", None)
    if isinstance(own, Energy):
        return own
    recipe = folder / "recipe.yaml"
    blocks: list[Any] = [reading.read(recipe).content.get("data")] if recipe.is_file() else []
    blocks += [entry.get("data") for entry in release.figures(folder)]
    for one in blocks:
        told = ((one or {}).get("init_args") or {}).get("system")
        if isinstance(told, dict) and "class_path" in told:
            return build(told, Energy, ("zoo.spin.",))
    return None


def _cached(
    of: dict[str, Any],
    temperatures: Tensor,
    shape: Shape,
    sampling: Sampling,
    dynamics: Callable[[Tensor], Dynamics],
    title: str,
    *,
    cooling: bool,
) -> Curve:
    rungs, rows = ladder(temperatures)
    spec = {
        "kind": "curves",
        "version": VERSION,
        "of": of,
        "temperatures": temperatures.tolist(),
        "shape": list(shape),
        "sampling": dataclasses.asdict(sampling),
    }

    def make() -> dict[str, Tensor]:
        with _watched(title) as tell:
            return _measured(dynamics(rungs), rows, sampling, cooling, tell)

    data = cached(spec, make)
    names = [key.removesuffix(".value") for key in data if key.endswith(".value")]
    found = {name: Estimate(data[f"{name}.value"], data[f"{name}.error"]) for name in names}
    return Curve(temperatures, found, data["times"], int(data["sweeps"]))


def _measured(
    moves: Dynamics, rows: Tensor, sampling: Sampling, cooling: bool, tell: Callable[[int], None]
) -> dict[str, Tensor]:
    chains = Chains(moves, sampling.chains, rng=torch.Generator().manual_seed(sampling.seed))
    if cooling and isinstance(moves, Tempering):
        cooled(chains, moves.inside, 2 * max(moves.lattice.shape))
    how = {"accuracy": sampling.accuracy, "limit": sampling.limit, "tell": tell}
    series = settled(chains, sampling.sweeps, **how)
    found = {
        f"{name}.{part}": value
        for name, one in chosen(observables(series), rows).items()
        for part, value in one._asdict().items()
    }
    assert chains.times is not None
    sweeps = torch.tensor(series.samples * series.every)
    return {**found, "times": chains.times[rows], "sweeps": sweeps}


def _word(shape: Shape) -> str:
    return "x".join(map(str, shape))


@contextmanager
def _watched(title: str) -> Iterator[Callable[[int], None]]:
    """How far chains are: a bar on a terminal, elsewhere a line now and then."""
    console = Console(stderr=True)
    live = console.is_terminal
    columns = ("{task.description}", "{task.completed} sweeps", TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not live) as bar:
        task = bar.add_task(title, total=None)
        shown = time.monotonic()

        def tell(done: int) -> None:
            nonlocal shown
            bar.update(task, completed=done)
            if not live and time.monotonic() - shown > LINE:
                shown = time.monotonic()
                console.print(f"{title}: {done} sweeps", soft_wrap=True)

        yield tell
