from typing import ClassVar

import h5py

from zoo.data.formats.layout import Layout
from zoo.data.formats.pdebench_arrays import flat
from zoo.data.formats.recording import Told
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Store


class PdebenchGrouped(Layout):
    """PDEBench's files of one array a field: compressible flow.

    `density`, `pressure`, `Vx`, `Vy`, `Vz` (b, t, x[, y[, z]]), channels under these names in the
    file's (alphabetic) order, with `x-coordinate`, `y-coordinate`, `z-coordinate`, `t-coordinate`
    and attributes (`eta`, `zeta`, `M`) as in `PdebenchTensor`. Any file with such coordinates and
    arrays of these shapes is read.

    Source: PDEBench (Takamoto et al., NeurIPS 2022), compressible Navier-Stokes data.
    """

    name: ClassVar[str] = "PDEBench grouped"

    def fits(self, store: Store) -> bool:
        """As in Layout."""
        if store.kind != "HDF5" or "tensor" in store.file:
            return False
        items = store.file.items()
        return any(n.endswith("-coordinate") and isinstance(i, h5py.Dataset) for n, i in items)

    def open(self, store: Store, told: Told) -> Sourced:
        """As in Layout."""
        return flat(store, told, self.name)
