"""Processes that run one zoo command after another; they end with the one that started them."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

DUMB, PARENT = "dumb", "ZOO_PARENT"


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """A pool of `jobs` processes that each import once, with a bar for each; None for one job."""
    if jobs == 1:
        yield None
        return
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    queue = context.Queue()
    board = threading.Thread(target=_draw, args=(queue,), daemon=True)
    board.start()
    start = (os.getpid(), queue, max(1, (os.cpu_count() or 1) // jobs))
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=start) as pool:
        try:
            yield pool
        except BaseException:
            # the pool would wait for what is running, which may take an hour
            for child in set(multiprocessing.active_children()) - set(others):
                child.terminate()
            raise
        finally:
            queue.put(None)
            board.join(5)
            queue.close()


def work(words: list[str]) -> int:
    """Run one command; its exit code."""
    from zoo.cli import main

    try:
        return main(words, tell=False)
    finally:
        gc.collect()  # a trainer and its data are a cycle: without this, runs pile up


def follow() -> None:
    """End with the chain that started this process, if one did."""
    parent = os.environ.get(PARENT)
    # processes that Lightning starts from this one inherit the variable, not the parent
    if parent is not None and os.getppid() == int(parent):
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _begin(parent: int, queue: Any, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    os.environ["TERM"] = DUMB  # and draws for them
    # more threads than cores make small kernels tens of times slower
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    from zoo import bar

    bar.sink = queue.put
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """Leave when the parent was killed: a second `zoo run` must find nobody at work."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _draw(queue: Any) -> None:
    """A bar for each run at work, until None arrives."""
    from rich.console import Console
    from rich.progress import Progress

    from zoo import bar

    console = Console(file=sys.stderr)
    tasks: dict[str, Any] = {}
    with Progress(
        *bar.columns(), console=console, transient=True, disable=not console.is_terminal
    ) as live:
        while (told := queue.get()) is not None:
            title, done, total, figures = told
            if done < 0:
                live.remove_task(tasks.pop(title)) if title in tasks else None
                continue
            if title not in tasks:
                tasks[title] = live.add_task(title, total=total or None, figures=figures)
            live.update(tasks[title], completed=done, figures=figures)
