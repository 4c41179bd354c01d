"""Arithmetic of the CPU kernels in a form that LLVM turns into vector instructions.

exp and log1p of the C library are calls, one number at a time; the float32 forms here are a few
multiplications each. float64, which serves checks rather than training, keeps the library's.
"""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

LANES = 32
U = np.uintp  # unsigned indices spare the wrap-around test that would keep LLVM from vectorising
STRIDE = np.uintp(LANES)
# Contracting a multiplication and an addition rounds once instead of twice; no other licence is taken.
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": {"contract"}, "error_model": "numpy"}

# exp(-x) below this is lost beside 1 and runs into denormals, which cost ten times the work.
_MOST_EXPONENT = 40.0


def one_like(array: np.ndarray) -> Any:
    """1 in the type of the array: a bare literal would widen float32 arithmetic to float64."""
    return array.dtype.type(1)


@overload(one_like)
def _one_like_overload(array):
    value = np.float32(1) if array.dtype == types.float32 else np.float64(1)
    return lambda array: value


def decay(x: float) -> float:
    """exp(-x) for x >= 0."""
    return math.exp(-min(x, _MOST_EXPONENT))


@overload(decay)
def _decay_overload(x):
    if x != types.float32:
        return lambda x: math.exp(-min(x, _MOST_EXPONENT))

    def fast_decay(x):
        # 2^n e^r with |r| <= ln(2) / 2, Cephes' coefficients; relative error 8e-8.
        x = -min(x, np.float32(_MOST_EXPONENT))
        shifted = x * np.float32(1.44269504088896341) + np.float32(12582912.0)
        n = shifted - np.float32(12582912.0)
        r = x - n * np.float32(0.693359375)
        r = r + n * np.float32(2.12194440e-4)
        p = np.float32(1.9875691500e-4)
        p = p * r + np.float32(1.3981999507e-3)
        p = p * r + np.float32(8.3334519073e-3)
        p = p * r + np.float32(4.1665795894e-2)
        p = p * r + np.float32(1.6666665459e-1)
        p = p * r + np.float32(5.0000001201e-1)
        p = p * (r * r) + r + np.float32(1.0)
        power = np.int32((np.float32(shifted).view(np.int32) << np.int32(23)) + np.int32(0x3F800000))
        return p * np.int32(power).view(np.float32)

    return fast_decay


def log_and_share(x: float) -> tuple[float, float]:
    """log(1 + x) and 1 / (1 + x) for 0 <= x <= 2."""
    return math.log1p(x), 1 / (1 + x)


@overload(log_and_share)
def _log_and_share_overload(x):
    if x != types.float32:
        return lambda x: (math.log1p(x), 1 / (1 + x))

    def fast_log_and_share(x):
        # 2 atanh(z) with z = x / (2 + x) <= 1/2, as z times a Chebyshev fit in z^2; absolute error 2e-7.
        # Division is the slowest instruction here: one of 1 / ((1 + x) (2 + x)) serves both results.
        one_more, two_more = x + np.float32(1.0), x + np.float32(2.0)
        inverse = np.float32(1.0) / (one_more * two_more)
        z = x * one_more * inverse
        q = z * z
        p = np.float32(0.3567464053630829)
        p = p * q + np.float32(0.09997258335351944)
        p = p * q + np.float32(0.2373351752758026)
        p = p * q + np.float32(0.28432583808898926)
        p = p * q + np.float32(0.4000597894191742)
        p = p * q + np.float32(0.6666657328605652)
        p = p * q + np.float32(2.0)
        return z * p, two_more * inverse

    return fast_log_and_share
