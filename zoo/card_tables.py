"""Tables of measured figures in Markdown, and what they say in one sentence."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figures = Sequence[Mapping[str, Any]]
KINDS = {
    "resolution": ("grid", "Other grids"),
    "shift": ("ranges", "Other ranges"),
}
METHODS = "methods"
STEP = "/step="
HEAD = [
    *("figure", "value", "spread", "samples", "seeds", "trivial", "scratch", "unit"),
    *("tolerance", "seconds"),
]


def losses(entries: Figures) -> list[str]:
    """Where a release does not beat its trivial predictor or training from scratch, in words."""
    told = {}
    for entry in entries:
        if entry["name"].startswith(f"{METHODS}/"):
            continue  # of other models, told for comparison
        best = best_trivial(entry)
        named = f"its best trivial predictor ({best})" if best else "its trivial predictor"
        for key, name in (("trivial", named), ("baseline", "scratch")):
            if entry[key] is not None and not entry["value"] < entry[key]:
                # with one system its figure and the mean over systems are one
                told.setdefault(
                    (key, entry["value"], entry[key]),
                    f"{name} on {entry['name']}: {_number(entry['value'])} "
                    f"against {_number(entry[key])}",
                )
    return list(told.values())


def best_trivial(entry: Mapping[str, Any]) -> str:
    """The name of the predictor whose error is the entry's `trivial`; empty where none is told.

    A mean over systems has none where the best one differs between them.
    """
    told = entry.get("trivials") or {}
    name = min(told, key=told.__getitem__, default="")
    same = name and math.isclose(told[name], entry["trivial"] or 0.0, rel_tol=1e-9)
    return name.replace("_", " ") if same else ""


def verdict(entries: Figures) -> str:
    """One sentence: what a release beats, or that it does not."""
    lost = losses(entries)
    if lost:
        return f"Does not beat {'; nor '.join(lost)}."
    beaten = [
        name
        for key, name in (("trivial", "its trivial predictor"), ("baseline", "scratch"))
        if any(entry[key] is not None for entry in entries)
    ]
    if not beaten:
        return "No figure here has a trivial predictor beside it."
    return f"Beats {' and '.join(beaten)} on every figure below that has one."


def measured(entries: Figures) -> Iterable[str]:
    """The sections of a card that hold figures: plain ones, few examples, other grids, ranges."""
    kinds = [entry["name"].partition("/")[0] for entry in entries]
    pairs = list(zip(kinds, entries, strict=True))
    steps = [entry for entry in entries if STEP in entry["name"]]
    apart = (*KINDS, "few_shot", METHODS)
    plain = [row(e) for kind, e in pairs if kind not in apart and STEP not in e["name"]]
    if plain:
        yield (
            f"## Figures\n\n{table(HEAD, plain)}\n\n"
            "`trivial` is the best predictor that learns nothing, `scratch` the same training "
            "without pretrained weights; `spread` is the greatest value minus the least over the "
            "seeds; `seconds` is the training's. `zoo verify` measures again what is marked so, "
            "within the tolerance."
        )
    if steps:
        yield f"## Rollout\n\nError of single frames over the steps taken.\n\n{_rollout(steps)}"
    shots = [_shot(entry) for kind, entry in pairs if kind == "few_shot"]
    if shots:
        head = ["figure", "examples", "fine-tuned", "from scratch", "ratio", "seeds", "trivial"]
        yield f"## Few examples\n\n{table(head, shots)}"
    others = [entry for kind, entry in pairs if kind == METHODS]
    if others:
        yield (
            "## Methods\n\nMean over seeds (greatest minus least), of this model's recipe and of "
            f"others at equal budget.\n\n{_methods(others)}"
        )
    for wanted, (word, title) in KINDS.items():
        rows = [_swept(entry) for kind, entry in pairs if kind == wanted]
        if rows:
            head = [word, "figure", "value", "spread", "samples", "seeds", "trivial"]
            yield f"## {title}\n\n{table(head, rows)}"


def _methods(entries: Figures) -> str:
    """A row for each method and a column for each figure, of names `methods/<method>/<figure>`."""
    found: dict[str, dict[str, str]] = {}
    beside: dict[str, dict[str, str]] = {}
    for entry in entries:
        _, method, figure = entry["name"].split("/", 2)
        found.setdefault(method, {})[figure] = _spread(entry["value"], entry["spread"])
        beside.setdefault(method, {})[figure] = trivial_cell(entry)
    columns = list(dict.fromkeys(figure for row in found.values() for figure in row))
    rows = [[name, *(row.get(figure, "") for figure in columns)] for name, row in found.items()]
    told = {name: {key: row.get(key, "") for key in columns} for name, row in beside.items()}
    return table(["method", *columns], [*rows, *trivial_rows(told)])


def trivial_rows(told: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """A row for each set of best trivial predictors: of all methods, or of those that it names.

    Args:
        told: by method, the cell of each figure; the same figures everywhere.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for method, cells in told.items():
        groups.setdefault(tuple(cells.values()), []).append(method)
    groups = {cells: methods for cells, methods in groups.items() if any(cells)}
    named = [_shared(methods) for methods in groups.values()]
    named = [
        name if name and named.count(name) == 1 else "; ".join(methods)
        for name, methods in zip(named, groups.values(), strict=True)
    ]
    title = "best trivial predictor"
    return [
        [title if len(groups) == 1 else f"{title} ({name})", *cells]
        for name, cells in zip(named, groups, strict=True)
    ]


def _shared(methods: Sequence[str]) -> str:
    """The words that the labels of all of these have, as in `damped` of `damped, derl`."""
    words = [method.split(", ") for method in methods]
    return ", ".join(word for word in words[0] if all(word in each for each in words))


def _rollout(entries: Figures) -> str:
    """A row for each system and a column for each step, of names `test/<system>/step=<k>/...`."""
    found: dict[str, dict[str, float]] = {}
    for entry in entries:
        system, _, rest = entry["name"].partition(STEP)
        found.setdefault(system, {})[rest.partition("/")[0]] = entry["value"]
    columns = sorted({step for row in found.values() for step in row})
    rows = [[name, *(_number(row.get(step)) for step in columns)] for name, row in found.items()]
    return table(["system", *(f"step {int(step)}" for step in columns)], rows)


def _swept(entry: Mapping[str, Any]) -> list[str]:
    _, label, title = [*entry["name"].split("/", 2), ""][:3]
    numbers = [_number(entry[key]) for key in ("value", "spread", "n")]
    return [label, title, *numbers, _count(entry["seeds"]), trivial_cell(entry)]


def trivial_cell(entry: Mapping[str, Any]) -> str:
    """The figure and the name of the best trivial predictor; empty where there is none."""
    name = best_trivial(entry)
    return _number(entry["trivial"]) + (f" ({name})" if name else "")


def _count(seeds: Any) -> str:
    return str(len(seeds)) if isinstance(seeds, list) else _number(seeds)


def _shot(entry: Mapping[str, Any]) -> list[str]:
    _, examples, title = [*entry["name"].split("/", 2), ""][:3]
    value, base = entry["value"], entry["baseline"]
    return [
        title,
        examples,
        _spread(value, entry["spread"]),
        _spread(base, entry.get("baseline_spread")),
        _number(base / value if base is not None and value else None),
        _count(entry["seeds"]),
        trivial_cell(entry),
    ]


def row(entry: Mapping[str, Any]) -> list[str]:
    """A figure in the columns of `HEAD`."""
    plain = [_number(entry[key]) for key in ("value", "spread", "n")]
    more = [trivial_cell(entry), _number(entry["baseline"])]
    rest = [_number(entry[key]) for key in ("tolerance", "seconds")]
    return [entry["name"], *plain, _count(entry["seeds"]), *more, entry["unit"] or "", *rest]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _spread(value: Any, spread: Any) -> str:
    return _number(value) + (f" (spread {_number(spread)})" if spread is not None else "")
