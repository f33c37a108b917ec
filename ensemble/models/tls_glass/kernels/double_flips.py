"""Innermost loops of the program: for each pair (a, b), products of the traces of all other sites.

    {a+, b+}:  Π_j trace_j(Θ_ja + Θ_jb)           {a+, b-}:  Π_j trace_j(Θ_ja - Θ_jb),         Θ_ja = 4 J_ja

They cost O(N) for each pair, O(N³ T) in all, which is most of the computing time. The phases of both sectors follow
from the cosines and sines of Θ_ja t and Θ_jb t by six operations. Two sites are multiplied before the products are
stored again. In memory they are (real +, imaginary +, real -, imaginary -), one after the other.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels.pair_tables import COLD, STILL, WARM, Tables, jump, kind
from ensemble.models.tls_glass.kernels.site_solution import Sites
from ensemble.models.tls_glass.kernels.warm_site import multiply_warm_trace
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, fma, multiply

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@compiled
def sites_by_kind(sites: Sites) -> tuple[Indices, Indices]:
    """Return all sites, sorted by kind, and the start of each kind and the end of the last one."""
    order, begins = np.empty(sites.rate.size, dtype=np.int64), np.zeros(4, dtype=np.int64)
    count = 0
    for form in (STILL, COLD, WARM):
        for j in range(sites.rate.size):
            if kind(sites, j) == form:
                order[count] = j
                count += 1
        begins[form + 1] = count
    return order, begins


@compiled
def multiply_others(
    sites: Sites, tables: Tables, by_kind: tuple[Indices, Indices], a: int, b: int, double: Array
) -> None:
    """Fill `double` (4 T,) with both products over the sites other than a and b."""
    order, begins = by_kind
    others = np.empty(order.size, dtype=np.int64)
    for k in range(LANES):
        double[k], double[LANES + k] = 1.0, 0.0
        double[2 * LANES + k], double[3 * LANES + k] = 1.0, 0.0
    for form in (STILL, COLD, WARM):
        count = 0
        for place in range(begins[form], begins[form + 1]):
            others[count] = order[place]
            count += order[place] not in (a, b)
        if form == STILL:
            _multiply_still(sites, tables, a, b, others[:count], double)
        elif form == COLD:
            _multiply_cold(sites, tables, a, b, others[:count], double)
        else:
            _multiply_warm(sites, tables, a, b, others[:count], double)


@compiled
def _both_signs(ca: float, sa: float, cb: float, sb: float) -> tuple[float, float, float, float]:
    """Return cos and sin of x + y, then of x - y."""
    product, cross = sa * sb, ca * sb
    return fma(ca, cb, -product), fma(sa, cb, cross), fma(ca, cb, product), fma(sa, cb, -cross)


@compiled
def _multiply_still(sites: Sites, tables: Tables, a: int, b: int, others: Indices, double: Array) -> None:
    """Multiply by sites without relaxation: the trace is cos Θt - i (u - d) sin Θt."""
    ca, sa, cb, sb = tables.cosine[a], tables.sine[a], tables.cosine[b], tables.sine[b]
    for position in range(0, others.size - 1, 2):
        i, j = others[position], others[position + 1]
        at_i, at_j = sites.down[i] - sites.up[i], sites.down[j] - sites.up[j]
        for k in range(LANES):
            c_plus, s_plus, c_minus, s_minus = _both_signs(ca[i, k], sa[i, k], cb[i, k], sb[i, k])
            real, imaginary = multiply(double[k], double[LANES + k], c_plus, at_i * s_plus)
            other, rest = multiply(double[2 * LANES + k], double[3 * LANES + k], c_minus, at_i * s_minus)
            c_plus, s_plus, c_minus, s_minus = _both_signs(ca[j, k], sa[j, k], cb[j, k], sb[j, k])
            double[k], double[LANES + k] = multiply(real, imaginary, c_plus, at_j * s_plus)
            double[2 * LANES + k], double[3 * LANES + k] = multiply(other, rest, c_minus, at_j * s_minus)
    if others.size % 2 == 1:
        j = others[-1]
        at_j = sites.down[j] - sites.up[j]
        for k in range(LANES):
            c_plus, s_plus, c_minus, s_minus = _both_signs(ca[j, k], sa[j, k], cb[j, k], sb[j, k])
            double[k], double[LANES + k] = multiply(double[k], double[LANES + k], c_plus, at_j * s_plus)
            double[2 * LANES + k], double[3 * LANES + k] = multiply(
                double[2 * LANES + k], double[3 * LANES + k], c_minus, at_j * s_minus
            )


@compiled
def _multiply_cold(sites: Sites, tables: Tables, a: int, b: int, others: Indices, double: Array) -> None:
    """Multiply by sites that only fall."""
    ca, sa, cb, sb = tables.cosine[a], tables.sine[a], tables.cosine[b], tables.sine[b]
    for j in others:
        u, d, rate, surviving = sites.up[j], sites.down[j], sites.rate[j], tables.surviving[j]
        one, other = 4.0 * sites.coupling[j, a], 4.0 * sites.coupling[j, b]
        plus, plus_imaginary = jump(rate, d, one + other)
        minus, minus_imaginary = jump(rate, d, one - other)
        for k in range(LANES):
            kept, lost = surviving[0, k], surviving[1, k]
            c_plus, s_plus, c_minus, s_minus = _both_signs(ca[j, k], sa[j, k], cb[j, k], sb[j, k])
            real, imaginary = _cold_trace(u, d, kept, lost, c_plus, s_plus, plus, plus_imaginary)
            double[k], double[LANES + k] = multiply(double[k], double[LANES + k], real, imaginary)
            real, imaginary = _cold_trace(u, d, kept, lost, c_minus, s_minus, minus, minus_imaginary)
            double[2 * LANES + k], double[3 * LANES + k] = multiply(
                double[2 * LANES + k], double[3 * LANES + k], real, imaginary
            )


@compiled
def _cold_trace(
    u: float, d: float, kept: float, lost: float, c: float, s: float, jump_real: float, jump_imaginary: float
) -> tuple[float, float]:
    """Return (u + j) e^{-iΘt} + (d - j) S e^{iΘt} from cos Θt and sin Θt, real and imaginary part."""
    grown, left = 1.0 + kept, d * kept
    real = fma(c, fma(jump_real, lost, u + left), jump_imaginary * grown * s)
    imaginary = fma(-s, fma(jump_real, grown, u - left), jump_imaginary * lost * c)
    return real, imaginary


@compiled
def _multiply_warm(sites: Sites, tables: Tables, a: int, b: int, others: Indices, double: Array) -> None:
    """Multiply by sites that fall and rise, at any temperature."""
    ca, sa, cb, sb = tables.cosine[a], tables.sine[a], tables.cosine[b], tables.sine[b]
    plus, minus, scratch = np.empty(2 * LANES), np.empty(2 * LANES), np.empty(6 * LANES)
    for j in others:
        for k in range(LANES):
            plus[k], plus[LANES + k], minus[k], minus[LANES + k] = _both_signs(ca[j, k], sa[j, k], cb[j, k], sb[j, k])
        one, other = 4.0 * sites.coupling[j, a], 4.0 * sites.coupling[j, b]
        rate, phonons, u, d = sites.rate[j], sites.occupation[j], sites.up[j], sites.down[j]
        multiply_warm_trace(rate, phonons, u, d, one + other, tables.t, plus, scratch, double[: 2 * LANES])
        multiply_warm_trace(rate, phonons, u, d, one - other, tables.t, minus, scratch, double[2 * LANES :])
