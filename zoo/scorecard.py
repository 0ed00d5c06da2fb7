"""The physics scorecard of a model on a file: every error by step, beside what needs no model."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from zoo.metrics.band_error import BandError
from zoo.metrics.boundary_error import BoundaryError
from zoo.metrics.classical import Classical
from zoo.metrics.conservation_drift import ConservationDrift
from zoo.metrics.equation_residual import EquationResidual
from zoo.metrics.frame_metric import FrameMetric, periodic
from zoo.metrics.h1_error import H1Error
from zoo.metrics.maximum_error import MaximumError
from zoo.metrics.nrmse import NRMSE
from zoo.metrics.vrmse import VRMSE
from zoo.models.base import Interface
from zoo.scorecard_figures import figures, notes
from zoo.scorecard_law import Law, path
from zoo.scorecard_predictors import Asked, MeanField, Predictor, Solved, Still
from zoo.scorecard_race import race
from zoo.scorecard_spectra import Spectra
from zoo.scorecard_sweeps import sweeps


@dataclass
class Scorecard:
    """What was measured, in plain numbers; None where a figure is undefined or not finite.

    Args:
        model: as it was asked for.
        sha256: of its weights.
        file: what it was measured on.
        samples: trajectories, or samples of a steady problem.
        frames: predicted frames of each; 1 if steady.
        dt: time between frames; None if steady.
        offset: frames from the last one that goes in to the first predicted.
        grid: points per side.
        channels: units by name.
        predictors: what is compared, with what there is to say of each.
        figures: by title: unit, and by predictor `mean`, `by_step` and, of several channels,
            `by_channel`.
        sweeps: errors on other grids and time steps, or why there are none.
        spectra: energy by shell of wave number, at the first and the last predicted frame.
        notes: what else a reader must know, a sentence each.
    """

    model: str
    sha256: str
    file: str
    samples: int
    frames: int
    dt: float | None
    offset: int
    grid: list[int]
    channels: dict[str, str]
    predictors: dict[str, dict[str, Any]]
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    spectra: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return dataclasses.asdict(self)


@dataclass
class Scoring:
    """Measures a model on a data module whose batches reach as far as the rollout is to go.

    Args:
        model: any operator, with the data's channels.
        data: a mixture of one set; its test split is scored.
        law: the equation of the data, if it is known.
        boundary: of the box.
    """

    model: Any
    data: Any
    law: Law | None = None
    boundary: str = "periodic"

    def run(self, name: str, sha256: str, file: str) -> Scorecard:
        """Stream the batches through every predictor and metric."""
        first = next(iter(self.data.test_dataloader()))
        face: Interface = self.data.contents()
        predictors, told = self._predictors(face, first)
        meters = self._meters(face, first, list(predictors))
        spectra = Spectra(face, first)
        samples = self._stream(predictors, meters, spectra)
        units = {channel: face.units.get(channel, "1") for channel in face.outputs}
        card = Scorecard(
            model=name,
            sha256=sha256,
            file=file,
            samples=samples,
            frames=first["y"].shape[1],
            dt=face.dt,
            offset=face.offset,
            grid=list(first["y"].shape[3:]),
            channels=units,
            predictors=told,
        )
        card.figures = figures(meters, units)
        card.sweeps = sweeps(self.model, predictors, first, face.inputs, face.outputs)
        card.spectra = spectra.plain(samples)
        card.notes = notes(card.figures)
        return card

    def _predictors(
        self, face: Interface, first: dict[str, Any]
    ) -> tuple[dict[str, Predictor], dict[str, dict[str, Any]]]:
        """What is scored, by name, and what there is to say of each."""
        asked = Asked(self.model, face.coefficients)
        found: dict[str, Predictor] = {"model": asked}
        told: dict[str, dict[str, Any]] = {"model": {}}
        if face.dt is not None and set(face.outputs) <= set(face.inputs):
            found["persistence"] = Still(face.inputs, face.outputs)
        else:
            found["mean field"] = MeanField.of(self.data.test_dataloader())
        told[list(found)[-1]] = {}
        if self.law is None:
            return found, told

        def solved(solver: Classical) -> Solved:
            return Solved(solver, face.inputs, face.outputs, face.coefficients, face.offset)

        won = race(asked, self.law, first, solved)
        found["solver"] = won.solver
        told["model"] = {"seconds": won.model_seconds, "timed_samples": won.samples}
        told["solver"] = {
            "equation": path(self.law),
            "grid": list(won.solver.solver.shape),
            "steps": won.solver.solver.steps,
            "seconds": won.seconds,
            "timed_samples": won.samples,
            "tried": won.tried,
            "as_accurate_as_the_model": won.match,
        }
        return found, told

    def _meters(
        self, face: Interface, first: dict[str, Any], names: list[str]
    ) -> dict[str, list[FrameMetric]]:
        frames, channels = first["y"].shape[1], list(face.outputs)
        walls = not all(periodic(self.boundary, face.dimension))
        meters: dict[str, list[FrameMetric]] = {}
        for name in names:
            meters[name] = [one(frames, channels) for one in (NRMSE, VRMSE, BandError)]
            meters[name] += [H1Error(frames, channels, boundary=self.boundary)]
            meters[name] += [one(frames, channels) for one in (ConservationDrift, MaximumError)]
            if walls:
                meters[name].append(BoundaryError(self.boundary, frames, channels=channels))
        if self.law is not None:
            meters["truth"] = []
            for name in ("model", "truth"):
                residual = EquationResidual(
                    self.law,
                    frames,
                    channels=channels,
                    inputs=list(face.inputs),
                    coefficients=list(face.coefficients),
                    offset=face.offset,
                )
                meters[name].append(residual)
        for each in meters.values():
            for meter in each:
                meter.name_systems(self.data.systems)
        return meters

    @torch.no_grad()
    def _stream(
        self,
        predictors: dict[str, Predictor],
        meters: dict[str, list[FrameMetric]],
        spectra: Spectra,
    ) -> int:
        samples = 0
        for batch in self._batches():
            answers = {name: predictor(batch) for name, predictor in predictors.items()}
            answers["truth"] = batch["y"]
            for name, answer in answers.items():
                for meter in meters.get(name, []):
                    meter.update(self.model, {**batch, "prediction": answer})
                spectra.add(name, answer)
            samples += len(batch["y"])
        return samples

    def _batches(self) -> Iterator[dict[str, Any]]:
        loader, console = self.data.test_dataloader(), Console(stderr=True)
        bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        with bar:
            yield from bar.track(loader, total=len(loader), description="scoring")
