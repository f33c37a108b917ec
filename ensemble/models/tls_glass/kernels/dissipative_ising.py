"""Exact reduced density matrices of Ising-coupled two-level systems with relaxation, for any number of sites.

The equation (ħ = 1; energies, rates and frequencies in one unit, times in its inverse):

    dρ/dt = -i [H, ρ] + Σ_i Y_i (1 + f_i) L[S_i^+] ρ + Σ_i Y_i f_i L[S_i^-] ρ,   L[A] ρ = A ρ A† - {A†A, ρ} / 2
    H = -1/2 Σ_i ν_i S_i^z + 2 Σ_{i<j} J_ij S_i^z S_j^z,                         S^+ = 2 |↑><↓|,  ↑ the ground state
    ρ(0) = product of cos(θ_i/2) |↑> + exp(i φ_i) sin(θ_i/2) |↓>

Expand each site in {1, S^z, S^+, S^-}. The set F of sites with S^± and their signs s are conserved. For given (F, s)
the other sites evolve independently, in an imaginary field 4 Σ_{i in F} s_i J_ij. So every (F, s), called a sector,
stays a product, and a matrix element of k sites costs O(N). The coherence of a site in F is multiplied by
exp(-2 Y (1 + 2 f) t). `site_factors` solves the equation of the sites outside F.
"""

from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class IsingDisorder(Protocol):
    """Couplings, rates and initial directions of N sites: any object with these arrays."""

    @property
    def coupling(self) -> Array:
        """J_ij, (N, N), symmetric; its diagonal is ignored."""

    @property
    def rate(self) -> Array:
        """Y_i, (N,), not negative."""

    @property
    def frequency(self) -> Array:
        """ν_i, (N,)."""

    @property
    def theta(self) -> Array:
        """Polar angles of the initial Bloch vectors, (N,)."""

    @property
    def phi(self) -> Array:
        """Azimuthal angles of the initial Bloch vectors, (N,)."""


class SiteFactors(NamedTuple):
    """Factors of the sites outside F in a matrix element; arrays over (site, t)."""

    up: ComplexArray
    """For a kept site, both indices ↑."""
    down: ComplexArray
    """For a kept site, both indices ↓."""
    trace: ComplexArray
    """For a site that is traced out: up + down."""


def reduced_density_matrix(
    disorder: IsingDisorder,
    sites: Sequence[int],
    t: ArrayLike,
    *,
    occupation: ArrayLike = 0.0,
    frame: Literal["rotating", "lab"] = "rotating",
) -> ComplexArray:
    """Return the density matrix of some sites.

    Parameters
    ----------
    disorder
        Couplings, rates, frequencies and initial directions of N sites.
    sites
        The k different site numbers; all other sites are traced out.
    t
        Times, shape (T,).
    occupation
        Bose function f of the bath, a number or one for each site. Default: 0.
    frame
        "rotating" (default) omits the frequencies ν_i, which are local and change no entanglement; "lab" includes them.

    Returns
    -------
    Density matrices, shape (T, 2**k, 2**k). The first site is the most significant bit, ↑ comes first.

    Raises
    ------
    ValueError
        If site numbers repeat or are out of range, or if `frame` is unknown.
    """
    times = np.atleast_1d(np.asarray(t, dtype=np.float64))
    J, Y = np.asarray(disorder.coupling), np.asarray(disorder.rate)
    f = np.broadcast_to(np.asarray(occupation, dtype=np.float64), Y.shape)
    kept = _checked_sites(sites, len(Y))
    if frame not in ("rotating", "lab"):
        raise ValueError(f"frame must be 'rotating' or 'lab', got {frame!r}")
    traced = np.setdiff1d(np.arange(len(Y)), kept)
    coherence = _coherences(disorder, kept, times, f, lab=frame == "lab")
    # One table of phases for all matrix elements: then all use the same couplings to the last bit,
    # and ρ stays positive at times where the rounding error of J t exceeds one period.
    phases = np.exp(-4j * J[:, kept].T[:, :, np.newaxis] * times)

    k = len(kept)
    rho = np.zeros((len(times), 2**k, 2**k), dtype=np.complex128)
    weight = 2 ** np.arange(k)[::-1]
    for signs in product((0, 1, -1), repeat=k):
        flipped = np.flatnonzero(signs)
        if flipped.size and signs[flipped[0]] < 0:
            continue  # the adjoint of a sector that is already filled
        s = np.asarray(signs)
        phase = np.prod(np.where(s[:, None, None] > 0, phases, phases.conj())[flipped], axis=0)
        factors = site_factors(4.0 * J[:, kept] @ s, phase, Y, f, disorder.theta, times)
        common = np.prod(factors.trace[traced], axis=0)
        for a in flipped:
            common = common * (coherence[a] if s[a] > 0 else coherence[a].conj())
        unflipped = np.flatnonzero(s == 0)
        for bits in product((0, 1), repeat=len(unflipped)):
            element = common
            for b, bit in zip(unflipped, bits, strict=True):
                element = element * (factors.down if bit else factors.up)[kept[b]]
            diagonal = int(weight[unflipped] @ np.asarray(bits, dtype=int))
            row = diagonal + int(weight @ (s < 0))
            column = diagonal + int(weight @ (s > 0))
            rho[:, column, row] = element.conj()
            rho[:, row, column] = element
    return rho


def site_factors(
    field: Array, phase: ComplexArray, rate: Array, occupation: Array, theta: Array, t: Array
) -> SiteFactors:
    """Solve the equation of every site in a sector with the field Θ (N,) and phase = exp(-i Θ t) (N, T).

    In c0 1 + cz S^z, with p = -i Θ and g = 2 Y (1 + 2 f):

        d/dt (c0, cz) = [[0, p], [p + 4 Y, -2 g]] (c0, cz),     c0(0) = 1/2,  cz(0) = cos(θ) / 2.

    The eigenvalues are -g ± q, q² = g² - Θ² - 4i Y Θ. With μ = q - g - p they are p + μ and -p - μ - 2g. In the form
    below, μ has no cancellation, vanishes at f = 0, and never has a positive real part. up = c0 + cz and down = c0 - cz
    are sums of the two exponentials. Their weights need no small differences either.
    """
    Y, f = rate[:, np.newaxis], occupation[:, np.newaxis]
    u, d = np.cos(theta[:, np.newaxis] / 2) ** 2, np.sin(theta[:, np.newaxis] / 2) ** 2
    p = -1j * field[:, np.newaxis]
    g = 2 * Y * (1 + 2 * f)
    q = _root(field, rate, occupation)[:, np.newaxis]
    still = q == 0  # no field and no rate: nothing changes, for any weights
    inverse = 0.5 / np.where(still, 1.0, q)
    mu = -8 * Y * f * (p / np.where(still, 1.0, q + g + p))

    slow = phase * np.exp(mu * t)
    fast = phase.conj() * np.exp(-(mu + 2 * g) * t)
    up_fast = (u * mu + 4 * Y * f * (u - d) - 4 * Y * d) * inverse
    down_slow = (4 * Y * f + d * mu) * inverse
    up = (u - up_fast) * slow + up_fast * fast
    down = down_slow * slow + (d - down_slow) * fast

    # Where both eigenvalues meet, q -> 0, the weights diverge: there use x(t) = x(0) E + w S with
    # E = exp(-g t) cosh(q t), S = exp(-g t) sinh(q t) / q.
    turn = q * t
    close = np.abs(turn) < 0.5
    turn = np.where(close & (turn != 0), turn, 1e-9)
    envelope = np.exp(-g * t)
    E, S = envelope * np.cosh(turn), envelope * t * np.sinh(turn) / turn
    up = np.where(close, u * E + (2 * Y * (1 + d) + 4 * Y * f * d + u * p) * S, up)
    down = np.where(close, d * E + (4 * Y * f * u - 2 * Y * d - d * p) * S, down)
    return SiteFactors(up, down, up + down)


def _root(field: Array, rate: Array, occupation: Array) -> ComplexArray:
    """Return q = sqrt(g² - Θ² - 4i Y Θ) with Re q >= 0 and the sign of Im q opposite to that of Θ."""
    g = 2 * rate * (1 + 2 * occupation)
    scale = np.maximum(g, np.abs(field))
    scale[scale == 0] = 1.0  # squares of numbers of order 1 cannot underflow
    real = ((g - field) / scale) * ((g + field) / scale)
    imaginary = -4 * (rate / scale) * (field / scale)
    root = np.sqrt(real + 1j * imaginary)
    q: ComplexArray = scale * (root.real + 1j * np.copysign(root.imag, -field))
    return q


def _coherences(
    disorder: IsingDisorder, kept: NDArray[np.intp], t: Array, occupation: Array, *, lab: bool
) -> ComplexArray:
    """Return <↑| ρ_i |↓> of the sites in F, (k, T): sin(θ)/2 exp(-iφ) at t = 0, damped, and rotated by ν in the lab."""
    theta = np.asarray(disorder.theta)[kept, np.newaxis]
    phi = np.asarray(disorder.phi)[kept, np.newaxis]
    damping = 2 * np.asarray(disorder.rate)[kept, np.newaxis] * (1 + 2 * occupation[kept, np.newaxis])
    coherence: ComplexArray = np.cos(theta / 2) * np.sin(theta / 2) * np.exp(-1j * phi) * np.exp(-damping * t)
    if lab:
        coherence = coherence * np.exp(1j * np.asarray(disorder.frequency)[kept, np.newaxis] * t)
    return coherence


def _checked_sites(sites: Sequence[int], n: int) -> NDArray[np.intp]:
    kept = np.asarray(sites, dtype=np.intp)
    if kept.ndim != 1 or kept.size == 0 or len(set(kept.tolist())) != kept.size:
        raise ValueError(f"sites must be one or more different site numbers, got {sites!r}")
    if kept.min() < 0 or kept.max() >= n:
        raise ValueError(f"sites must be numbers from 0 to {n - 1}, got {sites!r}")
    return kept
