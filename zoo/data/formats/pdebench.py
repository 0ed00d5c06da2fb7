from typing import ClassVar

import h5py

from zoo.data.formats.layout import Layout
from zoo.data.formats.pdebench_arrays import flat
from zoo.data.formats.recording import Told
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Store


class PdebenchTensor(Layout):
    """PDEBench's files of one array: advection, Burgers, reaction-diffusion.

    `tensor` (b, t, x) or (b, t, x, y[, z]), with or without a last axis of channels; the number of
    axes of space is that of the arrays `x-coordinate` (x,), `y-coordinate`, `z-coordinate`, not
    guessed from the shape. `t-coordinate` (t,) or (t + 1,): PDEBench writes one time more than
    frames, which is left out. A first axis of length one, which its generator leaves at times, is
    dropped. File attributes such as `Nu`, `beta`, `rho` become coefficients of every trajectory,
    arrays (b,) a coefficient each, arrays (b, x, y) without time constants. The channel is called
    u; several are u0, u1, ...: the file does not name them.

    Darcy flow, (b, 1, x, y) without times, is steady and refused: its error names what reads it.

    Source: PDEBench (Takamoto et al., NeurIPS 2022), data sets of its section 4 and appendix.
    """

    name: ClassVar[str] = "PDEBench tensor"

    def fits(self, store: Store) -> bool:
        """As in Layout."""
        return store.kind == "HDF5" and isinstance(store.file.get("tensor"), h5py.Dataset)

    def open(self, store: Store, told: Told) -> Sourced:
        """As in Layout."""
        return flat(store, told, self.name)
