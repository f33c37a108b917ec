"""The average concurrence of all pairs of one realization: the compiled counterpart of `dissipative_ising`.

    C(t) = (1/N) Σ_{i<j} C_ij(t)

For a pair (a, b) the sectors {a+}, {b+}, {a+, b+} and {a+, b-} suffice: the rest are populations and complex
conjugates. Single flips use products over all sites but a and b, taken from the products before and after b;
double flips cost O(N) for each pair, O(N³ T) in all, and this is where the time goes. Azimuthal angles and
frequencies are local and do not enter. `dissipative_ising.site_factors` derives the factor of a site.
The innermost loops run over time, on contiguous memory.
"""

import cmath
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.entanglement import concurrence_of_state

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

BLOCK = 64
"""Times that are worked on together. It bounds the tables at 192 N² complex numbers and changes no bit."""


class Sites(NamedTuple):
    """What the kernel knows of the N sites; ħ = 1."""

    coupling: Array
    """J_ij, (N, N), symmetric; its diagonal is ignored."""
    rate: Array
    """Y_i, (N,)."""
    occupation: Array
    """Bose function of the bath, (N,)."""
    up: Array
    """Initial population of ↑, (N,)."""
    down: Array
    """Initial population of ↓, (N,)."""


class Tables(NamedTuple):
    """What all pairs share in one block of times."""

    t: Array
    """The times, (T,)."""
    phase: ComplexArray
    """exp(-4i J_ij t), (N, N, T)."""
    surviving: Array
    """exp(-4 Y_i t), (N, T): what a site without thermal phonons keeps of its ↓ population."""
    coherence: Array
    """Off-diagonal element of a flipped site, real and damped, (N, T)."""
    population: ComplexArray
    """[i, 0] and [i, 1]: populations of ↑ and ↓, (N, 2, T)."""
    single: ComplexArray
    """[a, b]: elements of the pair where a is flipped and b is kept ↑ or ↓, without a's own, (N, N, 2, T)."""


def average_concurrence(
    coupling: ArrayLike, rate: ArrayLike, theta: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0
) -> Array:
    """C(t), shape (T,), from J_ij (N, N), Y_i (N,), the initial polar angles (N,) and the times (T,).

    `occupation` is the Bose function of the bath, a number or one for each site. Couplings and rates are in
    one unit of energy over ħ, times in its inverse. Pairs below `CONCURRENCE_FLOOR` count as exactly 0.

    The rounding of a phase 4 J t is the main error at long times. Apart from it a pair is exact to 1e-15 or so,
    unless one site is still almost pure and its partner is mixed: there rounding enters by its square root, and
    C_ij, which is then small, may be off by 1e-13 and in the worst case by 1e-8.
    """
    J, Y, angle, times = (np.ascontiguousarray(a, dtype=np.float64) for a in (coupling, rate, theta, t))
    f = np.ascontiguousarray(np.broadcast_to(np.asarray(occupation, dtype=np.float64), Y.shape))
    if not (Y.ndim == times.ndim == 1 and J.shape == (len(Y), len(Y)) and angle.shape == Y.shape):
        raise ValueError(
            "coupling (N, N), rate (N,), theta (N,) and t (T,) must match, "
            f"got {J.shape}, {Y.shape}, {angle.shape} and {times.shape}"
        )
    if not all(np.all(np.isfinite(a)) for a in (J, Y, angle, times, f)):
        raise ValueError("couplings, rates, angles, occupations and times must be finite, got NaN or infinity")
    total = np.zeros(len(times))
    sites = Sites(J, Y, f, np.cos(angle / 2) ** 2, np.sin(angle / 2) ** 2)
    for start in range(0, len(times), BLOCK):
        _add_pairs(sites, times[start : start + BLOCK], total[start : start + BLOCK])
    return total / len(Y)


@compiled
def _add_pairs(sites: Sites, t: Array, total: Array) -> None:
    """Add the concurrence of every pair at the times `t` to `total`."""
    tables = _tables(sites, t)
    double = np.empty((2, t.size), dtype=np.complex128)
    rho = np.zeros((4, 4), dtype=np.complex128)
    work = np.empty((2, 4, 4), dtype=np.complex128)
    for a in range(sites.rate.size):
        for b in range(a + 1, sites.rate.size):
            _double_flips(sites, tables, a, b, double)
            for k in range(t.size):
                _fill_state(tables, a, b, k, double, rho)
                total[k] += concurrence_of_state(rho, work)


@compiled
def _tables(sites: Sites, t: Array) -> Tables:
    n = sites.rate.size
    tables = Tables(
        t,
        np.empty((n, n, t.size), dtype=np.complex128),
        np.empty((n, t.size)),
        np.empty((n, t.size)),
        np.ones((n, 2, t.size), dtype=np.complex128),
        np.ones((n, n, 2, t.size), dtype=np.complex128),
    )
    unmoved = np.ones(t.size, dtype=np.complex128)
    for i in range(n):
        start = math.sqrt(sites.up[i] * sites.down[i])
        damping = 2.0 * sites.rate[i] * (1.0 + 2.0 * sites.occupation[i])
        for k in range(t.size):
            tables.surviving[i, k] = math.exp(-4.0 * sites.rate[i] * t[k])
            tables.coherence[i, k] = start * math.exp(-damping * t[k])
            for j in range(n):
                angle = 4.0 * sites.coupling[i, j] * t[k]
                tables.phase[i, j, k] = complex(math.cos(angle), -math.sin(angle))
        _multiply_elements(sites, tables, i, 0.0, unmoved, tables.population[i])
    for a in range(n):
        _fill_single_flips(sites, tables, a)
    return tables


@compiled
def _fill_single_flips(sites: Sites, tables: Tables, a: int) -> None:
    """Fill single[a]: for each b its own elements times the traces of all others, never by division."""
    n = sites.rate.size
    single = tables.single[a]
    traces = np.empty((n, tables.t.size), dtype=np.complex128)
    for b in range(n):
        if b != a:
            _multiply_elements(sites, tables, b, 4.0 * sites.coupling[b, a], tables.phase[b, a], single[b])
            traces[b] = single[b, 0] + single[b, 1]
    before = np.ones(tables.t.size, dtype=np.complex128)
    after = np.ones(tables.t.size, dtype=np.complex128)
    for b in range(n):
        if b != a:
            single[b] *= before
            before *= traces[b]
    for b in range(n - 1, -1, -1):
        if b != a:
            single[b] *= after
            after *= traces[b]


@compiled
def _double_flips(sites: Sites, tables: Tables, a: int, b: int, double: ComplexArray) -> None:
    """Products over all other sites of their traces in {a+, b+}, into double[0], and {a+, b-}, into double[1]."""
    double[:] = 1.0
    for j in range(sites.rate.size):
        if j in (a, b):
            continue
        fields = (
            4.0 * (sites.coupling[j, a] + sites.coupling[j, b]),
            4.0 * (sites.coupling[j, a] - sites.coupling[j, b]),
        )
        if sites.occupation[j] == 0.0:
            u, d = sites.up[j], sites.down[j]
            jumps = _jump(sites.rate[j], d, fields[0]), _jump(sites.rate[j], d, fields[1])
            of_a, of_b = tables.phase[j, a], tables.phase[j, b]
            _multiply_cold_traces(of_a, of_b, tables.surviving[j], u, d, jumps, double[0], double[1])
        else:
            _multiply_traces(sites, tables, j, a, b, fields, double)


@compiled
def _multiply_cold_traces(
    of_a: ComplexArray,
    of_b: ComplexArray,
    surviving: Array,
    u: float,
    d: float,
    jumps: tuple[complex, complex],
    plus: ComplexArray,
    minus: ComplexArray,
) -> None:
    """The innermost loop of the program: the traces of a site without thermal phonons, both signs at once."""
    for k in range(plus.size):
        up, down = _cold_elements(of_a[k] * of_b[k], u, d, jumps[0], surviving[k])
        plus[k] *= up + down
        up, down = _cold_elements(of_a[k] * of_b[k].conjugate(), u, d, jumps[1], surviving[k])
        minus[k] *= up + down


@compiled
def _multiply_traces(
    sites: Sites, tables: Tables, j: int, a: int, b: int, fields: tuple[float, float], double: ComplexArray
) -> None:
    """The same at any temperature."""
    elements = np.ones((2, tables.t.size), dtype=np.complex128)
    _multiply_elements(sites, tables, j, fields[0], tables.phase[j, a] * tables.phase[j, b], elements)
    double[0] *= elements[0] + elements[1]
    elements[:] = 1.0
    _multiply_elements(sites, tables, j, fields[1], tables.phase[j, a] * tables.phase[j, b].conj(), elements)
    double[1] *= elements[0] + elements[1]


@compiled
def _multiply_elements(
    sites: Sites, tables: Tables, j: int, field: float, phase: ComplexArray, elements: ComplexArray
) -> None:
    """Multiply elements (2, T) by those, ↑↑ and ↓↓, of site j in a sector with phase = exp(-i field t) (T,)."""
    u, d = sites.up[j], sites.down[j]
    if sites.occupation[j] == 0.0:
        jump = _jump(sites.rate[j], d, field)
        for k in range(tables.t.size):
            up, down = _cold_elements(phase[k], u, d, jump, tables.surviving[j, k])
            elements[0, k] *= up
            elements[1, k] *= down
    else:
        weights = _thermal_weights(sites.rate[j], sites.occupation[j], u, d, field)
        for k in range(tables.t.size):
            up, down = _thermal_elements(phase[k], u, d, weights, tables.t[k])
            elements[0, k] *= up
            elements[1, k] *= down


@compiled
def _jump(rate: float, down: float, field: float) -> complex:
    """Weight of ↓ sites that have jumped to ↑: d 2Y / (2Y - i Θ)."""
    return down * (2.0 * rate / complex(2.0 * rate, -field)) if rate > 0.0 else 0.0j


@compiled
def _cold_elements(phase: complex, u: float, d: float, jump: complex, surviving: float) -> tuple[complex, complex]:
    """↑↑ and ↓↓ of a site without thermal phonons, where ↓ only stays or jumps to ↑, once.

    Real times complex is spelled out: the compiler would make both complex.
    """
    stayed = complex(phase.real * surviving, -phase.imag * surviving)
    up = complex(u * phase.real, u * phase.imag) + jump * (phase - stayed)
    return up, complex(d * stayed.real, d * stayed.imag)


class Weights(NamedTuple):
    """Constants of a site in one sector; the symbols are those of `dissipative_ising.site_factors`."""

    g: float
    q: complex
    mu: complex
    up_fast: complex
    down_slow: complex
    up_drive: complex
    down_drive: complex


@compiled
def _thermal_weights(Y: float, f: float, u: float, d: float, field: float) -> Weights:
    g = 2.0 * Y * (1.0 + 2.0 * f)
    scale = max(g, abs(field))
    up_drive = complex(2.0 * Y * (1.0 + d) + 4.0 * Y * f * d, -u * field)
    down_drive = complex(4.0 * Y * f * u - 2.0 * Y * d, d * field)
    if scale == 0.0:
        return Weights(g, 0.0j, 0.0j, 0.0j, 0.0j, up_drive, down_drive)
    square = complex(((g - field) / scale) * ((g + field) / scale), -4.0 * (Y / scale) * (field / scale))
    root = cmath.sqrt(square)
    q = scale * complex(root.real, math.copysign(root.imag, -field))
    mu = -8.0 * Y * f * complex(0.0, -field) / (q + complex(g, -field))
    up_fast = (u * mu + (4.0 * Y * f * (u - d) - 4.0 * Y * d)) / (2.0 * q)
    down_slow = (4.0 * Y * f + d * mu) / (2.0 * q)
    return Weights(g, q, mu, up_fast, down_slow, up_drive, down_drive)


@compiled
def _thermal_elements(phase: complex, u: float, d: float, weights: Weights, t: float) -> tuple[complex, complex]:
    """↑↑ and ↓↓ of a site at any temperature: two exponentials, or their limit where the two rates meet."""
    g, q, mu, up_fast, down_slow, up_drive, down_drive = weights
    turn = q * t
    if abs(turn) < 0.5:
        E = math.exp(-g * t) * cmath.cosh(turn)
        S = math.exp(-g * t) * t * (cmath.sinh(turn) / turn if turn != 0.0 else 1.0)
        return u * E + up_drive * S, d * E + down_drive * S
    slow = phase * cmath.exp(mu * t)
    fast = phase.conjugate() * cmath.exp(-(mu + 2.0 * g) * t)
    return (u - up_fast) * slow + up_fast * fast, down_slow * slow + (d - down_slow) * fast


@compiled
def _fill_state(tables: Tables, a: int, b: int, k: int, double: ComplexArray, rho: ComplexArray) -> None:
    """The density matrix of the pair at the k-th time, in the basis ↑↑, ↑↓, ↓↑, ↓↓, a first."""
    of_a, of_b = tables.coherence[a, k], tables.coherence[b, k]
    for i in range(4):
        rho[i, i] = tables.population[a, i >> 1, k].real * tables.population[b, i & 1, k].real
    rho[0, 1] = of_b * tables.single[b, a, 0, k]
    rho[2, 3] = of_b * tables.single[b, a, 1, k]
    rho[0, 2] = of_a * tables.single[a, b, 0, k]
    rho[1, 3] = of_a * tables.single[a, b, 1, k]
    rho[0, 3] = of_a * of_b * double[0, k]
    rho[1, 2] = of_a * of_b * double[1, k]
    for i in range(4):
        for j in range(i):
            rho[i, j] = rho[j, i].conjugate()
