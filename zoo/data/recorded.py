from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from zoo.data.fields import SPLITS, Fields, FieldSet
from zoo.data.formats import detect
from zoo.data.formats.recording import FileError, Told
from zoo.data.frames import Frames
from zoo.data.recorded_checks import finite, stated, varied
from zoo.data.summary import Summary, described, summary
from zoo.data.unpacked import unpacked

UNSTATED = "unstated"
"""The boundary of a recording where neither the file nor its user says one."""


@dataclass(frozen=True)
class Clips:
    """How trajectories are cut into samples.

    Args:
        span: frames of a sample; None for whole trajectories, a sample each.
        every: frames, counted after `stride`, from where one sample begins to where the next does.
        stride: take every `stride`-th frame of the file; dt is so many times longer.
    """

    span: int | None = None
    every: int = 1
    stride: int = 1

    def __post_init__(self) -> None:
        """Refuse what cuts nothing."""
        if min(self.every, self.stride, 1 if self.span is None else self.span) < 1:
            raise ValueError(
                f"clips: span={self.span}, every={self.every}, stride={self.stride}: at least 1"
            )

    def starts(self, frames: int) -> list[int]:
        """The frames of the file at which the samples of one trajectory begin."""
        kept = -(-frames // self.stride)
        last = kept - (kept if self.span is None else self.span)
        return [self.stride * k for k in range(0, last + 1, self.every)]

    def length(self, frames: int) -> int:
        """Frames of a sample."""
        return -(-frames // self.stride) if self.span is None else self.span


class Recorded(FieldSet):
    """Trajectories in files of simulations, read when they are asked for.

    Split by trajectory, by a seeded permutation of which the test takes the first, then validation,
    then training: fewer for training are among more, and leave the others as they are. Before a
    split is used every frame is read once: for statistics, and to find what is not finite. Frames
    of compressed files are unpacked into the cache on the way, up to 16 GiB.

    Args:
        path: a file, or a list of files that are joined, of a layout that `zoo.data.formats` knows.
        told: what you know better than the file, or it does not say.
        name: name of the system in figures; the file's name if None.
        train: share of the trajectories for training.
        validation: share for validation.
        test: share for the test.
        seed: seed of the permutation.
        clips: how trajectories are cut into samples; each is one if left out.

    Raises:
        FileError: what is in the file cannot be used; the text says what, where, and what to do.
    """

    def __init__(
        self,
        path: str | list[str],
        *,
        told: Told | None = None,
        name: str | None = None,
        train: float = 0.6,
        validation: float = 0.2,
        test: float = 0.2,
        seed: int = 0,
        clips: Clips | None = None,
    ) -> None:
        if min(train, validation, test) < 0 or not 0 < train + validation + test <= 1 + 1e-9:
            raise ValueError(
                f"train={train}, validation={validation}, test={test}: shares of the trajectories, "
                "not negative, that add up to at most 1"
            )
        self.path, self.told = path, told
        self._name = name
        self.train, self.validation, self.test = train, validation, test
        self.seed = seed
        self.clips = clips
        self.recording = detect.opened(path, told)
        self.contents = self.recording.contents
        self._order = np.random.default_rng(seed).permutation(self.contents.trajectories)
        self._found: Summary | None = None
        self._check()
        assert self.contents.dt is not None
        self.length = self._clips.length(self.contents.frames)
        self.dt = _rounded(self.contents.dt * self._clips.stride)

    @property
    def name(self) -> str:
        """As in FieldSet."""
        return self._name or self.contents.path.stem

    @property
    def inputs(self) -> tuple[str, ...]:
        """As in FieldSet: channels, then fields that do not vary in time."""
        return self.contents.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.contents.channels

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.contents.coefficients

    @property
    def units(self) -> Mapping[str, str]:
        """As in FieldSet; a unit that is not stated is "1"."""
        return {n: self.contents.units.get(n, "1") for n in (*self.inputs, *self.coefficients)}

    @property
    def box(self) -> tuple[float, ...]:
        """As in FieldSet."""
        assert self.contents.box is not None
        return tuple(_rounded(side) for side in self.contents.box)

    @property
    def boundary(self) -> str:
        """As in FieldSet; "unstated" where neither the file nor you say it."""
        return self.contents.boundary or UNSTATED

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """As in FieldSet: from least to greatest in the file."""
        p = self.recording.coefficients()
        pairs = zip(p.min(0).tolist(), p.max(0).tolist(), strict=True)
        return dict(zip(self.coefficients, pairs, strict=True))

    def count(self, split: str) -> int:
        """As in FieldSet."""
        return len(self.trajectories(split)) * len(self._clips.starts(self.contents.frames))

    def shape(self) -> tuple[int, ...]:
        """As in FieldSet."""
        return tuple(self.contents.shape)

    def trajectories(self, split: str) -> np.ndarray:
        """Numbers of a split's trajectories in the file."""
        total = self.contents.trajectories
        # rounding the sums, not the shares, leaves no trajectory over
        sums = np.cumsum([0.0, self.test, self.validation, self.train])
        ends = [round(total * float(s)) for s in sums]
        place = SPLITS[::-1].index(split)
        return self._order[ends[place] : ends[place + 1]]

    def split(self, split: str) -> Fields:
        """As in FieldSet: nothing is read but what the summary needs."""
        found = self.summary()
        mine = self.trajectories(split)
        starts = self._clips.starts(self.contents.frames)
        places = np.stack([np.repeat(mine, len(starts)), np.tile(starts, len(mine))], 1)
        times = range(self._clips.length(self.contents.frames))
        stride = self._clips.stride
        times = range(0, stride * len(times), stride)
        frames = Frames(self.recording, found, places.astype(np.int64), times)
        p = torch.as_tensor(self.recording.coefficients()[places[:, 0]]).double()
        return Fields(frames[:, :1], frames[:, -1:, : len(self.outputs)], p, frames)

    def summary(self) -> Summary:
        """What every frame that is taken is like; read once a machine and kept in the cache.

        Raises:
            FileError: a value is not finite, or a channel is constant in training.
        """
        if self._found is None:
            spec = described(self.path, self.contents, self.told)
            stride = self._clips.stride
            self.recording = unpacked(self.recording, spec, stride)
            found = summary(self.recording, spec, stride)
            used = [int(t) for split in SPLITS for t in self.trajectories(split)]
            finite(self.recording, found, used)
            varied(self.contents, found, self.trajectories("train").tolist())
            self._found = found
        return self._found

    @property
    def _clips(self) -> Clips:
        return self.clips if self.clips is not None else Clips()

    def _check(self) -> None:
        stated(self.contents)
        frames, total = self.contents.frames, self.contents.trajectories
        if not self._clips.starts(frames):
            raise FileError(
                f"{self.contents.path}: clips of {self._clips.span} frames, every "
                f"{self._clips.stride} of {frames}, are longer than the trajectories; lower "
                "clips.span or clips.stride"
            )
        for split in SPLITS:
            share = getattr(self, split)
            if share > 0 and not len(self.trajectories(split)):
                raise FileError(
                    f"{self.contents.path}: {split}={share} of {total} trajectories is none; "
                    "raise it, or set it to 0"
                )


def _rounded(length: float) -> float:
    """Without the round-off of a difference of coordinates, which would tell two sets apart."""
    return float(f"{length:.12g}")
