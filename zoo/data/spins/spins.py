import dataclasses
from typing import Any

from torch import Tensor

from zoo.data.cache import cached, spec_hash
from zoo.data.spins.drawing import Drawing
from zoo.data.spins.spin_data import SPLITS, SpinData
from zoo.models.base import block
from zoo.spin.energy import Energy


class Spins(SpinData):
    """Lattices drawn from Boltzmann's law of an energy at one temperature.

    They are drawn once, under the hash of their description, each split from a seed of its own. The
    sampler is the fastest there is (`zoo.spin.reference`).

    Args:
        system: the energy.
        shape: of the lattices.
        temperature: T0.
        count: lattices of training.
        drawing: how they are drawn; validation and test are always thinned.
        batch_size: as in SpinData.
        evaluation: lattices of validation and of test, each; as many of independent spins.
        seed: of lattices and order.

    Raises:
        ValueError: as in SpinData, or a count below 1.
    """

    def __init__(
        self,
        system: Energy,
        shape: tuple[int, ...],
        *,
        temperature: float,
        count: int,
        drawing: Drawing | None = None,
        batch_size: int = 500,
        evaluation: int = 10_000,
        seed: int = 0,
    ) -> None:
        super().__init__(
            system,
            shape,
            colours=system.colours,
            temperature=temperature,
            batch_size=batch_size,
            seed=seed,
        )
        if min(count, evaluation) < 1:
            raise ValueError(f"count={count}, evaluation={evaluation}: at least 1 lattice each")
        self.count, self.evaluation = count, evaluation
        self.drawing = Drawing() if drawing is None else drawing

    def spec(self, split: str) -> dict[str, Any]:
        """What a split is drawn from, and so its name in the cache."""
        train = split == "train"
        return {
            "kind": "spins",
            "version": 1,
            "system": block(self.system),
            "shape": list(self.shape),
            "temperature": self.temperature,
            "count": self.count if train else self.evaluation,
            "drawing": dataclasses.asdict(self.drawing if train else Drawing()),
            "seed": [self.seed, SPLITS.index(split)],
        }

    def lattices(self, split: str) -> Tensor:
        """As in SpinData."""
        described = self.spec(split)
        # 15 hexadecimal digits fit into a seed
        seed = int(spec_hash({"seed": described["seed"]})[:15], 16)
        drawing, count = Drawing(**described["drawing"]), described["count"]

        def make() -> dict[str, Tensor]:
            assert self.system is not None
            s = drawing.draw(self.system, self.shape, self.temperature, count, seed)
            return {"s": s}

        return cached(described, make)["s"]
