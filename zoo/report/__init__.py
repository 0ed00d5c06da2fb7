"""What a chain shows at its end: a table, a plot, and the files they lie in."""

from collections.abc import Sequence
from typing import Any

from zoo.checking import find, parameters
from zoo.reading import Mistake, near
from zoo.recipe import Chain
from zoo.report.beside import Beside
from zoo.report.comparison import Comparison
from zoo.report.curves import Curves
from zoo.report.few_shot import FewShot
from zoo.report.methods import Methods
from zoo.report.sweep import Sweep
from zoo.stages import Result

__all__ = ["Beside", "Comparison", "Curves", "FewShot", "Methods", "Sweep", "report"]
REPORTS = tuple(
    f"zoo.report.{name}"
    for name in ("FewShot", "Sweep", "Comparison", "Beside", "Methods", "Curves")
)


def report(chain: Chain, results: Sequence[Result]) -> str:
    """Make the chain's report and return what to print.

    Raises:
        Mistake: the chain names no report, or an argument that it has not.
    """
    several = chain.report if isinstance(chain.report, list) else [chain.report or {}]
    return "\n\n".join(_one(dict(described), chain, results) for described in several)


def _one(described: dict[str, Any], chain: Chain, results: Sequence[Result]) -> str:
    path, given = described.get("class_path", ""), described.get("init_args") or {}
    made = find(str(path))
    if made is None:
        raise Mistake(f"report.class_path: no class {path!r}; there is {', '.join(REPORTS)}")
    for key in given:
        known = parameters(made)
        if known is not None and key not in known:
            hint = near(key, known, "did you mean")
            raise Mistake(f"report.init_args.{key}: {path} has no such argument{hint}")
    return made(**given).write(results, chain.folder / "report")
