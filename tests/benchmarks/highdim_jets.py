"""Which way to derivatives serves best in high dimension: time, memory, and error at equal time.

    pip install -c constraints-cpu.txt -e ".[benchmarks]"
    OMP_NUM_THREADS=1 python -m tests.benchmarks.highdim_jets --seconds 60 --write

Each cell is a process of its own on one CPU thread. A step is what `zoo fit` does without Lightning
around it: points drawn anew, zero_grad, loss, backward, Adam with a learning rate that falls to
zero. Its time is the least CPU time of many (`time.process_time`), its memory what steps add to the
peak of the process (`resource.getrusage`). Then a net is trained anew for as many steps as fit into
the seconds at `--pace` times the least time each, as steps take on a busy machine, one pace for all
jets; so each jet has a schedule of its own, and "CPU s" is what it came to. Exact jets give the
same numbers to round-off: the errors of nested and vectorised autograd are the forward Laplacian's
after as many steps as they have time for, from the same weights and points, and Hutchinson's are
those of stochastic Taylor along the same signs; they have no "CPU s", and a table below compares
such stand-ins with trainings of their own. All cells have the same net (three layers of 64, silu
for the manufactured solution, else tanh), and by problem the same first weights, points and
settings, those of recipes/highdim. Errors are measured at 5,000 points of the equation's own law;
"beyond time" is the error over that of the best function of time. An estimated residual's square is
the product of the halves of its draws, as `Residual` takes it, but of "deflated" the square,
`Residual(biased=True)`: a table below has both.

Results are kept as JSON lines, so that the run may stop and go on, or be made in parts (`--only
manufactured,100,deflated`, with * and ?); `--plan` prints what is missing and how long it takes,
`--write` the results beside this file and what `zoo show` recommends. The results behind the table
that is there are in results_highdim.jsonl: with it as `--store` its run goes on.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.benchmarks.highdim_race import GOAL, INSTEAD, RACING, TARGET, following
from tests.benchmarks.highdim_store import Key, Store
from tests.benchmarks.highdim_tables import (
    NAMES,
    absent,
    checked,
    otherwise,
    poisson,
    problem,
    recommendation,
    recommended,
    steps,
    target,
)

RESULTS = Path(__file__).with_name("results_highdim.md")
RECOMMENDED = Path(__file__).parents[2] / "zoo" / "models" / "estimators" / "recommended.json"
SIZES = (2, 10)
STARTED = 8.0
"""Seconds that a cell takes beside its training."""


def child(module: str, *words: object) -> dict[str, Any]:
    """What a process of its own prints, or why it failed."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["killed: out of memory?"]
        return {"settings": "", "failed": f"exit {done.returncode}: {last[0]}"}
    return json.loads(done.stdout.splitlines()[-1])


class Run:
    """The cells that are asked for.

    Args:
        given: the command line.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.store = Store(given.store, child("highdim_cell"))

    def cells(self) -> list[Key]:
        """Of the table, and those that compare squares and halves."""
        known, seconds = self.store.known, self.given.seconds
        found = []
        for name, sizes in known["settings"].items():
            for size in map(int, sizes):
                found += [Key(name, size, jet, seconds) for jet in known["jets"]]
                found.append(Key(name, size, "trivial"))
        return found + [Key(*TARGET, jet, seconds) for jet in known["otherwise"] if seconds]

    def longer(self, jet: str) -> Key | None:
        """The next training of a jet for the goal."""
        given, found = self.given, self.store.trainings(*TARGET, jet)
        budget = following(found, given.budgets, given.seconds, given.halvings)
        return None if budget is None else Key(*TARGET, jet, budget)

    def racing(self) -> Iterator[Key]:
        """Trainings for the goal, each after the ones before it; a failure ends those of a jet."""
        for jet in RACING if self.given.seconds else ():
            while (key := self.longer(jet)) and self.asked(key) and self.store.find(key) is None:
                yield key
                if self.store.find(key) is None:
                    break

    def asked(self, key: Key) -> bool:
        """Whether a cell fits one of the patterns."""
        words = (key.problem, str(key.dimension), key.jet)
        patterns = [one.split(",") for one in self.given.only]
        return not patterns or any(all(map(fnmatchcase, words, each)) for each in patterns)

    def peers(self) -> list[Key]:
        """Where public packages stand beside ours."""
        return [Key("poisson", size, "peers") for size in SIZES] if self.given.python else []

    def missing(self) -> list[Key]:
        """What has no result, but the trainings for the goal that follow from others."""
        longer = [key for jet in RACING if self.given.seconds and (key := self.longer(jet))]
        wanted = [*self.cells(), *longer, *self.peers()]
        return [key for key in self.store.missing(wanted) if self.asked(key)]

    def work(self) -> None:
        """Make what is missing, and tell each result."""
        for key in self.store.missing(filter(self.asked, [*self.cells(), *self.peers()])):
            self.one(key)
        for key in self.racing():
            self.one(key)

    def one(self, key: Key) -> None:
        """Make one cell; before its first training its step is measured."""
        name, size, jet, seconds = key
        if jet == "peers":
            result = child("highdim_poisson", size, *self.given.python)
        else:
            alone = self.alone(key)
            if seconds and self.store.find(alone) is None:
                self.one(alone)
            steps = self.steps(key)
            if seconds and not steps:
                return
            result = child("highdim_cell", name, size, jet, steps, INSTEAD.get(jet, jet))
        self.store.add(key, result)
        kept = ("failed", "ms", "memory", "median", "steps", "took", "relative_l2", "beyond_time")
        print(*key, {k: result[k] for k in kept if k in result}, flush=True)

    def alone(self, key: Key) -> Key:
        """The step of a training; of one by itself, beside its stand-in, the very same."""
        return Key(key.problem, key.dimension, key.jet.removesuffix("_itself"))

    def steps(self, key: Key) -> int:
        """How many steps fit into a training's seconds; 0 where no step is measured."""
        step = self.store.find(self.alone(key))
        return round(1e3 * key.seconds / (self.given.pace * step["ms"])) if step else 0

    def expected(self, key: Key) -> float:
        """CPU seconds of a cell on a machine as busy as the pace says."""
        steps = self.steps(key) if key.seconds else 0
        step = self.store.find(Key(*key[:2], INSTEAD.get(key.jet, key.jet)))
        return STARTED + (1e-3 * steps * self.given.pace * step["ms"] if step and steps else 0.0)

    def plan(self) -> list[str]:
        """What is missing and how long it takes."""
        missing = self.missing()
        total = sum(map(self.expected, missing))
        lines = [f"{' '.join(map(str, key))}: {self.expected(key):.0f} s" for key in missing]
        return [*lines, f"{len(missing)} cells, at most {total / 60:.0f} minutes of one thread"]

    def document(self) -> list[str]:
        """The results."""
        store, seconds = self.store, self.given.seconds
        versions = {one["torch"] for one in store.results() if "torch" in one}
        name, size = TARGET
        where = f"{name}, {size} dimensions"
        parts = {
            "Time of a step": steps(store),
            **{title: problem(store, name, seconds) for name, title in NAMES.items()},
            "Squared or made of halves": [f"{where}.", "", *otherwise(store, seconds)],
            "By itself and by a stand-in": [f"{where}.", "", *checked(store, seconds)],
            f"Time to {GOAL:.0%}": [
                f"{where}. Schedules grow until one comes to the goal at 5,000 points of "
                "validation; then the interval to the longest that did not is halved, in "
                'logarithms. "CPU s" is its number of steps times the least time of a step, for '
                "all jets alike; the error is at the points of the test. A jet with a stand-in "
                "takes the stand-in's steps in its own time, which is called extrapolated.",
                "",
                *target(store),
            ],
            "Beside DeepXDE and PINA": poisson(store, SIZES),
            "Recommended": recommended(recommendation(store, seconds)),
        }
        head = [
            "# Jets in high dimension, as tests/benchmarks/highdim_jets.py wrote it",
            "",
            " ".join((__doc__ or "").split("\n\n")[2].split()),
            "",
            f"torch {', '.join(sorted(versions))}, {seconds:g} s a cell, beside other work at pace "
            f"{self.given.pace:g}: steps at their least time make {seconds / self.given.pace:g} s."
            f"{absent(store, store.missing(self.cells()))}",
        ]
        return [*head, *(line for t, part in parts.items() for line in ("", f"## {t}", "", *part))]


def main() -> None:
    """Plan, run, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("runs/highdim_jets.jsonl"))
    parser.add_argument("--seconds", type=float, default=60.0, help="0: steps alone")
    parser.add_argument("--pace", type=float, default=2.0, help="mean over least time of a step")
    parser.add_argument("--budgets", type=float, nargs="+", default=[30, 60, 120, 240])
    parser.add_argument("--halvings", type=int, default=1, help="of the interval of the goal")
    parser.add_argument("--only", action="append", default=[], metavar="PROBLEM,D,JET")
    parser.add_argument("--python", action="append", default=[], help="where peers are")
    parser.add_argument("--plan", action="store_true", help="print what is missing and stop")
    parser.add_argument("--write", action="store_true", help=f"also to {RESULTS.name}")
    given = parser.parse_args()
    given.store.parent.mkdir(parents=True, exist_ok=True)
    run = Run(given)
    if given.plan:
        print(*run.plan(), sep="\n")
        return
    run.work()
    lines = run.document()
    print(*lines, sep="\n")
    if given.write:
        RESULTS.write_text("\n".join(lines) + "\n")
        found = recommendation(run.store, given.seconds)
        RECOMMENDED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
