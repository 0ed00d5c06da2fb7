"""A scorecard as people read it: in Markdown, in a terminal, and as figures of a release."""

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from zoo.card_tables import table
from zoo.scorecard import Scorecard

TITLES = {
    "nrmse": "NRMSE",
    "vrmse": "VRMSE",
    "low_band_nrmse": "NRMSE, long waves",
    "mid_band_nrmse": "NRMSE, middle waves",
    "high_band_nrmse": "NRMSE, short waves",
    "h1_error": "H1 error",
    "mean_drift": "mean drift",
    "square_drift": "mean square drift",
    "maximum_error": "largest error",
    "boundary_error": "error at the sides",
    "residual": "residual",
}
BY_STEP = ("nrmse", "vrmse", "mean_drift", "residual")
"""Figures that are shown step by step."""
ERRORS = [title for title in TITLES if "drift" not in title and title != "residual"]
"""A prediction that learns nothing is a measure of these; a mean or a law it may keep for free."""
LEARNS_NOTHING = ("persistence", "mean field")


def shown(frames: int) -> list[int]:
    """The steps that are shown: 1, 2, 4, ... and the last."""
    return sorted({2**k for k in range(frames.bit_length()) if 2**k <= frames} | {frames})


def head(card: Scorecard) -> list[str]:
    """What was measured on what, in sentences."""
    grid = " x ".join(map(str, card.grid))
    time = "steady" if card.dt is None else f"{card.frames} frames predicted, {card.dt:g} apart"
    if card.dt is not None and card.frames == 1:
        time = f"one frame predicted, {card.offset * card.dt:g} after the last one that goes in"
    told = ", ".join(f"{n} [{u}]" if u != "1" else n for n, u in card.channels.items())
    lines = [f"{card.model} on {card.file}: {card.samples} samples of {told}, grid {grid}, {time}."]
    solver = card.predictors.get("solver")
    if solver is not None:
        model = card.predictors["model"]
        lines.append(
            f"Solver: {solver['equation']} on {_setting(card, solver)}: "
            f"{_chosen(card)}, {solver['seconds']:.3g} s against {model['seconds']:.3g} s for "
            f"{model['timed_samples']} samples on one thread."
        )
        match = solver["as_accurate_as_the_model"]
        if match is not None:
            times = match["seconds"] / model["seconds"]
            lines.append(
                f"The cheapest solver tried that is as accurate as the model: "
                f"{_setting(card, match)}, {times:.2g} times the model's time."
            )
    return lines


def _setting(card: Scorecard, solver: dict[str, Any]) -> str:
    points = " x ".join(map(str, solver["grid"]))
    return f"{points} points" + ("" if card.dt is None else f", {solver['steps']} step(s) a frame")


def _chosen(card: Scorecard) -> str:
    if card.predictors["solver"]["seconds"] <= card.predictors["model"]["seconds"]:
        return "the most accurate tried that takes no longer than the model"
    return "the cheapest tried, for none is as fast as the model"


def names(card: Scorecard) -> list[str]:
    """Columns of the tables: the predictors, and the truth where it has a residual."""
    return [*card.predictors, *(["truth"] if "residual" in card.figures else [])]


def rows(card: Scorecard) -> list[list[str]]:
    """A row for each figure: its mean over frames and channels by predictor."""
    found = []
    for title, entry in card.figures.items():
        for channel, unit in _parts(card, entry):
            label = TITLES[title] + (f", {channel}" if channel else "")
            values = [_mean(entry["predictors"].get(name), channel) for name in names(card)]
            found.append([label, "" if unit == "1" else unit, *map(number, values)])
    return found


def _parts(card: Scorecard, entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Channel and unit of each row of a figure; of several units one each, of one unit all."""
    if entry["unit"] or len(card.channels) == 1:
        yield "", entry["unit"]
    if len(card.channels) > 1:
        units = entry.get("units", dict.fromkeys(card.channels, entry["unit"]))
        yield from units.items()


def _mean(told: dict[str, Any] | None, channel: str) -> float | None:
    if told is None:
        return None
    return told["by_channel"][channel]["mean"] if channel else told["mean"]


def step_rows(card: Scorecard) -> list[list[str]]:
    """A row for each figure and predictor: its values at the steps shown."""
    found = []
    for title in BY_STEP:
        predictors = card.figures.get(title, {}).get("predictors", {})
        for name in names(card):
            if name in predictors:
                values = predictors[name]["by_step"]
                cells = [number(values[step - 1]) for step in shown(card.frames)]
                found.append([TITLES[title], name, *cells])
    return found


def sweep_rows(card: Scorecard) -> list[list[str]]:
    """A row for each other grid and time step."""
    found = []
    for row in card.sweeps:
        errors = row.get("nrmse", {})
        cells = [number(errors.get(name)) if errors else "" for name in card.predictors]
        found.append([row["sweep"], row["setting"], *cells, row.get("not_applicable", "")])
    return found


def tables(card: Scorecard) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, head and rows of every table."""
    mean = "Means over frames" if card.frames > 1 else "Errors"
    yield mean, ["figure", "unit", *names(card)], rows(card)
    if card.frames > 1:
        steps = [str(step) for step in shown(card.frames)]
        yield "By step from the last frame in", ["figure", "of", *steps], step_rows(card)
    head = ["sweep", "setting", *card.predictors, "does not apply"]
    samples = card.sweeps[0]["samples"] if card.sweeps else 0
    yield f"NRMSE on other grids and time steps, of {samples} samples", head, sweep_rows(card)


def markdown(card: Scorecard, pictures: list[str]) -> str:
    """The scorecard as a page."""
    parts = [f"# Scorecard of {card.model}", *head(card), *card.notes]
    for title, columns, lines in tables(card):
        parts += [f"## {title}", table(columns, lines)]
    parts += [f"![{name}]({name})" for name in pictures]
    return "\n\n".join(parts) + "\n"


def rich(card: Scorecard) -> Iterator[Table]:
    """The tables for a terminal."""
    for title, columns, lines in tables(card):
        made = Table(title=title, title_justify="left", box=SIMPLE, collapse_padding=True)
        for place, column in enumerate(columns):
            made.add_column(column, justify="left" if place < 2 else "right", no_wrap=place < 2)
        for before, line in zip(["", *(line[0] for line in lines)], lines, strict=False):
            made.add_row(line[0] if line[0] != before else "", *line[1:])
        yield made


def number(value: float | None) -> str:
    """Three digits, of small numbers two; a dash where there is no value."""
    if value is None:
        return "-"
    return f"{value:.3g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"


def entries(card: Scorecard, label: str) -> list[dict[str, Any]]:
    """Figures for a release's metrics.json: `scorecard/<label>/<title>`, and by step.

    Args:
        card: what was measured.
        label: of the file, without a slash.
    """
    nothing = [name for name in LEARNS_NOTHING if name in card.predictors]
    found = []
    for title, entry in card.figures.items():
        for channel, unit in _parts(card, entry):
            own = {name: _of(told, channel) for name, told in entry["predictors"].items()}
            beside = [name for name in nothing if title in ERRORS and name in own]
            name = f"scorecard/{label}/{f'{channel}/' if channel else ''}{title}"
            found.append(_entry(card, name, unit, own, beside, None))
            if card.frames > 1 and title in BY_STEP and not channel:
                found += [
                    _entry(card, f"{name}/step={step:02d}", unit, own, beside, step - 1)
                    for step in shown(card.frames)
                ]
    # JSON holds finite numbers only: a rollout that left them has no figure
    return [one for one in found if one["value"] is not None]


def _of(told: dict[str, Any], channel: str) -> dict[str, Any]:
    return told["by_channel"][channel] if channel else told


def _entry(
    card: Scorecard,
    name: str,
    unit: str,
    own: dict[str, dict[str, Any]],
    beside: list[str],
    step: int | None,
) -> dict[str, Any]:
    def value(predictor: str) -> float | None:
        if predictor not in own:
            return None
        return own[predictor]["mean"] if step is None else own[predictor]["by_step"][step]

    trivials = {one: value(one) for one in beside}
    known = {one: found for one, found in trivials.items() if found is not None}
    return {
        "name": name,
        "value": value("model"),
        "unit": unit,
        "n": card.samples,
        "trivial": min(known.values(), default=None),
        "trivials": known or None,
        "remeasure": False,
    }
