"""How close Stein's estimates come to the derivatives of a smoothed net in 1,000 dimensions.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.stein_study --write

The study of He et al. (arXiv 2202.09340, figure 3): a random net of four linear layers, noise of
0.1, points of the unit cube; mean absolute errors of gradient entries and of the Laplacian against
evaluations of the net. The reference is the mean over draws of the exact derivatives of the net at
shifted points (forward Laplacian), as it is there by back-propagation. `--write` writes the table
beside this file and the picture into recipes/highdim/expected.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from zoo import shelf
from zoo.models.base import Interface
from zoo.models.mlp import MLP
from zoo.ops import stein

SIZE, WIDTH, POINTS, SIGMA = 1000, 128, 32, 0.1
EVALUATIONS = [2**k for k in range(3, 16)]
REPEATS, ORACLE = 4, 8192
KINDS = {"vanilla": (1, False), "control variate": (1, True), "and pairs": (2, True)}
Curves = dict[str, list[float]]


def net() -> MLP:
    """A random perceptron of 1,000 coordinates."""
    torch.manual_seed(0)
    names = tuple(f"x{i}" for i in range(SIZE))
    face = Interface(names, ("u",), region=((0.0, 1.0),) * SIZE)
    return MLP(face, width=WIDTH, layers=3).requires_grad_(False)


def reference(field: MLP, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Gradient (b, d) and Laplacian (b,) of the smoothed net, and the latter's standard error."""
    slopes, bends = torch.zeros_like(x), []
    for _ in range(ORACLE):
        jet = field.jet(x + SIGMA * torch.randn(1, SIZE, generator=rng))
        slopes += jet.gradient[:, 0] / ORACLE
        bends.append(jet.laplacian()[:, 0])
    found = torch.stack(bends)
    return slopes, found.mean(0), float((found.std(0) / ORACLE**0.5).mean())


def estimates(
    field: MLP, x: Tensor, count: int, kind: str, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Gradient and Laplacian by one kind of estimate with so many evaluations."""
    signs, control = KINDS[kind]
    pairs, base = count // signs, field(x) if control else None
    slopes, bends = torch.zeros_like(x), torch.zeros(len(x))
    for z in torch.randn(pairs, SIZE, generator=rng).split(1024):
        shifted = [field((x[:, None] + s * SIGMA * z).flatten(0, 1)) for s in (1, -1)[:signs]]
        values = torch.stack([one.view(len(x), len(z), 1) for one in shifted], 1)
        share = len(z) / pairs
        slopes += share * stein.gradient(stein.odd(values, base), z, SIGMA)[:, 0]
        bends += share * stein.laplacian(stein.even(values, base), z, SIGMA)[:, 0]
    return slopes, bends


def curves() -> tuple[dict[str, Curves], float]:
    """Errors by derivative and kind, over EVALUATIONS; the reference's own standard error."""
    rng = torch.Generator().manual_seed(1)
    field, x = net(), torch.rand(POINTS, SIZE, generator=rng)
    slopes, bends, error = reference(field, x, rng)
    found: dict[str, Curves] = {"gradient": {}, "laplacian": {}}
    for kind in KINDS:
        rows = []
        for count in EVALUATIONS:
            drawn = [estimates(field, x, count, kind, rng) for _ in range(REPEATS)]
            first = torch.stack([(a - slopes).abs().mean() for a, _ in drawn])
            last = torch.stack([(b - bends).abs().mean() for _, b in drawn])
            rows.append((float(first.mean()), float(last.mean())))
            print(kind, count, *rows[-1], flush=True)
        found["gradient"][kind] = [row[0] for row in rows]
        found["laplacian"][kind] = [row[1] for row in rows]
    sizes = {"gradient": slopes, "laplacian": bends}
    found["size"] = {what: [float(one.abs().mean())] for what, one in sizes.items()}
    return found, error


def table(found: dict[str, Curves], error: float, seconds: float) -> str:
    """Markdown of all curves."""
    kinds = [f"{what}, {kind}" for what in ("gradient", "laplacian") for kind in KINDS]
    lines = [
        "# Stein's estimates in 1,000 dimensions",
        "",
        (__doc__ or "").split("\n\n")[2].replace("\n", " "),
        "",
        "| evaluations | " + " | ".join(kinds) + " |",
        "| --- |" + " --- |" * len(kinds),
    ]
    for i, count in enumerate(EVALUATIONS):
        each = [found[w][k][i] for w in ("gradient", "laplacian") for k in KINDS]
        lines.append(f"| {count} | " + " | ".join(f"{one:.2e}" for one in each) + " |")
    size = {what: found["size"][what][0] for what in ("gradient", "laplacian")}
    ratio = _at(found, "vanilla") / _at(found, "and pairs")
    lines += [
        "",
        f"Mean sizes: gradient {size['gradient']:.2e}, Laplacian {size['laplacian']:.2e} (standard "
        f"error of the reference {error:.1e}). At 4,096 evaluations the Laplacian with control "
        f"variate and pairs is {ratio:.0f} times closer than the vanilla one. {POINTS} points, "
        f"width {WIDTH}, {REPEATS} repeats, {seconds:.0f} s of CPU time.",
        "",
    ]
    return "\n".join(lines)


def _at(found: dict[str, Curves], kind: str) -> float:
    return found["laplacian"][kind][EVALUATIONS.index(4096)]


def picture(found: dict[str, Curves], path: Path) -> None:
    """Both derivatives beside each other, one line a kind."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for ax, what in zip(axes, ("gradient", "laplacian"), strict=True):
        for kind, line in found[what].items():
            ax.loglog(EVALUATIONS, line, marker="o", markersize=3, label=kind)
        ax.axhline(found["size"][what][0], color="grey", linestyle=":", label="its size")
        ax.set(xlabel="evaluations", ylabel=f"mean error of the {what}")
    axes[1].legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    torch.set_num_threads(1)
    options, begun = parser.parse_args(), time.process_time()
    with torch.no_grad():
        found, error = curves()
    text = table(found, error, time.process_time() - begun)
    print(text)
    if options.write:
        Path(__file__).with_name("results_stein.md").write_text(text)
        folder = Path(shelf.recipes()["highdim/heat"]).parent / "expected"
        folder.mkdir(exist_ok=True)
        picture(found, folder / "stein.png")


if __name__ == "__main__":
    main()
