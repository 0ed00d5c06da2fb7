"""Ising by plain Numba loops, the peers of `spin_speed`: one chain after the other, (c, l, l)."""

import numpy as np
from numba import njit


@njit
def seed(number: int) -> None:
    """Numba's own generator."""
    np.random.seed(number)


@njit
def heat_bath(s: np.ndarray, up: np.ndarray, sweeps: int) -> None:
    """Checkerboard heat bath of spins ±1; `up` is p(+1) by the sum of neighbours plus four."""
    chains, rows, columns = s.shape
    for _ in range(sweeps):
        for c in range(chains):
            for parity in range(2):
                for i in range(rows):
                    above, below = (i - 1) % rows, (i + 1) % rows
                    for j in range((i + parity) % 2, columns, 2):
                        left = j - 1 if j > 0 else columns - 1
                        right = j + 1 if j < columns - 1 else 0
                        field = s[c, above, j] + s[c, below, j] + s[c, i, left] + s[c, i, right]
                        s[c, i, j] = 1 if np.random.random() < up[field + 4] else -1


@njit
def wolff(s: np.ndarray, p: float, updates: int) -> None:
    """One cluster a chain and update, grown from a stack."""
    chains, rows, columns = s.shape
    stack = np.empty((rows * columns, 2), np.int64)
    for _ in range(updates):
        for c in range(chains):
            i, j = np.random.randint(rows), np.random.randint(columns)
            spin = s[c, i, j]
            s[c, i, j] = -spin
            stack[0, 0], stack[0, 1] = i, j
            depth = 1
            while depth:
                depth -= 1
                i, j = stack[depth, 0], stack[depth, 1]
                for k in range(4):
                    x, y = i, j
                    if k == 0:
                        x = i - 1 if i > 0 else rows - 1
                    elif k == 1:
                        x = i + 1 if i < rows - 1 else 0
                    elif k == 2:
                        y = j - 1 if j > 0 else columns - 1
                    else:
                        y = j + 1 if j < columns - 1 else 0
                    if s[c, x, y] == spin and np.random.random() < p:
                        s[c, x, y] = -spin
                        stack[depth, 0], stack[depth, 1] = x, y
                        depth += 1


@njit
def root(parent: np.ndarray, site: int) -> int:
    """A cluster's first site, with paths halved on the way."""
    while parent[site] != site:
        parent[site] = parent[parent[site]]
        site = parent[site]
    return site


@njit
def swendsen_wang(s: np.ndarray, p: float, updates: int) -> None:
    """All clusters of each chain, by union and find."""
    chains, rows, columns = s.shape
    parent = np.empty(rows * columns, np.int64)
    turned = np.empty(rows * columns, np.bool_)
    for _ in range(updates):
        for c in range(chains):
            for site in range(rows * columns):
                parent[site] = site
                turned[site] = np.random.random() < 0.5
            for i in range(rows):
                for j in range(columns):
                    below, right = (i + 1) % rows, (j + 1) % columns
                    for x, y in ((below, j), (i, right)):
                        if s[c, i, j] == s[c, x, y] and np.random.random() < p:
                            a = root(parent, i * columns + j)
                            b = root(parent, x * columns + y)
                            parent[max(a, b)] = min(a, b)
            for i in range(rows):
                for j in range(columns):
                    if turned[root(parent, i * columns + j)]:
                        s[c, i, j] = -s[c, i, j]
