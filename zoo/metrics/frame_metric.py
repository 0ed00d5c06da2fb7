from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo.metrics.base import PerSystem, predicted
from zoo.models.base import Model


class FrameMetric(PerSystem):
    """A figure of each frame and channel, averaged over samples: errors by step of a rollout.

    `compute` gives `<system>/<title>`, the mean over frames and channels; of several frames also
    `<system>/step=<k>/<title>`, of several channels `<system>/<channel>/<title>` and
    `<system>/step=<k>/<channel>/<title>`. Step 1 is the first predicted frame. A relative figure of
    a truth that has no size is undefined and counts nowhere.

    A batch may hold `prediction`, (b, t', c', *n): the model is then not asked again, so that
    several metrics share one rollout.

    Args:
        frames: predicted frames of a sample.
        channels: names of the output channels.

    Raises:
        ValueError: no frame or channel; a batch of other frames or channels.
    """

    titles: ClassVar[tuple[str, ...]]
    """Names of the figures that are measured together."""
    dimensional: ClassVar[bool] = False
    """Whether the figure has the channel's own unit."""
    frames: int = 1
    channels: Sequence[str] = ("u",)

    def __init__(self, frames: int = 1, channels: list[str] | None = None) -> None:
        super().__init__()
        self.frames = frames
        self.channels = ["u"] if channels is None else list(channels)
        if frames < 1 or not self.channels:
            raise ValueError(f"frames={frames}, channels={channels}: at least one of each")
        self._size(["all"])

    @property
    def title(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The first of the figures."""
        return self.titles[0]

    def _size(self, systems: list[str]) -> None:
        self.systems = list(systems)
        shape = (len(systems), self.frames, len(self.channels), len(self.titles))
        for name in ("total", "count"):
            zeros = torch.zeros(shape, dtype=torch.float64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    @abstractmethod
    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """Error and size of the truth, two (b, t, c, titles); a figure is their ratio."""

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """Add a batch."""
        target, wanted = batch["y"], (self.frames, len(self.channels))
        if tuple(target.shape[1:3]) != wanted:
            raise ValueError(
                f"targets have {target.shape[1]} frames of {target.shape[2]} channels, the metric "
                f"{wanted[0]} of {self.channels}; set frames and channels to those of the data"
            )
        given = batch.get("prediction")
        prediction = predicted(model, batch) if given is None else given
        error, size = self.parts(prediction.double(), target.double(), batch)
        defined = size > 0
        values = torch.where(defined, error / torch.where(defined, size, 1.0), 0.0)
        self.total.index_add_(0, batch["system"], values)
        self.count.index_add_(0, batch["system"], defined.double())

    def means(self) -> Tensor:
        """Mean of each figure, (systems, frames, channels, titles).

        NaN where it is undefined, infinite where a prediction has left the finite numbers.
        """
        means = self.total / self.count.clamp_min(1)
        means = torch.where(means.isfinite(), means, torch.inf)
        return torch.where(self.count > 0, means, torch.nan)

    def compute(self) -> dict[str, Tensor]:
        """As in the class."""
        means, found = self.means(), {}
        self.seen = {}
        for k, title in enumerate(self.titles):
            heads = []
            for system, values, counts in zip(
                self.systems, means[..., k], self.count[..., k], strict=True
            ):
                if not bool((counts > 0).any()):
                    continue
                self._add(found, system, title, values, counts)
                heads.append(found[f"{system}/{title}"])
            if heads:
                found[title] = torch.stack(heads).mean()
                self.seen[title] = int(self.count[..., k].amax((1, 2)).sum())
        return found

    def _add(
        self, found: dict[str, Tensor], system: str, title: str, values: Tensor, counts: Tensor
    ) -> None:
        """Figures of one system under their names; values and counts are (frames, channels)."""
        steps = [f"step={k + 1:02d}" for k in range(self.frames)] if self.frames > 1 else []
        names = self.channels if len(self.channels) > 1 else []
        parts = {f"{system}": (values, counts)}
        parts |= {f"{system}/{s}": (values[i], counts[i]) for i, s in enumerate(steps)}
        parts |= {f"{system}/{c}": (values[:, j], counts[:, j]) for j, c in enumerate(names)}
        for i, step in enumerate(steps):
            for j, name in enumerate(names):
                parts[f"{system}/{step}/{name}"] = (values[i, j], counts[i, j])
        for name, (value, count) in parts.items():
            seen = count > 0
            if bool(seen.any()):
                found[f"{name}/{title}"] = value[seen].mean()
                self.seen[f"{name}/{title}"] = int(count.max())


def periodic(boundary: str, dimension: int) -> tuple[bool, ...]:
    """Which axes a boundary's word calls periodic: "periodic", or "x wall, y periodic".

    A word that names neither an axis nor periodicity, such as "dirichlet", holds on every side.
    """
    parts = [part.split() for part in boundary.split(",")]
    if len(parts) == dimension and all(len(part) == 2 for part in parts):
        return tuple(word == "periodic" for _, word in parts)
    return (boundary == "periodic",) * dimension


def rms(u: Tensor) -> Tensor:
    """Root mean square over space of (b, t, c, *n), (b, t, c)."""
    return u.flatten(3).square().mean(3).sqrt()


def relative(error: Tensor, size: Tensor) -> Tensor:
    """Their ratio; NaN where the truth has no size."""
    return torch.where(size > 0, error / torch.where(size > 0, size, 1.0), torch.nan)
