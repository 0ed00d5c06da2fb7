"""A trajectory in motion: truth, prediction and error, as a GIF."""

import tempfile
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.plots.style import BLUE, GREY, ORANGE, RULES
from zoo.plots.track import AXES, Track, spread

FRAMES, CHANNELS, RATE, DOTS = 48, 3, 12, 72
"""Most frames and channels that are drawn, frames a second, dots an inch."""


def animation(track: Track) -> bytes:
    """Truth, prediction and error side by side in time, as GIF; a row for each channel.

    At most 48 frames, evenly chosen, and the first three channels. Colours and axes stay as they
    are from the first frame to the last.

    Args:
        track: the trajectory.
    """
    chosen = spread(len(track.times), FRAMES)
    rows = min(CHANNELS, len(track.channels))
    columns = len(track.panels(0, 0))
    with rc_context(RULES), tempfile.TemporaryDirectory() as folder:
        height = 2.6 if track.dimension > 1 else 2.1
        figure = Figure(figsize=(3.1 * columns + 0.4, height * rows + 0.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False)
        draw = _images if track.dimension > 1 else _lines
        artists = [draw(figure, axes[c], track, c, chosen) for c in range(rows)]
        heading = figure.suptitle(_time(track, chosen[0]), fontsize=RULES["axes.titlesize"])

        def show(frame: int) -> list[Any]:
            heading.set_text(_time(track, frame))
            for c, row in enumerate(artists):
                panels = zip(row, track.panels(c, frame), strict=True)
                for artist, (_, values) in panels:
                    if track.dimension > 1:
                        artist.set_data(values.T)
                    else:
                        artist.set_ydata(values)
            return []

        path = Path(folder) / "animation.gif"
        # matplotlib announces nothing of a figure that is no window's
        moving = FuncAnimation(figure, show, frames=chosen, blit=False, init_func=lambda: [])
        moving.save(path, writer=PillowWriter(fps=RATE), dpi=DOTS)
        return path.read_bytes()


def _time(track: Track, frame: int) -> str:
    return f"t = {track.times[frame]:.4g}" + (f", {track.title}" if track.title else "")


def _images(figure: Figure, axes: Any, track: Track, channel: int, chosen: list[int]) -> list[Any]:
    look, wrong = track.look(channel, chosen), track.wrong(channel, chosen)
    artists = []
    for ax, (word, values) in zip(axes, track.panels(channel, chosen[0]), strict=True):
        colours = wrong if word == "error" else look
        image = ax.imshow(
            values.T, origin="lower", extent=track.extent(), interpolation="nearest", **colours
        )
        ax.set_title(f"{word} {track.label(channel)}")
        ax.set_xlabel(AXES[0])
        ax.set_xticks([0, track.box[0]])
        ax.set_yticks([0, track.box[1]])
        bar = figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
        artists.append(image)
    axes[0].set_ylabel(AXES[1])
    return artists


def _lines(figure: Figure, axes: Any, track: Track, channel: int, chosen: list[int]) -> list[Any]:
    look, wrong = track.look(channel, chosen), track.wrong(channel, chosen)
    colours = {"truth": GREY, "prediction": BLUE, "error": ORANGE}
    artists = []
    for ax, (word, values) in zip(axes, track.panels(channel, chosen[0]), strict=True):
        ends = wrong if word == "error" else look
        margin = 0.05 * (ends["vmax"] - ends["vmin"])
        ax.set_ylim(ends["vmin"] - margin, ends["vmax"] + margin)
        artists += ax.plot(track.points(), values, color=colours[word])
        ax.set_title(f"{word} {track.label(channel)}")
        ax.set_xlabel(AXES[0])
    return artists
