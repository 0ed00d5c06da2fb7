"""Processes that run one zoo command after another; they end with the one that started them."""

import multiprocessing
import os
import signal
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
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(os.getpid(),)) as pool:
        try:
            yield pool
        except BaseException:
            # the pool would wait for what is running, which may take an hour
            for child in set(multiprocessing.active_children()) - set(others):
                child.terminate()
            raise


def work(words: list[str]) -> int:
    """Run one command; its exit code."""
    from zoo.cli import main

    return main(words, tell=False)


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    from zoo import bar

    bar.SHOWN = False  # several bars on one terminal would overwrite each other
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """Leave when the parent was killed: a second `zoo run` must find nobody at work."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
