"""What a wrong name may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def meant(name: str, known: Iterable[str]) -> str:
    """The end of an error: the names that are known, and the nearest one first."""
    names = list(known)
    close = [known for known in names if known.lower() == name.lower()]
    close = close or get_close_matches(name, names, 1, 0.5)
    told = f"it has {', '.join(names)}" if names else "it has none"
    return f"did you mean {close[0]!r}? {told}" if close else told
