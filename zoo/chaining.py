"""`zoo run`: a chain, or a single recipe, from the shelf, a file or the Hub."""

import argparse
import sys
from pathlib import Path

from zoo import allowlist, reading, shelf
from zoo import recipe as recipes
from zoo.reading import Mistake
from zoo.recipe import Chain, Run
from zoo.stages import Result, Runner


def run(args: argparse.Namespace) -> int:
    """Run what the arguments name; the exit code: 1 too where a gate of the report fails."""
    if allowlist.is_remote(args.chain) and args.chain not in shelf.recipes():
        from zoo.training import train

        return train("fit", ["-c", args.chain, *_single(args)])
    path = shelf.recipes().get(args.chain, Path(args.chain))
    if Path(args.chain).is_file():
        path = Path(args.chain)
    if "stages" not in reading.read(path).content:
        from zoo.training import train

        return train("fit", ["-c", str(path), *_single(args)])
    chain = recipes.read(path, args.out, args.set)
    runner = Runner(chain, jobs=args.jobs)
    if args.print or args.plan:
        print("\n".join(runner.commands() if args.print else runner.plan()))
        return 0
    if args.pick:
        for result in runner.pick(chain.stage(args.pick)):
            print(result.folder)
        return 0
    return work(chain, runner, args.force)


def work(chain: Chain, runner: Runner | None = None, force: str | None = None) -> int:
    """Carry a chain out and tell its report; the exit code is 1 where a gate of it fails."""
    _check(chain)
    results = (runner if runner is not None else Runner(chain)).run(force)
    if chain.report is not None:
        return _report(chain, results)
    print("\n".join(f"release: {one.release}" for one in results if one.release.is_dir()))
    return 0


def _report(chain: Chain, results: list[Result]) -> int:
    """Print the chain's report; 1 if a gate of it fails."""
    from zoo.report import report
    from zoo.report.gate import FAILS

    text = report(chain, results)
    print(text)
    failed = [line for line in text.splitlines() if line.startswith(f"{FAILS} ")]
    if failed:
        print(f"zoo run: of the report's gates {len(failed)} do not hold", file=sys.stderr)
        print(
            "\n".join(f"  {line.removeprefix(FAILS).strip()}" for line in failed), file=sys.stderr
        )
    return 1 if failed else 0


def _single(args: argparse.Namespace) -> list[str]:
    for name in ("print", "plan", "force", "pick"):
        if getattr(args, name):
            raise Mistake(f"--{name} belongs to a chain; {args.chain} is a single recipe")
    return ["--trainer.default_root_dir", str(args.out)] if args.out else []


def _check(chain: Chain) -> None:
    """Every stage's recipes, before the first is run."""
    from lightning.pytorch import Trainer

    from zoo.checking import Checker
    from zoo.task import Task

    runs = [Run(s, point, chain.folder, {}) for s in chain.stages for point in s.kinds()]
    for run in runs:
        sources = [reading.read(path) for path in run.recipes]
        options = [(key, recipes.text(item)) for key, item in run.keys().items()]
        try:
            Checker(sources, options, {"model": Task, "trainer": Trainer}).check()
        except Mistake as error:
            place = f"in stage {run.stage.name} of {chain.path}"
            raise Mistake(str(error).replace("on the command line", place)) from error
