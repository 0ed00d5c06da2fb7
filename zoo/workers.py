"""Processes that run one zoo command after another; they end with the one that started them."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """A pool of `jobs` processes that each import once; None for a single job."""
    if jobs == 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(os.getpid(),)) as pool:
        yield pool


def work(words: list[str]) -> int:
    """Run one command; its exit code."""
    from zoo.cli import main

    return main(words)


def _begin(parent: int) -> None:
    from zoo import bar

    bar.SHOWN = False  # several bars on one terminal would overwrite each other
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """Leave when the parent was killed: a second `zoo run` must find nobody at work."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
