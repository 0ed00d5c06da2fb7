"""Which failures a user is told in a sentence, and which keep their traceback."""

import traceback
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = ("ReleaseError", "HubError", "BlockError", "FileError")
PLAIN = (ValueError, OSError)


def told(error: BaseException) -> str | None:
    """The text for the user, or None when the failure is none that the zoo foresees.

    jsonargparse wraps what a constructor raises in complaints of its own: the first cause that
    comes from the zoo counts. An error of the zoo's own kind is told before a plain one that it
    explains, such as that of a full disk.
    """
    causes = list(_causes(error))
    for one in causes:
        if type(one).__name__ in OURS:
            return str(one)
    for one in causes:
        if isinstance(one, PLAIN) and _is_ours(one):
            return str(one)
        if type(one).__name__ == "MisconfigurationException":
            return str(one)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    chain: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in chain:
        chain.append(here)
        here = here.__cause__ or here.__context__
    return reversed(chain)


def _is_ours(error: BaseException) -> bool:
    """Raised in the zoo, or by the trainer's own look at its arguments."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return False
    last = Path(frames[-1].filename).resolve()
    return HERE in last.parents or "lightning/pytorch/trainer/connectors" in last.as_posix()
