"""Compiled decomposition of two-qubit states: many states at a time, in vector instructions.

    C = max(0, s1 - s2 - s3 - s4),   s = singular values of X^T (σy ⊗ σy) X,   ρ = X X†

with X from a Cholesky factorization. Square roots of the eigenvalues of ρ ρ~ would lose half of the digits. The
singular values come from Jacobi rotations and not from LAPACK, so that the bits do not depend on the linear-algebra
library.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, fma

Array = NDArray[np.float64]

CONCURRENCE_FLOOR = 1e-14
"""A smaller concurrence or negativity is a rounding error and is returned as exactly 0."""

ROUNDING = 1e-15
"""The remainder of a diagonal element in the factorization is a rounding error below this fraction of the element."""

NEARLY_ORTHOGONAL = 1e-9
"""Cosine of the angle between two columns below which one more rotation makes them orthogonal to rounding."""

MAX_SWEEPS = 40
"""Upper limit on Jacobi sweeps; it is never reached, since four or five sweeps suffice for a 4x4 matrix."""


class Batch(NamedTuple):
    """States that are decomposed together, up to `LANES`. For each matrix element, all lanes lie next to each other.

    Element (i, j) of a 4x4 matrix is at 8 j + i (real part) and 8 j + 4 + i (imaginary part), times `LANES`.
    """

    negativity: bool
    """True for the negativity, False for the concurrence."""
    filled: NDArray[np.int64]
    """Number of states in the batch, in an array of one element."""
    place: NDArray[np.int64]
    """Index of the result of each state, (LANES,)."""
    state: Array
    """ρ, or ρ^TB for the negativity, (32 LANES,)."""
    factor: Array
    """X, (32 LANES,)."""
    columns: Array
    """The matrix whose singular values are computed, (32 LANES,)."""


@compiled
def new_batch(negativity: bool) -> Batch:
    """Return an empty batch."""
    filled, place = np.zeros(1, dtype=np.int64), np.zeros(LANES, dtype=np.int64)
    size = 32 * LANES
    return Batch(negativity, filled, place, np.zeros(size), np.zeros(size), np.zeros(size))


@compiled
def add_state(rho: NDArray[np.complex128], batch: Batch, place: int) -> None:
    """Add a state to a batch that is not full; its result is written to index `place`."""
    lane = batch.filled[0]
    batch.filled[0] += 1
    batch.place[lane] = place
    for i in range(4):
        for j in range(4):
            element = rho[(i & 2) | (j & 1), (j & 2) | (i & 1)] if batch.negativity else rho[i, j]
            batch.state[(8 * j + i) * LANES + lane] = element.real
            batch.state[(8 * j + 4 + i) * LANES + lane] = element.imag


@compiled
def make_room(batch: Batch, values: Array) -> None:
    """Decompose the states of a batch if it is full."""
    if batch.filled[0] == LANES:
        finish(batch, values)


@compiled
def finish(batch: Batch, values: Array) -> None:
    """Write the results of all states of a batch into `values`, and empty the batch.

    For the concurrence, 2 s1 - (s1 + s2 + s3 + s4); for the negativity, (sum of |eigenvalues| of ρ^TB - trace) / 2.
    """
    trace = np.zeros(LANES)
    if batch.negativity:
        batch.columns[:] = batch.state
        for i in range(4):
            trace += batch.state[9 * i * LANES : (9 * i + 1) * LANES]
    else:
        _factorize(batch.state, batch.factor)
        _spin_flip_overlaps(batch.factor, batch.columns)
    _make_orthogonal(batch.columns)
    for lane in range(batch.filled[0]):
        largest, total = 0.0, 0.0
        for q in range(4):
            square = 0.0
            for i in range(8):
                square += batch.columns[(8 * q + i) * LANES + lane] ** 2
            length = math.sqrt(square)
            largest = max(largest, length)
            total += length
        value = 0.5 * (total - trace[lane]) if batch.negativity else 2.0 * largest - total
        values[batch.place[lane]] = value if value >= CONCURRENCE_FLOOR else 0.0
    batch.filled[0] = 0
    batch.state[:] = 0.0


@compiled
def _factorize(state: Array, factor: Array) -> None:
    """Fill `factor` with X, ρ = X X†, for all lanes; `state` is overwritten.

    This is a Cholesky factorization that takes the largest remaining diagonal element first. An element of which less
    than `ROUNDING` remains is not used again. Each remainder is compared with its own element and not with the trace,
    since a population of 1e-16 can still carry a concurrence of 1e-8. A remainder that is negative, or larger off the
    diagonal than positivity allows, is a rounding error and is cut off.
    """
    least, pivot, scale = np.empty((4, LANES)), np.empty(LANES), np.empty(LANES)
    for i in range(4):
        for k in range(LANES):
            least[i, k] = ROUNDING * state[9 * i * LANES + k]
    for j in range(4):
        _choose_pivots(state, least, pivot, scale)
        column = factor[8 * j * LANES : 8 * (j + 1) * LANES]
        for i in range(4):
            _take_element(state, i, pivot, scale, column)
        for i in range(4):
            for n in range(4):
                _subtract_element(state[(8 * n + i) * LANES :], i, n, pivot, column)


@compiled
def _choose_pivots(rest: Array, least: Array, pivot: Array, scale: Array) -> None:
    """Find the largest remaining diagonal element, and the inverse of its square root; 4 and 0 if none remains."""
    for k in range(LANES):
        largest, chosen = 0.0, 4.0
        for i in range(4):
            left = rest[9 * i * LANES + k]
            larger = left > max(largest, least[i, k])
            largest = left if larger else largest
            chosen = float(i) if larger else chosen
        pivot[k] = chosen
        scale[k] = 1.0 / math.sqrt(largest) if largest > 0.0 else 0.0


@compiled
def _take_element(
    rest: Array,
    i: int,
    pivot: Array,
    scale: Array,
    column: Array,
) -> None:
    """Compute element i of the pivot columns, limited to the largest value that the diagonal allows."""
    row, diagonal = rest[i * LANES :], rest[9 * i * LANES :]
    into = column[i * LANES :]
    for k in range(LANES):
        real, imaginary = 0.0, 0.0
        for j in range(4):
            real = row[8 * j * LANES + k] if pivot[k] == j else real
            imaginary = row[(8 * j + 4) * LANES + k] if pivot[k] == j else imaginary
        real, imaginary = scale[k] * real, scale[k] * imaginary
        bound, square = max(diagonal[k], 0.0), fma(real, real, imaginary * imaginary)
        shrink = math.sqrt(bound / square) if square > bound and pivot[k] != i else 1.0
        into[k] = shrink * real
        into[4 * LANES + k] = shrink * imaginary


@compiled
def _subtract_element(rest: Array, i: int, j: int, pivot: Array, column: Array) -> None:
    """Subtract the contribution of the pivot columns to element (i, j); the remainder of a pivot is exactly 0."""
    one, other = column[i * LANES :], column[j * LANES :]
    for k in range(LANES):
        a, b, x, y = one[k], one[4 * LANES + k], other[k], other[4 * LANES + k]
        real = rest[k] - fma(a, x, b * y)
        rest[k] = 0.0 if pivot[k] == i and i == j else real
        rest[4 * LANES + k] -= fma(b, x, -(a * y))


@compiled
def _spin_flip_overlaps(factor: Array, columns: Array) -> None:
    """Compute the overlaps X^T (σy ⊗ σy) X, complex symmetric; σy ⊗ σy is antidiagonal (-1, 1, 1, -1)."""
    for m in range(4):
        one = factor[8 * m * LANES : 8 * (m + 1) * LANES]
        for n in range(4):
            other = factor[8 * n * LANES : 8 * (n + 1) * LANES]
            overlap = columns[(8 * n + m) * LANES : (8 * n + m + 5) * LANES]
            for k in range(LANES):
                real, imaginary = 0.0, 0.0
                for i in range(4):
                    sign = 1.0 if i in (1, 2) else -1.0
                    a, b = sign * one[i * LANES + k], sign * one[(4 + i) * LANES + k]
                    x, y = other[(3 - i) * LANES + k], other[(7 - i) * LANES + k]
                    real = fma(a, x, fma(-b, y, real))
                    imaginary = fma(a, y, fma(b, x, imaginary))
                overlap[k], overlap[4 * LANES + k] = real, imaginary


@compiled
def _make_orthogonal(columns: Array) -> None:
    """Rotate the columns of every matrix in a batch until they are orthogonal; their lengths are the singular values.

    Convergence is quadratic: if a sweep meets no cosine above `NEARLY_ORTHOGONAL`, the columns are orthogonal after it.
    From then on a matrix is not rotated again, so its bits do not depend on the other matrices of the batch.
    """
    turning = np.ones(2 * LANES)  # active lanes of this sweep, then of the next one
    for _ in range(MAX_SWEEPS):
        turning[LANES:] = 0.0
        for p in range(3):
            for q in range(p + 1, 4):
                left = columns[8 * p * LANES : 8 * (p + 1) * LANES]
                _orthogonalize(left, columns[8 * q * LANES : 8 * (q + 1) * LANES], turning)
        if not turning[LANES:].any():
            break
        turning[:LANES] = turning[LANES:]


@compiled
def _orthogonalize(left: Array, right: Array, turning: Array) -> None:
    """Rotate two columns in the lanes that are active in `turning`.

    Lanes whose columns were not nearly orthogonal are marked for the next sweep.

    p' = c p - s q,  q' = s* p + c q  with  s = c 2 z* / (d + sign(d) sqrt(d² + 4 |z|²)),  z = p† q,  d = |q|² - |p|².
    """
    for k in range(LANES):
        square_p, square_q, z_real, z_imaginary = 0.0, 0.0, 0.0, 0.0
        for i in range(4):
            a, b = left[i * LANES + k], left[(4 + i) * LANES + k]
            x, y = right[i * LANES + k], right[(4 + i) * LANES + k]
            square_p = fma(a, a, fma(b, b, square_p))
            square_q = fma(x, x, fma(y, y, square_q))
            z_real = fma(a, x, fma(b, y, z_real))
            z_imaginary = fma(a, y, fma(-b, x, z_imaginary))
        overlap = fma(z_real, z_real, z_imaginary * z_imaginary)
        now, again = turning[k], turning[LANES + k]
        turning[LANES + k] = now if overlap > NEARLY_ORTHOGONAL**2 * square_p * square_q else again
        distance = square_q - square_p
        reach = math.sqrt(fma(distance, distance, 4.0 * overlap))
        steep = distance + reach if distance >= 0.0 else distance - reach
        ratio = now * 2.0 / steep if steep != 0.0 else 0.0
        cosine = 1.0 / math.sqrt(fma(ratio * ratio, overlap, 1.0))
        s_real, s_imaginary = cosine * ratio * z_real, -(cosine * ratio * z_imaginary)
        for i in range(4):
            a, b = left[i * LANES + k], left[(4 + i) * LANES + k]
            x, y = right[i * LANES + k], right[(4 + i) * LANES + k]
            left[i * LANES + k] = fma(cosine, a, fma(s_imaginary, y, -(s_real * x)))
            left[(4 + i) * LANES + k] = fma(cosine, b, -fma(s_real, y, s_imaginary * x))
            right[i * LANES + k] = fma(cosine, x, fma(s_real, a, s_imaginary * b))
            right[(4 + i) * LANES + k] = fma(cosine, y, fma(s_real, b, -(s_imaginary * a)))
