import hashlib
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.loader import loader
from zoo.data.points.order import Step
from zoo.data.points.point_data import PointData
from zoo.data.points.sampled import Sampled
from zoo.pde.points.equation import PointEquation

KINDS = ("interior", "boundary", "initial")
"""Names of the parts."""


class Fresh(PointData):
    """Points of one equation by its own law, drawn anew at every step, on the training's device.

    Batches as in PointData, with the parts `interior` (nothing known), `boundary` and `initial`
    (the values known there; terminal ones where the equation runs backwards). A step's points
    follow from the seed and the step's number alone: every rank draws the whole batch and keeps
    every so many-th row, and a run that goes on after a restart sees what it would have seen.

    Args:
        equation: as in PointData; its parameters are drawn anew too.
        interior: points of the domain in a global batch, over all devices together.
        boundary: points of the sides.
        initial: points at the initial or terminal time.
        steps_per_epoch: batches of an epoch.
        instances: as in PointData, for validation and test; training has no instances.
        evaluation: as in PointData.
        seed: as in PointData.

    Raises:
        ValueError: a count is negative, or the equation has no such part.
    """

    def __init__(
        self,
        equation: PointEquation,
        interior: int = 0,
        *,
        boundary: int = 0,
        initial: int = 0,
        steps_per_epoch: int = 100,
        instances: Instances | None = None,
        evaluation: Evaluation | Sampled | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(equation, instances=instances, evaluation=evaluation, seed=seed)
        self.interior, self.boundary, self.initial = interior, boundary, initial
        self.steps_per_epoch = steps_per_epoch
        self._generator: torch.Generator | None = None
        _check(self.counts, equation)
        if steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch={steps_per_epoch}: at least 1")

    @property
    def counts(self) -> dict[str, int]:
        """Points of each part in a global batch."""
        return dict(zip(KINDS, (self.interior, self.boundary, self.initial), strict=True))

    def drawn(self) -> dict[str, dict[str, Tensor]]:
        """As in PointData: those of the first step."""
        cpu = torch.device("cpu")
        return {k: self._part(k, 0, cpu, (0, 1)) for k, count in self.counts.items() if count}

    @torch.no_grad()
    def batch(self, step: int, device: torch.device) -> dict[str, Any]:
        """This rank's share of the points of a step, drawn on a device.

        `weight` of a part makes the mean over ranks of weighted means exact.
        """
        place, dtype = self.place(), self.dtype()
        found: dict[str, Any] = {"equation": self.equation, "weight": 1.0}
        for name, count in self.counts.items():
            if count:
                part = self._part(name, step, device, place)
                found[name] = {key: value.to(dtype) for key, value in part.items()}
                found[name]["weight"] = len(part["x"]) * place[1] / count
        return found

    def _part(
        self, name: str, step: int, device: torch.device, place: tuple[int, int]
    ) -> dict[str, Tensor]:
        equation, rng, count = self.equation, self._rng(device), self.counts[name]
        # parts have streams of their own, so that the count of one leaves the others alone
        word = f"{self.own_seed()} {step} {name}".encode()
        rng.manual_seed(int.from_bytes(hashlib.blake2b(word, digest_size=7).digest(), "little"))
        draw = {"boundary": equation.draw_sides, "initial": equation.draw_initial}
        x = draw.get(name, self.draw)(count, rng)[place[0] :: place[1]]
        if name == "initial":
            return {"x": x, **equation.initial(x)}
        known = name == "boundary" and equation.sided
        return {"x": x, "y": equation.boundary(x)} if known else {"x": x}

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Points of the domain, by the equation's own law."""
        return self.equation.draw(count, rng)

    def _rng(self, device: torch.device) -> torch.Generator:
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device)
        return self._generator

    def train_dataloader(self) -> DataLoader:
        """Numbers of the steps; their points are drawn where they are needed."""
        if not any(self.counts.values()):
            raise ValueError(
                "interior, boundary and initial are 0: there is nothing to train on; give counts"
            )
        return loader(_Numbers(self.steps_per_epoch), self.steps(self.steps_per_epoch))

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Draw a step's points; what validation and test compare with is moved."""
        if isinstance(batch, int):
            return self.batch(batch, device)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def measuring(self) -> "Fresh":
        """As in PointData."""
        return Fresh(self.equation, instances=self.instances, evaluation=self.evaluation)


class _Numbers(Dataset):
    """The number of a step, counted through all epochs."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __getitem__(self, step: Step) -> int:
        epoch, number = step
        return epoch * self.steps + number


def _check(counts: dict[str, int], equation: PointEquation) -> None:
    if min(counts.values()) < 0:
        raise ValueError(f"{counts}: a part has 0 points or more")
    if counts["boundary"] and not (equation.sided or equation.walled):
        raise ValueError(
            f"boundary={counts['boundary']}: {equation.name} has no sides with given values; "
            "set boundary to 0"
        )
    if counts["initial"] and equation.time is None:
        raise ValueError(
            f"initial={counts['initial']}: {equation.name} is steady; set initial to 0"
        )
