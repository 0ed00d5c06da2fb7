"""`zoo adapt MODEL FILE`: a chain of recipes from a release and a file; printed, kept, run."""

import argparse
from pathlib import Path
from typing import Any

from zoo import chaining, commands_told, matching, matching_blocks, release
from zoo import recipe as recipes
from zoo.data.formats.recording import FileError
from zoo.fitting import RUNS
from zoo.models.base import Interface
from zoo.reading import Mistake
from zoo.stages import Result

SHARES = (0.6, 0.2, 0.2)
LEAST = 5
"""Trajectories: of fewer a share would be empty."""
FAR = 20
"""Horizons to which validation and test roll a model out, where trajectories are so long."""


def adapt(args: argparse.Namespace) -> int:
    """Measure a release on a file's test samples, fine-tune it on the others, measure again.

    Beside it, the same net from random weights in as many steps. Four recipes are written to the
    folder: the data's, those of both nets, and the chain `adapt.yaml` that runs them; the same
    command, or `zoo run` on the chain, goes on where a killed one was.
    """
    _check(args)
    folder = args.out if args.out is not None else Path(RUNS) / args.file.stem
    want = matching.interface(args.model)
    if want.dt is None:
        block, changed = _steady(args), {}
    else:
        block, changed = _moving(args, want)
    stages = {"before": _stage("adapted", "test"), "adapted": _stage("adapted", test=True)}
    matching_blocks.written({"data": block}, folder, "what both nets learn from", "data.yaml")
    matching_blocks.written(
        _adapted(args, want, changed), folder, "from released weights", "adapted.yaml"
    )
    if not args.no_scratch:
        matching_blocks.written(
            _scratch(args, changed), folder, "from random weights", "scratch.yaml"
        )
        stages["scratch"] = _stage("scratch", test=True)
    chain = folder / "adapt.yaml"
    told = {"stages": stages, "report": _report(stages)}
    matching_blocks.written(told, folder, f"zoo run {chain} --out {folder}", chain.name)
    made = recipes.read(chain, folder, [f"*.{pair}" for pair in _pairs(args.rest)])
    code = chaining.work(made)
    print(f'model = zoo.from_pretrained("{Result("adapted", {}, {}, folder / "adapted").release}")')
    return code


def _check(args: argparse.Namespace) -> None:
    for name in ("steps", "batch", "examples", "history", "lora"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise Mistake(f"--{name} {value}: at least 1")
    if args.lr is not None and args.lr <= 0:
        raise Mistake(f"--lr {args.lr}: above 0")


def _pairs(rest: list[str]) -> list[str]:
    """`--key value` and `--key=value` as key=value."""
    found, words = [], list(rest)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or ("=" not in word and not words):
            raise Mistake(f"{word!r}: keys of the recipe are given as --key value")
        found.append(word[2:] if "=" in word else f"{word[2:]}={words.pop(0)}")
    return found


def _stage(name: str, command: str = "fit", test: bool = False) -> dict[str, Any]:
    stage: dict[str, Any] = {"recipe": ["data.yaml", f"{name}.yaml"]}
    stage |= {"command": command} if command != "fit" else {}
    return stage | ({"test": True} if test else {})


def _steady(args: argparse.Namespace) -> dict[str, Any]:
    """Samples without time."""
    if args.history is not None:
        raise Mistake(f"--history {args.history}: {args.model} is steady; leave it out")
    block = matching_blocks.data(args.model, args.file, args.batch, SHARES)
    if args.examples is not None:
        block["init_args"]["limit"] = args.examples
    return block


def _moving(args: argparse.Namespace, want: Interface) -> tuple[dict[str, Any], dict[str, Any]]:
    """Windows of trajectories, and what of the net its grid changes."""
    found = matching.match(want, args.file, commands_told.told(args), new=True)
    changed = _fitted(args, found.contents.shape)
    told = [f"note     {name} is set to {value} for this grid" for name, value in changed.items()]
    print("\n".join([f"{args.file} beside {args.model}:", str(found), *told]), flush=True)
    block = matching_blocks.recorded(
        args.file, found, args.batch, SHARES, _window(args, want, found)
    )
    count = int(found.contents.trajectories * SHARES[0])
    if found.contents.trajectories < LEAST:
        raise Mistake(
            f"{args.file} has {found.contents.trajectories} trajectories; at least {LEAST} are "
            "needed, so that some are left for validation and test"
        )
    if args.examples is not None:
        block["init_args"]["limit"] = args.examples
        if args.examples > count:
            raise Mistake(
                f"--examples {args.examples}: {args.file} has {found.contents.trajectories} "
                f"trajectories, of which {count} are for training; ask for at most so many"
            )
    return block, changed


def _fitted(args: argparse.Namespace, shape: tuple[int, ...]) -> dict[str, Any]:
    """Arguments of the net that a grid changes: fewer modes on a coarse one, a fixed grid."""
    given = release.describe(release.resolve(args.model))["model"]["init_args"]
    changed: dict[str, Any] = {}
    if "modes" in given:
        modes = given["modes"]
        each = [modes] * len(shape) if isinstance(modes, int) else list(modes)
        fit = [min(m, n // 2) for m, n in zip(each, shape, strict=True)]
        changed |= {"modes": fit} if fit != each else {}
    if isinstance(given.get("grid"), int) and any(n != given["grid"] for n in shape):
        changed |= {"grid": shape[0]}
    return changed


def _window(args: argparse.Namespace, want: Interface, found: matching.Match) -> dict[str, Any]:
    """Windows as long as the model's where the file's frames allow it."""
    frames = found.contents.frames
    history = args.history if args.history is not None else min(want.history, frames - 1)
    if history < 1 or history >= frames:
        raise FileError(
            f"{args.file} has {frames} frames a trajectory: {max(history, 1)} that go in and at "
            "least one to predict are needed; give longer trajectories or a lower --history"
        )
    offset = want.offset if history + want.offset <= frames else 1
    horizon = min(want.horizon, frames - history - offset + 1)
    window: dict[str, Any] = {"history": history, "horizon": horizon, "offset": offset}
    window["start"] = "random"
    far = 1 if offset > 1 else max(1, min(FAR // horizon, (frames - history) // horizon))
    rolls = set(found.contents.channels) <= {*found.shared, *found.new}
    window |= {"evaluate": far} if far > 1 and rolls else {}
    return window


def _training(args: argparse.Namespace, lr: float) -> dict[str, Any]:
    return {
        "seed_everything": args.seed,
        "model": {
            "optimizer": {
                "class_path": "torch.optim.AdamW",
                "init_args": {"lr": lr, "weight_decay": 1e-6},
            }
        },
        "trainer": {
            "max_steps": args.steps,
            # epochs of a few samples are short: validate by steps
            "val_check_interval": max(1, args.steps // 20),
            "check_val_every_n_epoch": None,
        },
    }


def _adapted(args: argparse.Namespace, want: Interface, changed: dict[str, Any]) -> dict[str, Any]:
    steady = want.dt is None
    usual = 3e-4 if steady else 3e-3 if args.lora else 1e-3
    recipe = _training(args, args.lr if args.lr is not None else usual)
    recipe["model"] = {"init_from": str(args.model), **recipe["model"]}
    if not steady and not args.keep_scaling:
        recipe["model"]["refit_normaliser"] = True
    tuning: dict[str, Any] = {"freeze": args.freeze} if args.freeze else {}
    tuning |= {"low_rank": {"rank": args.lora}} if args.lora else {}
    tuning |= {"change": changed} if changed else {}
    if tuning:
        recipe["model"]["tuning"] = tuning
    return recipe


def _scratch(args: argparse.Namespace, changed: dict[str, Any]) -> dict[str, Any]:
    """The release's own net without its weights."""
    recipe = _training(args, 1e-3)
    described = release.describe(release.resolve(args.model))["model"]
    given = {k: v for k, v in described["init_args"].items() if k != "interface"} | changed
    recipe["model"]["net"] = {"class_path": described["class_path"], "init_args": given}
    return recipe


def _report(stages: dict[str, Any]) -> list[dict[str, Any]]:
    """The table: every stage, beside the best trivial predictor."""
    arguments = {
        "kind": "adapt",
        "stages": list(stages),
        "figures": ["test/relative_l2"],
        "note": "before is the release as it was; scratch is the same net from random weights.",
        "record": {"stage": "adapted"},
    }
    return [{"class_path": "zoo.report.Methods", "init_args": arguments}]
