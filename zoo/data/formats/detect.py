"""Opening files of trajectories of any layout that the zoo knows."""

from collections.abc import Sequence
from pathlib import Path

from zoo.data.formats import plain, plain_layout
from zoo.data.formats.as_told import as_told
from zoo.data.formats.layout import Layout
from zoo.data.formats.pdebench import PdebenchTensor
from zoo.data.formats.pdebench_grouped import PdebenchGrouped
from zoo.data.formats.pdebench_seeds import PdebenchSeeds
from zoo.data.formats.recording import FileError, Recording, Told
from zoo.data.formats.several import Several
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Store
from zoo.data.formats.well import Well

LAYOUTS: tuple[Layout, ...] = (Well(), PdebenchTensor(), PdebenchGrouped(), PdebenchSeeds())
"""Tried in this order."""
SHOWN = 20
"""Arrays that an error lists."""


def opened(paths: str | Path | Sequence[str | Path], told: Told | None = None) -> Recording:
    """The trajectories of a file, or of several alike, whatever their layout.

    The layout is known by what is inside. Plain arrays need a YAML file that says what they are
    (see `ArrayLayout`): `told.layout`, or FILE.yaml beside the file (data.npz.yaml).

    Args:
        paths: one file, or several that are joined in this order.
        told: what the user says about each of them.

    Raises:
        FileError: a file cannot be used; names the file, the value, the rule and the remedy.
    """
    files = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not files:
        raise FileError("no file is given; give at least one file of trajectories")
    told = told or Told()
    found = [one(Path(path), told) for path in files]
    return found[0] if len(found) == 1 else Several(found)


def one(path: Path, told: Told) -> Sourced:
    """The trajectories of one file.

    Raises:
        FileError: as above.
    """
    store = Store(path)
    beside = path.with_name(path.name + ".yaml")
    layout = Path(told.layout) if told.layout else beside if beside.is_file() else None
    try:
        if layout is not None:
            return as_told(plain.opened(store, plain_layout.read(layout)), told)
        for known in LAYOUTS:
            if known.fits(store):
                return as_told(known.open(store, told), told)
        raise FileError(unknown(store, beside))
    finally:
        # arrays that are mapped need no open file, and an open one keeps its writer out
        store.close()


def unknown(store: Store, beside: Path) -> str:
    """What to say of a file whose layout is not known: what is inside, and the YAML to write."""
    places = [store.place(name) for name in store.names()]
    lines = [f"  {place.name}: {place.dtype} {place.shape}" for place in places[:SHOWN]]
    if len(places) > SHOWN:
        lines.append(f"  ... and {len(places) - SHOWN} more")
    inside = "\n".join(lines) or "  no array at all"
    names = ", ".join(dict.fromkeys(known.name for known in LAYOUTS))
    return (
        f"{store.path} has no layout that the zoo knows ({names}). Inside are\n{inside}\n"
        f"Say what they mean in a YAML file, {beside} or another that you name by --layout; with "
        f"the names and numbers of yours:\n\n{plain.draft(store)}"
    )
