"""The equation behind a file of fields, if it is one of the zoo's."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import zoo.pde
from zoo.models.base import BlockError, find
from zoo.pde.equation import Equation
from zoo.pde.evolution import Evolution
from zoo.reading import Mistake

Law = Evolution | Equation


@dataclass(frozen=True)
class Known:
    """An equation, or why there is none, in a sentence."""

    law: Law | None
    why: str = ""


def told(path: str, dimension: int, channels: Sequence[str], coefficients: Iterable[str]) -> Law:
    """The equation that a user names by its import path.

    Raises:
        Mistake: it is no equation of the zoo, or the file lacks what it needs.
    """
    try:
        cls = find(path, object, ("zoo.pde.",))
    except BlockError as error:
        names = ", ".join(f"{one.__module__}.{one.__name__}" for one in _classes())
        raise Mistake(f"--equation {path}: {error}\n  there are {names}") from error
    if not issubclass(cls, Evolution | Equation):
        raise Mistake(f"--equation {path} is no equation on a box")
    law = _made(cls, dimension)
    lacking = "another dimension" if law is None else _lacking(law, channels, coefficients)
    if law is None or lacking:
        raise Mistake(f"--equation {path}: {lacking}")
    return law


def guessed(
    names: Sequence[str],
    dimension: int,
    channels: Sequence[str],
    coefficients: Sequence[str],
    steady: bool,
) -> Known:
    """The equation among those that a release was trained on, to which a file's coefficients fit.

    Of several that fit, the one that reads the most of them; a tie is none.

    Args:
        names: of the equations, as in a release's `about`.
        dimension: of space.
        channels: the file's outputs.
        coefficients: the file's.
        steady: whether the model is.
    """
    kind = Equation if steady else Evolution
    made = [_made(cls, dimension) for cls in _classes() if issubclass(cls, kind)]
    laws = [law for law in made if law is not None and law.name in names]
    fits = [law for law in laws if not _lacking(law, channels, coefficients)]
    if not laws:
        told = ", ".join(names) or "no equation"
        return Known(None, f"The release names {told}, none that the zoo solves in {dimension}-D.")
    if not fits:
        reasons = "; ".join(_lacking(law, channels, coefficients) for law in laws)
        return Known(None, f"No equation of the release fits the file: {reasons}.")
    most = max(len(law.coefficients) for law in fits)
    best = [law for law in fits if len(law.coefficients) == most]
    if len(best) > 1:
        named = ", ".join(law.name for law in best)
        return Known(None, f"The file may be of {named}: say which with --equation.")
    return Known(best[0])


def path(law: Law) -> str:
    """Its import path."""
    return f"{type(law).__module__}.{type(law).__qualname__}"


def _lacking(law: Law, channels: Sequence[str], coefficients: Iterable[str]) -> str:
    fields = law.outputs if isinstance(law, Equation) else law.fields
    absent = [name for name in law.coefficients if name not in set(coefficients)]
    if len(fields) != len(channels):
        return f"{law.name} has the fields {list(fields)}, the file {list(channels)}"
    return f"{law.name} needs {', '.join(absent)}, which the file has not" if absent else ""


def _classes() -> list[type[Law]]:
    found: dict[str, type[Law]] = {}
    for info in pkgutil.iter_modules(zoo.pde.__path__, "zoo.pde."):
        for value in vars(importlib.import_module(info.name)).values():
            own = inspect.isclass(value) and value.__module__ == info.name
            if own and issubclass(value, Evolution | Equation) and not inspect.isabstract(value):
                found[info.name] = value
    return [found[name] for name in sorted(found)]


def _made(cls: type[Law], dimension: int) -> Law | None:
    """An equation in so many dimensions of space; None where it has others."""
    takes = "dimension" in inspect.signature(cls).parameters
    law = cls(**({"dimension": dimension} if takes else {}))
    # steady equations are stated in the plane
    return law if getattr(law, "dimension", 2) == dimension else None
