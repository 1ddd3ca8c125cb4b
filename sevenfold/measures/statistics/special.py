"""The few functions of SciPy that statistics need, with types, in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.optimize as _optimize  # type: ignore[import-untyped]
import scipy.special as _special  # type: ignore[import-untyped]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def normal_cdf(x: float) -> float:
    """Share of a standard normal below `x`."""
    return float(_special.ndtr(x))


def normal_quantile(p: float) -> float:
    """The value that a standard normal stays below with probability `p`."""
    return float(_special.ndtri(p))


def t_quantile(p: float, df: float) -> float:
    """The same of Student's t with `df` degrees of freedom."""
    return float(_special.stdtrit(df, p))


def t_two_sided(t: float, df: float) -> float:
    """Probability that Student's t with `df` degrees of freedom is at least as far from 0 as `t`."""
    return float(2.0 * _special.stdtr(df, -abs(t)))


def chi2_tail(x: float, df: float) -> float:
    """Probability that a chi-square with `df` degrees of freedom exceeds `x`."""
    return float(_special.chdtrc(df, x))


def gammaln(x: npt.ArrayLike) -> Floats:
    """Logarithm of the gamma function."""
    return np.asarray(_special.gammaln(x), dtype=np.float64)


def betaln(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Logarithm of the beta function."""
    return np.asarray(_special.betaln(a, b), dtype=np.float64)


def hyp2f1(a: npt.ArrayLike, b: npt.ArrayLike, c: npt.ArrayLike, z: npt.ArrayLike) -> Floats:
    """Gauss's hypergeometric function."""
    return np.asarray(_special.hyp2f1(a, b, c, z), dtype=np.float64)


def minimise(
    function: Callable[[Floats], float], starts: Sequence[Floats], bound: float
) -> tuple[Floats, float]:
    """Where `function` is smallest, and how small it is there; each coordinate within +-`bound`.

    By gradients from each start, then a simplex from the best: the likelihoods of purchase models are flat
    along ridges on which a gradient method stops early.
    """
    bounds = [(-bound, bound)] * len(starts[0])
    found = [_optimize.minimize(function, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    first: Any = min(found, key=lambda each: float(each.fun))
    options = {"xatol": 1e-6, "fatol": 1e-8, "maxiter": 4_000, "maxfev": 4_000}
    best: Any = _optimize.minimize(function, first.x, method="Nelder-Mead", bounds=bounds, options=options)
    if first.fun < best.fun:
        best = first
    return np.asarray(best.x, dtype=np.float64), float(best.fun)
