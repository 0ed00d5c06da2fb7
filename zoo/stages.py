"""Running a chain: skip what is finished, resume what was interrupted, choose, test, report."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo import recipe as recipes
from zoo import shelf
from zoo.reading import Mistake
from zoo.recipe import Chain, Run, Stage
from zoo.workers import PARENT, work, workers

DONE, BEGUN, PICKED, TESTED = "done.json", "begun.json", "picked.json", "tested.json"
LAST = Path("checkpoints") / "last.ckpt"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What a stage has made: one per point that the selection leaves."""

    stage: str
    point: dict[str, Any]
    chosen: dict[str, Any]
    folder: Path

    @property
    def release(self) -> Path:
        """The released folder."""
        return self.folder / "release"

    def figure(self, name: str) -> float:
        """A measured figure by its full name, such as test/relative_l2.

        Raises:
            Mistake: it was not measured.
        """
        known = figures(self.folder)
        if name not in known:
            raise Mistake(f"{self.folder} has no figure {name!r}; it has {sorted(known)}")
        return known[name]


def figures(folder: Path) -> dict[str, float]:
    """Figures of a run: of its last step, then of the released weights, then of the test."""
    found: dict[str, float] = {}
    for told in (_json(folder / "figures.json") or {}).values():
        found.update(told["figures"])
    for path in (folder / "release" / "metrics.json", folder / "test.json"):
        found.update({entry["name"]: entry["value"] for entry in _json(path) or []})
    return found


def spent(folder: Path) -> float | None:
    """Seconds that the training of a run took, in all of its sittings; None where none is told."""
    return (_json(folder / DONE) or {}).get("seconds")


class Runner:
    """Carries a chain out.

    Args:
        chain: what to run.
        say: takes each line that tells the user how far it is.
        jobs: runs of one stage at a time; more than one, and each is a process of its own.
    """

    def __init__(self, chain: Chain, say: Say = print, jobs: int = 1) -> None:
        if jobs < 1:
            raise Mistake(f"--jobs {jobs}: at least 1")
        self.chain, self.say, self.jobs = chain, say, jobs
        self.pool: ProcessPoolExecutor | None = None
        self.count = sum(len(chain.runs(stage)) for stage in chain.stages)
        self.number = 0

    def run(self, force: str | None = None) -> list[Result]:
        """Every stage, in order; the results of all."""
        forced = self.chain.stage(force).name if force is not None else None
        results: list[Result] = []
        with _alone(self.chain.folder), workers(self.jobs) as self.pool:
            for stage in self.chain.stages:
                results += self.stage(stage, stage.name == forced)
        return results

    def stage(self, stage: Stage, force: bool = False) -> list[Result]:
        """One stage: its runs, its selection, its tests."""
        runs = self.chain.runs(stage)
        if self.jobs == 1:
            for one in runs:
                self.fit(one, force)
        else:
            with ThreadPoolExecutor(self.jobs) as threads:
                list(threads.map(lambda one: self.fit(one, force), runs))
        results = self.pick(stage)
        if stage.test:
            for result in results:
                self.test(stage, result)
        return results

    def fit(self, run: Run, force: bool = False) -> None:
        """One run, unless it is finished; from its last checkpoint if it was interrupted."""
        self.number += 1
        head = f"[{self.number}/{self.count}] {run.title}"
        spec = run.spec()
        if not force and is_done(run.folder, spec):
            self.say(f"{head}: done before")
            return
        resumed = not force and _is_begun(run.folder, spec) and (run.folder / LAST).exists()
        if not resumed:
            _clear(run.folder)
            _write(run.folder / BEGUN, {"spec": spec})
        words = [*run.argv(), *(["--ckpt_path", str(run.folder / LAST)] if resumed else [])]
        begun = time.monotonic()
        if resumed:
            self.say(f"{head}: goes on from its last checkpoint")
        self._command([*words, *(QUIET if words[0] != "fit" else ())], run.tree())
        seconds = time.monotonic() - begun
        done = {"spec": spec, "sha256": recipes.sha_of(run.folder / "release"), "argv": run.argv()}
        _write(run.folder / DONE, {**done, "seconds": round(_spent(run.folder, seconds), 2)})
        known = figures(run.folder)
        shown = next((f"{name} {known[name]:.4g}, " for name in SHOWN if name in known), "")
        self.say(f"{head}: {shown}{seconds:.1f} s")

    def _command(self, words: list[str], tree: dict[str, Any]) -> None:
        if _many(tree):
            # Lightning starts further processes by repeating this one's command line
            command = [sys.executable, "-m", "zoo", *words]
            env = {**os.environ, PARENT: str(os.getpid())}
            code = subprocess.run(command, env=env, check=False).returncode
        elif self.pool is not None:
            code = self.pool.submit(work, words).result()
        else:
            from zoo.training import train

            code = train(words[0], words[1:])
        if code:
            raise Mistake(f"stopped with exit code {code}: zoo {shlex.join(words)}")

    def pick(self, stage: Stage) -> list[Result]:
        """The stage's results: the best of each group where it selects, else every run."""
        if stage.select is None:
            return [Result(stage.name, r.point, {}, r.folder) for r in self.chain.runs(stage)]
        return [self._best(stage, rest, points) for rest, points in stage.groups]

    def _best(self, stage: Stage, rest: dict[str, Any], points: list[dict[str, Any]]) -> Result:
        assert stage.select is not None
        sign = 1 if stage.select.mode == "min" else -1
        scored = []
        for point in points:
            folder = self.chain.place(stage, point)
            value = Result(stage.name, point, {}, folder).figure(stage.select.by)
            scored.append((sign * value, point, folder))
        # a figure that is no number never wins; equal figures: the first of the matrix
        value, best, folder = min(scored, key=lambda one: (one[0] != one[0], one[0]))
        chosen = {key: best[key] for key in stage.select.over}
        place = self.chain.outcome(stage, rest)
        spec = recipes.digest([[str(p), v, recipes.sha_of(f / "release")] for v, p, f in scored])
        result = Result(stage.name, rest, chosen, place)
        if (_json(place / PICKED) or {}).get("spec") == spec:
            return result
        with shelf.atomic_folder(place) as part:
            shutil.copytree(folder / "release", part / "release")
            shutil.copy2(folder / "recipe.yaml", part / "recipe.yaml")
            shutil.copy2(folder / "figures.json", part / "figures.json")
            told = {"spec": spec, "from": str(folder), "by": stage.select.by, "value": sign * value}
            (part / PICKED).write_text(json.dumps({**told, "chosen": chosen}, indent=1))
        label = recipes.variant(rest)
        best_by = f"best by {stage.select.by}: {recipes.variant(chosen)}"
        self.say(f"{stage.name}  {label}{' ' if label else ''}{best_by} ({sign * value:.4g})")
        return result

    def test(self, stage: Stage, result: Result) -> None:
        """Measure a result's release on the test data, once."""
        spec = recipes.digest(
            [recipes.sha_of(result.release), (result.folder / "recipe.yaml").read_text()]
        )
        if (_json(result.folder / TESTED) or {}).get("spec") == spec:
            return
        words = test_words(result.folder)
        begun = time.monotonic()
        self._command([*words, *QUIET], {"trainer": {"devices": 1}})
        seconds = round(time.monotonic() - begun, 2)
        _write(result.folder / TESTED, {"spec": spec, "seconds": seconds, "argv": words})
        known = {n: v for n, v in figures(result.folder).items() if n.startswith("test/")}
        told = ", ".join(f"{name} {value:.4g}" for name, value in known.items())
        self.say(f"{stage.name}  {recipes.variant(result.point)} {told}".replace("  ", " "))

    def commands(self) -> Iterator[str]:
        """The plain commands that do the same by hand."""
        for stage in self.chain.stages:
            yield f"# {stage.name}"
            for run in self.chain.runs(stage):
                yield f"zoo {shlex.join(run.argv())}"
            if stage.select is not None:
                words = ["run", self.chain.path, "--pick", stage.name, "--out", self.chain.folder]
                words += [word for told in self.chain.sets for word in ("--set", told)]
                yield f"zoo {shlex.join(map(str, words))}"
            for rest, _ in stage.groups if stage.test else ():
                yield f"zoo {shlex.join(test_words(self.chain.outcome(stage, rest)))}"

    def plan(self) -> Iterator[str]:
        """What each run would cost: measured seconds of an earlier time, or its steps."""
        total, unknown = 0.0, 0
        for stage in self.chain.stages:
            for run in self.chain.runs(stage):
                done = _json(run.folder / DONE) or {}
                state = _state(run)
                cost = f"{done['seconds']:.1f} s measured" if "seconds" in done else _steps(run)
                if state != "done":
                    total += done.get("seconds", 0.0)
                    unknown += "seconds" not in done
                yield f"{run.title}: {state}, {cost}"
        yield f"to do: {total:.0f} s measured before, and {unknown} runs never measured here"


QUIET = ("--verbose", "false")
SHOWN = ("test/relative_l2", "validation/relative_l2", "train/loss")


def test_words(folder: Path) -> list[str]:
    """The command that measures a run's release on its recipe's test data, on one device."""
    own = ["--model.net", "null", "--model.init_from", str(folder / "release")]
    place = ["--trainer.devices", "1", "--trainer.default_root_dir", str(folder)]
    return ["test", "-c", str(folder / "recipe.yaml"), *own, *place]


def is_done(folder: Path, spec: str) -> bool:
    """Whether the folder holds this run, finished and with the release it made."""
    done = _json(folder / DONE) or {}
    return done.get("spec") == spec and done.get("sha256") == recipes.sha_of(folder / "release")


def _state(run: Run) -> str:
    missing = [p for p in run.parents.values() if recipes.sha_of(p / "release") is None]
    if missing:
        return "waits for its parent"
    spec = run.spec()
    if is_done(run.folder, spec):
        return "done"
    return "interrupted" if _is_begun(run.folder, spec) else "to do"


def _steps(run: Run) -> str:
    trainer = run.tree().get("trainer") or {}
    for key in ("max_steps", "max_epochs"):
        if key in trainer:
            return f"{trainer[key]} {key.removeprefix('max_')}, never measured here"
    return "never measured here"


def _is_begun(folder: Path, spec: str) -> bool:
    return (_json(folder / BEGUN) or {}).get("spec") == spec


def _clear(folder: Path) -> None:
    """Empty a run's folder; refuse one that no chain has begun."""
    if folder.exists() and any(folder.iterdir()):
        if not any((folder / name).exists() for name in (BEGUN, DONE)):
            raise Mistake(f"{folder} holds files that no chain has made; move them or use --out")
        # the markers go first: half an old run must never look finished
        for name in (DONE, TESTED, BEGUN):
            (folder / name).unlink(missing_ok=True)
        (folder / BEGUN).write_text("{}")
        for entry in folder.iterdir():
            if entry.name != BEGUN:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _spent(folder: Path, seconds: float) -> float:
    """Seconds of a run, with those before an interruption where its release tells them."""
    for entry in _json(folder / "release" / "metrics.json") or []:
        seconds = max(seconds, float(entry.get("seconds") or 0))
    return seconds


def _many(tree: dict[str, Any]) -> bool:
    trainer = tree.get("trainer") or {}
    devices = trainer.get("devices", "auto")
    if devices in ("auto", -1, "-1"):
        # several GPUs are taken by default, and then processes are started
        import torch

        on_cpu = trainer.get("accelerator") == "cpu"
        return not on_cpu and torch.cuda.device_count() > 1
    return devices not in (1, "1")


def _json(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None


def _write(path: Path, item: Any) -> None:
    with shelf.atomic_write(path) as part:
        part.write_text(json.dumps(item, indent=1))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Mistake(
            f"another zoo run is at work in {folder}; wait for it or use --out"
        ) from error
    try:
        yield
    finally:
        lock.release()
