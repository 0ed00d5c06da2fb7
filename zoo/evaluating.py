"""`zoo evaluate MODEL FILE`: a recipe from a release and a file; printed, then run and scored."""

import copy
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from zoo import matching, matching_blocks, reading, release, scorecard_law, scorecard_text, shelf
from zoo.data import arrays
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Told
from zoo.fitting import RUNS
from zoo.models.base import Interface, build
from zoo.reading import Mistake
from zoo.scorecard import Scorecard, Scoring
from zoo.training import split, train

ALL = (0.0, 0.0, 1.0)
BATCH = 64
NUMBERS = 2**22
"""Numbers of a batch's targets: some 100 MB while they are measured."""
PACKAGES = ("zoo.data.", "zoo.pde.")


@dataclass(frozen=True)
class Asked:
    """What `zoo evaluate` is asked for.

    Args:
        model: a folder, a shipped name, or owner/name[@revision].
        file: trajectories, or arrays named as the channels.
        rest: further keys of the recipe.
        told: what the user says of the file.
        steps: frames that are predicted; to the trajectories' end if None.
        equation: import path of the file's equation.
        out: folder of what is written.
        add: write the figures into the release, too.
    """

    model: str
    file: Path
    rest: Sequence[str] = ()
    told: Told | None = None
    steps: int | None = None
    equation: str | None = None
    out: Path | None = None
    add: bool = False


def evaluate(asked: Asked) -> int:
    """Measure a release on every sample of a file: its recipe's figures, then the scorecard."""
    folder = asked.out if asked.out is not None else Path(RUNS) / f"evaluate-{asked.file.stem}"
    if asked.add and "/" in asked.model and not Path(asked.model).is_dir():
        raise Mistake(f"--add: {asked.model} lies in the cache; pull it to a folder of your own")
    home = release.resolve(asked.model)
    want = matching.interface(home)
    block, names = _blocks(asked, want)
    scoring, notes = prepared(asked, home, want, block, names)
    recipe = {"model": {"init_from": asked.model}, "data": block}
    path = matching_blocks.written(recipe, folder, f"zoo test -c {folder / 'recipe.yaml'}")
    code = train("test", ["-c", str(path), "--trainer.default_root_dir", str(folder), *asked.rest])
    if code:
        return code
    card = scoring.run(asked.model, release.describe(home)["sha256"], asked.file.name)
    card.notes += notes
    _write(card, folder)
    _tell(card)
    if asked.add:
        release.add_figures(home, scorecard_text.entries(card, asked.file.stem))
        print(f"added to {home / 'metrics.json'}")
    return 0


def _tell(card: Scorecard) -> None:
    console = Console()
    for line in (*scorecard_text.head(card), *card.notes):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    for table in scorecard_text.rich(card):
        console.print(table)


def _blocks(asked: Asked, want: Interface) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The recipe's data block, and the names of all coefficients that the file has."""
    if want.dt is None:
        block = matching_blocks.data(asked.model, asked.file, BATCH, ALL)
        with arrays.opened(asked.file, want.inputs[0]) as found:
            return block, tuple(found)
    match = matching.match(want, asked.file, asked.told)
    print(f"{asked.file} beside {asked.model}:\n{match}\n", flush=True)
    window = {"history": want.history, "horizon": want.horizon, "offset": want.offset}
    block = matching_blocks.recorded(asked.file, match, BATCH, ALL, window)
    recording = opened(str(asked.file), dataclasses.replace(match.told, coefficients=None))
    try:
        return block, recording.contents.coefficients
    finally:
        recording.close()


def prepared(
    asked: Asked, home: Path, want: Interface, block: dict[str, Any], names: Sequence[str]
) -> tuple[Scoring, list[str]]:
    """What measures a release on a file, and what there is to say of it; nothing is measured yet.

    Args:
        asked: what for.
        home: the release.
        want: its interface.
        block: the recipe's data block.
        names: of all coefficients that the file has.

    Raises:
        Mistake: steps or an equation that cannot be.
    """
    block = copy.deepcopy(block)
    for key, text in split(list(asked.rest))[1]:
        if key.startswith("data."):
            reading.put(block, key.removeprefix("data."), reading.value(text))
    face: Interface = build(block, object, PACKAGES).interface()
    law, why = _law(asked, face, release.describe(home)["about"].get("equations") or [], names)
    if law is not None:
        _give(block["init_args"]["sets"][0]["init_args"], law.coefficients)
    data = _data(block, asked.steps)
    kinds = {kind: getattr(face, kind) for kind in ("inputs", "outputs", "coefficients")}
    frames = {key: getattr(face, key) for key in ("dt", "history", "horizon", "offset")}
    model: Any = release.load(home, **kinds, frames=frames)
    notes = [f"{why} So there is no residual and no solver."] if why else []
    return Scoring(model, data, law, face.boundary), notes


def _law(
    asked: Asked, face: Interface, equations: Sequence[str], names: Sequence[str]
) -> tuple[scorecard_law.Law | None, str]:
    d = face.dimension
    if face.boundary != "periodic":
        if asked.equation is not None:
            raise Mistake(
                f"--equation {asked.equation}: the zoo solves periodic boxes, and this one is "
                f"{face.boundary}; leave it out"
            )
        return None, f"The zoo solves periodic boxes, and this one is {face.boundary}."
    if asked.equation is not None:
        return scorecard_law.told(asked.equation, d, face.outputs, names), ""
    known = scorecard_law.guessed(equations, d, face.outputs, names, face.dt is None)
    return known.law, known.why


def _give(arguments: dict[str, Any], coefficients: Sequence[str]) -> None:
    """Have a data set read these coefficients, too, whether or not the model takes them."""
    kept = arguments["told"] if "told" in arguments else arguments["interface"]
    kept["coefficients"] = list(dict.fromkeys([*kept.get("coefficients", ()), *coefficients]))


def _data(block: dict[str, Any], steps: int | None) -> Any:
    """The data module whose windows reach as far as the rollout is to go."""
    data = build(block, object, PACKAGES)
    one = data.sets[0]
    if one.length is None:
        if steps is not None:
            raise Mistake(f"--steps {steps}: the model is steady and has no rollout; leave it out")
        frames = 1
    else:
        window = data.window
        most = one.length - window.history - window.offset + 1
        rolls = window.offset == 1 and set(one.outputs) <= set(one.inputs)
        most = most // window.horizon * window.horizon if rolls else window.horizon
        if steps is not None and (steps > most or steps < 1 or steps % window.horizon):
            raise Mistake(
                f"--steps {steps}: after the {window.history} that go in, a trajectory of "
                f"{one.length} frames has up to {most} to predict, in steps of {window.horizon}"
            )
        frames = steps if steps is not None else most
        given = block["init_args"].setdefault("window", {})
        given["evaluate"] = max(1, frames // window.horizon)
        data = build(block, object, PACKAGES)
    values = frames * len(one.outputs)
    for n in one.shape():
        values *= n
    data.batch_size = max(1, min(data.batch_size, NUMBERS // values))
    return data


def _write(card: Scorecard, folder: Path) -> None:
    """Keep scorecard.json, scorecard.md and the pictures in a folder."""
    from zoo.plots import scorecard as plots

    pictures = {"spectra.png": plots.spectra(**card.spectra)}
    if card.dt is not None:
        lines = {
            scorecard_text.TITLES[title]: {
                name: told["by_step"] for name, told in card.figures[title]["predictors"].items()
            }
            for title in ("nrmse", "vrmse", "h1_error")
            if title in card.figures
        }
        pictures["error-over-time.png"] = plots.over_time(lines, card.dt, card.offset)
    for name, picture in pictures.items():
        with shelf.atomic_write(folder / name) as part:
            part.write_bytes(picture)
    text = json.dumps(card.plain(), indent=1, allow_nan=False)
    for name, content in (
        ("scorecard.json", text + "\n"),
        ("scorecard.md", scorecard_text.markdown(card, list(pictures))),
    ):
        with shelf.atomic_write(folder / name) as part:
            part.write_text(content, encoding="utf-8")
