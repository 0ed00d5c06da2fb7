"""`zoo curves`: observables of a released model of spins over temperature, beside the reference."""

import argparse
import csv
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from zoo import curves, release, shelf
from zoo.curves import Curve, Sampling
from zoo.reading import Mistake
from zoo.report.curves import listed
from zoo.report.tables import aligned

SHOWN = ("magnetisation", "energy", "heat_capacity")
ROWS = 14
"""Temperatures on the screen, at most; the file has all."""


def work(args: argparse.Namespace) -> int:
    """Curves of a learned energy over temperature, beside those of the true one where known."""
    folder = release.resolve(args.model)
    net = curves.spin_model(folder)
    shape = net.shape if args.shape is None else tuple(args.shape)
    temperatures = asked(args.temperatures)
    if args.chains < 4 or args.sweeps < 1:
        raise Mistake(f"--chains {args.chains} --sweeps {args.sweeps}: at least 4, and at least 1")
    sampling = Sampling(args.chains, args.sweeps, accuracy=None, seed=args.seed)
    net.on(shape)
    system = curves.system_of(folder, net)
    if system is not None:
        system.on(shape)
    learned = curves.learned(folder, temperatures, shape, sampling)
    true = None if system is None else curves.true(system, temperatures, shape)
    name = folder.parent.name if folder.name == "release" else folder.name
    lattice = "x".join(map(str, shape))
    out = args.out or Path("runs") / "curves" / f"{name}-{lattice}"
    write(out, learned, true)
    print("\n".join([*aligned(rows(learned, true)), "", *ends(learned, true)]))
    print(f"table:    {out / 'curves.csv'}\nplot:     {out / 'curves.png'}")
    if args.card:
        release.add_figures(folder, preview=(out / "curves.png").read_bytes())
        print(f"card:     {folder / 'README.md'}")
    return 0


def asked(given: Sequence[float]) -> Tensor:
    """Temperatures as the command line gives them: rising, or low, high and step.

    Raises:
        Mistake: they are neither.
    """
    if all(a < b for a, b in itertools.pairwise(given)):
        return listed(given)
    if len(given) == 3 and given[0] <= given[1]:
        return listed(dict(zip(("low", "high", "step"), given, strict=True)))
    raise Mistake(
        f"--temperatures {' '.join(f'{t:g}' for t in given)}: rising ones, or LOW HIGH STEP"
    )


def write(out: Path, learned: Curve, true: Curve | None) -> None:
    """Both files, each under a temporary name first."""
    from zoo.plots.curves import curves as drawn

    found = None if true is None else true.found
    with shelf.atomic_write(out / "curves.png") as part:
        part.write_bytes(drawn(learned.temperatures, [("learned", learned.found)], found))
    columns: dict[str, Tensor] = {"T": learned.temperatures}
    for prefix, curve in (("", learned.found), ("reference_", found or {})):
        for name, one in curve.items():
            columns |= {f"{prefix}{name}": one.value, f"{prefix}{name}_error": one.error}
    with shelf.atomic_write(out / "curves.csv") as part, part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for i in range(len(learned.temperatures)):
            writer.writerow([f"{float(values[i]):.8g}" for values in columns.values()])


def rows(learned: Curve, true: Curve | None) -> list[list[str]]:
    """A table for the screen: value, standard error, reference."""
    head = ["T"]
    for name in SHOWN:
        head += [name, "s.e.", *(["reference"] if true is not None else [])]
    table, count = [head], len(learned.temperatures)
    for i in range(0, count, math.ceil(count / ROWS)):
        cells = [f"{float(learned.temperatures[i]):g}"]
        for name in SHOWN:
            value, error = (float(part[i]) for part in learned.found[name])
            cells += [f"{value:.4f}", f"{error:.4f}"]
            if true is not None:
                known = true.found.get(name)
                cells.append("-" if known is None else f"{float(known.value[i]):.4f}")
        table.append(cells)
    return table


def ends(learned: Curve, true: Curve | None) -> list[str]:
    """What the whole curves say."""
    longest, where = learned.times.max(0)
    told = [
        f"chains:   {learned.sweeps} sweeps, autocorrelation time at most {float(longest):.3g} "
        f"sweeps, at T = {float(learned.temperatures[where]):g}"
    ]
    if true is None:
        return [*told, "reference: unknown, the release does not tell the true energy"]
    for name in SHOWN:
        if name in true.found:
            ours, theirs = learned.found[name], true.found[name]
            gap, at = (ours.value - theirs.value).abs().max(0)
            error = torch.hypot(ours.error[at], theirs.error[at])
            told.append(
                f"largest difference of {name.replace('_', ' ')}: {float(gap):.4f} ± "
                f"{float(error):.4f} at T = {float(learned.temperatures[at]):g}"
            )
    how = "exact" if true.exact else f"chains, {true.sweeps} sweeps"
    return [*told, f"reference: {how}"]
