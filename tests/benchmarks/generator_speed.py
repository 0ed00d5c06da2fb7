"""Time to generate trajectories: against Zhou et al.'s finite differences, and against exponax.

    pip install .[benchmarks]
    OMP_NUM_THREADS=1 python -m tests.benchmarks.generator_speed [--count 1000] [--write]

CPU seconds of one thread (`time.process_time`), taking turns, the least of all rounds. `--write`
puts the tables into results_generators.md.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import torch
from torch import Tensor

from tests.benchmarks.cpu_time import least
from tests.benchmarks.finite_differences import BURGERS, HEAT, FiniteDifferences
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers
from zoo.pde.evolution import Evolution
from zoo.pde.heat import Heat
from zoo.pde.kuramoto_sivashinsky import KuramotoSivashinsky
from zoo.pde.simulate import simulate
from zoo.pde.waves import RandomWaves, Waves

BOX = Box((2.0, 2.0), (64, 64))
TIMES = torch.arange(32).double() * 0.02
FINE = 6
"""Points of the reference to one of the output, on each side: 384^2."""
CHUNK = 100
"""Trajectories in one call of `simulate`."""


def distance(u: Tensor, v: Tensor) -> Tensor:
    """Relative L2 of the worst frame, (b,)."""
    return ((u - v).flatten(2).norm(dim=2) / v.flatten(2).norm(dim=2)).amax(1)


def scheme(equation: Evolution, u0: Tensor, p: Tensor, step: float) -> FiniteDifferences:
    """Their scheme for one sample; in float32, which is faster; so are the errors of the table."""
    c = (float(p[1]), float(p[2])) if equation.name == "burgers" else None
    return FiniteDifferences(u0.float(), step, float(p[0]), c)


def scheme_frames(equation: Evolution, u0: Tensor, p: Tensor, step: float) -> Tensor:
    """All frames of one sample by their scheme, every (n / 64)th point, (1, t, 1, 64, 64)."""
    running, stride = scheme(equation, u0, p, step), len(u0) // BOX.shape[0]
    count = round(float(TIMES[1]) / step)
    frames = [running.advance(count if i else 0).clone() for i in range(len(TIMES))]
    return torch.stack(frames)[None, :, None, ::stride, ::stride].double()


def generate(equation: Evolution, waves: Waves, p: Tensor, tolerance: float) -> Tensor:
    """Frames by `simulate`, CHUNK trajectories a call."""
    parts = []
    for some in torch.arange(len(p)).split(CHUNK):
        own = Waves(waves.amplitude[some], waves.wave[some], waves.phase[some])
        parts.append(simulate(equation, BOX, own, p[some], TIMES, tolerance)[0])
    return torch.cat(parts)


def scheme_row(equation: Evolution, setting: tuple[int, float], count: int, samples: int) -> str:
    """One equation: errors of both on a few samples, seconds of both for a trajectory."""
    rng = torch.Generator().manual_seed(0)
    n, step = setting
    waves, p = RandomWaves().sample(count, 2, rng), equation.draw(count, rng)
    few = Waves(waves.amplitude[:samples], waves.wave[:samples], waves.phase[:samples])
    fine = BOX.refined(FINE)
    truth = equation.evolve(fine, few(fine), p[:samples], TIMES, steps=8)
    u0 = few(Box(BOX.lengths, (n, n)))[:, 0]
    theirs = torch.cat(
        [scheme_frames(equation, u, own, step) for u, own in zip(u0, p, strict=False)]
    )
    # their points are samples of the field, ours are cut spectrally: each against its own truth
    error = distance(theirs, truth[..., ::FINE, ::FINE])
    truth = fine.restrict(truth, BOX.shape)
    for tolerance in (1e-1, 3e-2, 1e-2, 1e-3, 1e-4, 1e-5):
        own = distance(generate(equation, few, p[:samples], tolerance), truth)
        if bool((own <= error.min()).all()):
            break
    running = scheme(equation, u0[0], p[0], step)
    (hundred,) = least([lambda: running.advance(100)], 5)
    whole = hundred / 100 * float(TIMES[-1]) / step
    start = time.process_time()
    generate(equation, waves, p, tolerance)
    spent = (time.process_time() - start) / count
    start = time.process_time()
    generate(equation, waves, p, 1e-4)
    strict = (time.process_time() - start) / count
    return (
        f"| {equation.name} | {n}², {step:g} | {float(error.min()):.1e} | {float(own.max()):.1e} | "
        f"{tolerance:g} | {1e3 * hundred / 100:.2f} | {whole:.2f} | "
        f"{1e3 * spent:.1f} | {whole / spent:.0f} | {1e3 * strict:.1f} | {whole / strict:.0f} |"
    )


def scheme_table(count: int, samples: int) -> list[str]:
    """Both equations against their schemes."""
    rows = [
        f"{count} trajectories of 32 frames, 64x64, by `simulate`; errors on {samples} of them: "
        "relative L2 of the worst frame against ETDRK4 on 384². The scheme's seconds for a "
        "trajectory are EXTRAPOLATED from 100 steps to t = 0.62.",
        "",
        "| equation | its grid, dt | its least error | our largest | our tolerance | its step ms | "
        "its trajectory s, extrapolated | ours ms | times faster | at 1e-4 ms | times faster |",
        "|" + "---|" * 11,
    ]
    for equation, setting in ((Heat(), HEAT), (Burgers(), BURGERS)):
        rows.append(scheme_row(equation, setting, count, samples))
        print(rows[-1], flush=True)
    return rows


def peer(equation: Evolution, box: Box, p: Tensor, order: int, step: float, steps: int) -> Callable:
    """exponax's stepper for one sample, `steps` steps in Fourier space a call."""
    import exponax as ex

    (length, *_), (n, *_) = box.lengths, box.shape
    # theirs keeps |k| <= fraction n / 2 - 1: the same waves as ours
    bent = {"order": order, "dealiasing_fraction": (n / 3 + 1) / (n / 2)}
    bent |= {"single_channel": True, "conservative": True}
    if equation.name == "heat":
        stepper = ex.stepper.Diffusion(2, length, n, step, diffusivity=p[:1].repeat(2))
    elif equation.name == "burgers":
        scales = {"diffusivity": p[0], "convection_scale": p[1]}
        stepper = ex.stepper.Burgers(2, length, n, step, **scales, **bent)
    else:
        scales = {"fourth_order_scale": p[0], "convection_scale": p[1]}
        stepper = ex.stepper.KuramotoSivashinskyConservative(1, length, n, step, **scales, **bent)
    return ex.RepeatedStepper(stepper, steps)


def peer_row(
    equation: Evolution, n: int, b: int, order: int, steps: int, frames: int, rounds: int
) -> str:
    """One case: values equal, then milliseconds of ours, of theirs with b and with one p."""
    import equinox as eqx
    import exponax as ex
    import jax
    import numpy as np

    rng = torch.Generator().manual_seed(0)
    d = equation.dimension
    box = Box(equation.lengths, (n,) * d)
    u0, p = RandomWaves().draw(b, box, rng), equation.draw(b, rng)
    p[:, 2:] = p[:, 1:2]  # theirs has one speed for both axes
    times = torch.arange(frames).double() * 0.02
    step = 0.02 / steps

    def make(row: Tensor) -> Callable:
        return peer(equation, box, row, order, step, steps)

    def roll(stepper: Callable, u: jax.Array) -> jax.Array:
        return ex.rollout(stepper, frames - 1, include_init=True)(u)

    start, one = jax.numpy.asarray(u0.numpy()), make(p[0].numpy())
    each = eqx.filter_vmap(make)(p.numpy())
    run = eqx.filter_jit(eqx.filter_vmap(roll))
    shared = eqx.filter_jit(eqx.filter_vmap(roll, in_axes=(None, 0)))
    calls = [
        lambda: equation.evolve(box, u0, p, times, order=order, steps=steps),
        lambda: np.asarray(run(each, start)),
        lambda: np.asarray(shared(one, start)),
    ]
    ours, theirs = calls[0](), torch.from_numpy(calls[1]().copy())
    apart = float((ours - theirs).abs().max() / theirs.abs().max())
    if apart > 1e-12:
        raise SystemExit(f"{equation.name} {n}: not the same solution, {apart:.1e} apart")
    a, x, y = (1e3 * seconds for seconds in least(calls, rounds))
    told = "exact" if equation.name == "heat" else f"ETDRK{order}"
    return (
        f"| {equation.name} {d}-D | {told} | {n} | {b} | {(frames - 1) * steps} | {apart:.0e} | "
        f"{a:.1f} | {x:.1f} | {a / x:.2f} | {y:.1f} | {a / y:.2f} |"
    )


def peer_table(rounds: int) -> list[str]:
    """exponax, jitted and warmed up, batched by vmap, float64."""
    import exponax  # noqa: F401  (absent: the extra is not installed)
    import jax

    jax.config.update("jax_enable_x64", True)
    rows = [
        "Same initial fields, steps and kept waves; solutions equal to 1e-12 before anything is "
        "timed. Ours includes making the tables of coefficients, theirs does not. `each`: "
        "coefficients of their own for each sample, as ours always has; `shared`: one set for all.",
        "",
        "| equation | scheme | grid | batch | steps | apart | ours ms | exponax each | ratio | "
        "exponax shared | ratio |",
        "|" + "---|" * 11,
    ]
    cases = [(Burgers(), n, b, order, 4, 5) for n, b in ((64, 16), (128, 4)) for order in (2, 4)]
    cases += [(Heat(), n, b, 2, 1, 32) for n, b in ((64, 16), (128, 4))]
    cases += [(KuramotoSivashinsky(), 256, 64, order, 4, 17) for order in (2, 4)]
    for case in cases:
        rows.append(peer_row(*case, rounds))
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="trajectories generated by ours")
    parser.add_argument("--samples", type=int, default=2, help="on which errors are measured")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=("schemes", "exponax"))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sections = {}
    if given.only != "exponax":
        sections["Beside the paper's finite differences"] = scheme_table(given.count, given.samples)
    if given.only != "schemes":
        sections["Beside exponax"] = peer_table(given.rounds)
    if given.write:
        write(Path(__file__).with_name("results_generators.md"), sections)


def write(path: Path, sections: dict[str, list[str]]) -> None:
    """Put sections into the file; those that were not measured now stay as they are."""
    first, *old = path.read_text().split("\n## ") if path.exists() else [""]
    kept = dict(part.split("\n", 1) for part in old)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    told = (
        f"torch {torch.__version__}, {time.strftime('%Y-%m-%d %H:%M')}, one thread, CPU time; load "
        f"of the {os.cpu_count()} cores over 1, 5 and 15 minutes: {load}."
    )
    for title, rows in sections.items():
        kept[title] = f"\n{told}\n\n" + "\n".join(rows) + "\n"
    first = "# Generators, as `python -m tests.benchmarks.generator_speed` wrote them\n"
    path.write_text("\n## ".join([first, *(f"{t}\n{text}" for t, text in kept.items())]))


if __name__ == "__main__":
    main()
