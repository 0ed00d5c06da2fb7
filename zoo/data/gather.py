from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo.data.augment.augmentation import Augmentation
from zoo.data.fields import Batch, Fields, FieldSet
from zoo.data.frames import Frames
from zoo.data.order import Share
from zoo.data.window import Window


class Gather(Dataset[Batch]):
    """A batch from a rank's share of a global batch: windows are cut, then augmented.

    Where a window begins follows from (seed, set, sample, epoch), and what an augmentation draws
    from (seed, epoch, batch) and the place in the global batch: any number of ranks and workers
    sees the same samples.

    Args:
        splits: one split of every set.
        sets: the sets themselves.
        names: the union of the sets' coefficients, the columns of `p`.
        window: which frames of trajectories are inputs and targets.
        augment: changes to the samples, in this order.
        seed: seed of windows and augmentations; None for validation and test, which have neither.
    """

    def __init__(
        self,
        splits: Sequence[Fields],
        sets: Sequence[FieldSet],
        names: Sequence[str],
        *,
        window: Window,
        augment: Sequence[Augmentation] = (),
        seed: int | None = None,
    ) -> None:
        self.splits, self.sets = splits, sets
        self.columns = [[names.index(name) for name in item.coefficients] for item in sets]
        self.has = torch.tensor([[name in item.coefficients for name in names] for item in sets])
        self.window, self.augment, self.seed = window, augment, seed
        spacing = [[s / n for s, n in zip(item.box, item.shape(), strict=True)] for item in sets]
        self.spacing = torch.tensor(spacing)
        self.steps = torch.tensor([item.dt or 0.0 for item in sets])

    def __getitem__(self, share: Share) -> Batch:
        indices = share.indices
        system = torch.tensor([number for number, _ in indices])
        p = torch.stack([self.splits[number].p[i] for number, i in indices])
        batch = {
            "p": p.float(),
            "has_p": self.has[system],
            "system": system,
            "dx": self.spacing[system],
            "weight": torch.tensor(share.weight),
        }
        if self.splits[indices[0][0]].frames is None:
            rows = [(self.splits[number].u[i], self.splits[number].y[i]) for number, i in indices]
            return batch | _stacked(rows)
        batch["dt"] = self.steps[system]
        if not self.augment:
            return batch | _stacked([self._row(*index, share.epoch) for index in indices])
        frames, start = self._windows(indices, share.epoch)
        return self._augmented(batch, frames, start, share)

    def _place(self, number: int, i: int, epoch: int) -> tuple[Tensor | Frames, int]:
        """Where a sample's frames lie, and at which its window begins."""
        frames = self.splits[number].frames
        assert frames is not None
        if self.seed is None:
            return frames, 0
        return frames, self.window.place(frames.shape[1], (self.seed, 4, number, i, epoch))

    def _row(self, number: int, i: int, epoch: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one sample; frames between them are not read."""
        frames, start = self._place(number, i, epoch)
        inputs, targets = self.window.parts(start, self.seed is not None)
        channels = len(self.sets[number].outputs)
        if targets.start > inputs.stop:
            return frames[i, inputs], frames[i, targets, :channels]
        # what lies side by side is read at once
        whole = frames[i, inputs.start : targets.stop]
        return whole[: self.window.history], whole[self.window.history :, :channels]

    def _windows(self, indices: list[tuple[int, int]], epoch: int) -> tuple[Tensor, Tensor]:
        """Each sample's window, (b, length, c, *n), and the frame at which it begins."""
        rows, starts = [], []
        for number, i in indices:
            frames, start = self._place(number, i, epoch)
            rows.append(frames[i, start : start + self.window.length(True)])
            starts.append(start)
        return torch.stack(rows), torch.tensor(starts)

    def _augmented(self, batch: Batch, frames: Tensor, start: Tensor, share: Share) -> Batch:
        """The batch with windows cut into u and y after every augmentation has had its turn."""
        index = start[:, None] + torch.arange(frames.shape[1])
        for turn, augmentation in enumerate(self.augment):
            rng = np.random.default_rng((self.seed or 0, 5, turn, share.epoch, share.number))
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            # drawn for the whole global batch, of which this rank keeps its own
            drawn = augmentation.draw(len(share.batch), frames.ndim - 3, generator)[share.places]
            for number in batch["system"].unique().tolist():
                mine = batch["system"] == number
                own = (mine.nonzero(), torch.tensor(self.columns[number]).long())
                dx, dt = batch["dx"][mine], batch["dt"][mine]
                state = (frames[mine], index[mine] * dt[:, None], batch["p"][own], dx, dt)
                changed = augmentation.apply(*state, self.sets[number].equation, drawn[mine])
                frames[mine], batch["p"][own], batch["dx"][mine], batch["dt"][mine] = changed
        channels = len(self.sets[int(batch["system"][0])].outputs)
        batch["u"], batch["y"] = self.window.cut(frames, channels)
        return batch


def _stacked(rows: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    u, y = zip(*rows, strict=True)
    return {"u": torch.stack(u), "y": torch.stack(y)}
