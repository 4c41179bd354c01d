"""Arithmetic of the CPU kernels in a form that LLVM turns into vector instructions.

A soft-DTW cell holds Z = exp(-R / γ) as a mantissa in [1, 2) and an exponent that counts bits of cost:
Z = m · 2^-e, e an integer held in a float. Adding neighbours is then a shift of exponent bits, multiplying by
exp(-C / γ) takes one power of two that waits for no neighbour, and no logarithm is needed before the end.
Neither overflows where R does not, and neighbours are compared to the last bit however far R has grown.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

LANES = 32
U = np.uintp  # unsigned indices spare the wrap-around test that would keep LLVM from vectorising
STRIDE = np.uintp(LANES)
# Contracting a multiplication and an addition rounds once instead of twice; no other licence is taken.
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": {"contract"}, "error_model": "numpy"}

# A term this many bits below its neighbour is lost beside it; a weight times a flow of this size is still no
# denormal number, which would cost a hundred cycles.
_MOST_BITS = 60
LEAST_FLOW = 2.0**-60


def gain_of(gamma: float, dtype: np.dtype) -> Any:
    """1 / (γ ln 2) in the given type: the bits of Z that one unit of cost takes."""
    return dtype.type(1 / (gamma * math.log(2)))


def one_like(array: np.ndarray) -> Any:
    """1 in the type of the array: a bare literal would widen float32 arithmetic to float64."""
    return array.dtype.type(1)


@overload(one_like)
def _one_like_overload(array):
    value = np.float32(1) if array.dtype == types.float32 else np.float64(1)
    return lambda array: value


@intrinsic
def multiply_add(typing_context, a, b, c):
    """a b + c, rounded once where the processor can; unlike a b it is never shared with another term."""

    def generate(context, builder, signature, arguments):
        kind = arguments[0].type
        name = "llvm.fmuladd.f32" if signature.return_type == types.float32 else "llvm.fmuladd.f64"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return builder.call(function, arguments)

    return a(a, a, a), generate


def power(gain: float, cost: float, base: float) -> tuple[float, float]:
    """(n, p) with 2^-(gain · cost + base) = p · 2^-n, n whole and p within [2^-½, 2^½]."""
    bits = gain * cost + base
    return np.rint(bits), 2.0 ** (np.rint(bits) - bits)


@overload(power)
def _power_overload(gain, cost, base):
    if gain != types.float32:

        def exact_power(gain, cost, base):
            n = np.rint(multiply_add(gain, cost, base))
            return n, np.exp2(-min(max(multiply_add(gain, cost, base - n), -0.5), 0.5))

        return exact_power

    def fast_power(gain, cost, base):
        # A minimax polynomial (Remez) with p(0) = 1: relative error 1e-7. Where the number of bits is beyond
        # float32's whole numbers its fraction is unknown, and is clamped.
        n = np.rint(multiply_add(gain, cost, base))
        r = min(max(multiply_add(gain, cost, base - n), np.float32(-0.5)), np.float32(0.5))
        p = np.float32(-0.0013276471979471822)
        p = p * r + np.float32(0.009675541334218652)
        p = p * r + np.float32(-0.055507132735426214)
        p = p * r + np.float32(0.240221197238484)
        p = p * r + np.float32(-0.6931469670647331)
        return n, p * r + np.float32(1.0)

    return fast_power


def shift(least: float, bits: float) -> float:
    """2^(least - bits) for bits >= least, both whole; 2^-60 where it would be less."""
    return 2.0 ** max(least - bits, -_MOST_BITS)


@overload(shift)
def _shift_overload(least, bits):
    # Adding a number whose last bit counts one leaves the exponent field in the lowest bits; shift it there.
    if least != types.float32:

        def wide_shift(least, bits):
            field = max(least - bits, -60.0) + (6755399441055744.0 + 1023.0)
            return np.int64(np.float64(field).view(np.int64) << np.int64(52)).view(np.float64)

        return wide_shift

    def narrow_shift(least, bits):
        field = max(least - bits, np.float32(-60.0)) + np.float32(12582912.0 + 127.0)
        return np.int32(np.float32(field).view(np.int32) << np.int32(23)).view(np.float32)

    return narrow_shift


def normalise(z: float) -> tuple[float, float]:
    """(mantissa in [1, 2), exponent) of a normal number above zero."""
    mantissa, exponent = np.frexp(z)
    return float(2 * mantissa), float(exponent - 1)


@overload(normalise)
def _normalise_overload(z):
    if z != types.float32:

        def wide_normalise(z):
            word = np.float64(z).view(np.int64)
            mantissa = np.int64((word & np.int64(0xFFFFFFFFFFFFF)) | np.int64(0x3FF0000000000000))
            return mantissa.view(np.float64), np.float64(word >> np.int64(52)) - 1023.0

        return wide_normalise

    def narrow_normalise(z):
        word = np.float32(z).view(np.int32)
        mantissa = np.int32((word & np.int32(0x7FFFFF)) | np.int32(0x3F800000))
        exponent = np.float32(np.int32(word >> np.int32(23))) - np.float32(127.0)
        return mantissa.view(np.float32), exponent

    return narrow_normalise


@intrinsic
def transpose(typing_context, source, start, stride, target, place, step, check):
    """Write eight rows of eight numbers of one flat array as eight columns of another.

    Args:
        source, start, stride: row r begins at source[start + r stride].
        target, place, step: column c goes to target[place + c step].
        check: eight numbers; each becomes NaN when a number that is not finite passed.
    """

    def generate(context, builder, signature, arguments):
        arrays = {
            index: context.make_array(signature.args[index])(context, builder, arguments[index])
            for index in (0, 3, 6)
        }
        eight = ir.VectorType(context.get_data_type(signature.args[0].dtype), 8)

        def pointer(index, offset):
            return builder.bitcast(builder.gep(arrays[index].data, [offset]), eight.as_pointer())

        def places(base, between):
            here = base
            for _ in range(8):
                yield here
                here = builder.add(here, between)

        width = context.get_abi_sizeof(eight.element)
        rows = [
            builder.load(pointer(0, offset), align=width) for offset in places(arguments[1], arguments[2])
        ]
        sentinel = pointer(6, ir.Constant(ir.IntType(64), 0))
        checked = builder.load(sentinel, align=width)
        for row in rows:
            checked = builder.fadd(checked, builder.fsub(row, row))
        builder.store(checked, sentinel, align=width)
        for distance in (1, 2, 4):
            even = [i if not i & distance else i + 8 - distance for i in range(8)]
            odd = [i + distance if not i & distance else i + 8 for i in range(8)]
            for r in range(8):
                if not r & distance:
                    pair = rows[r], rows[r + distance]
                    for where, picks in ((r, even), (r + distance, odd)):
                        mask = ir.Constant(ir.VectorType(ir.IntType(32), 8), picks)
                        rows[where] = builder.shuffle_vector(*pair, mask)
        for row, offset in zip(rows, places(arguments[4], arguments[5]), strict=True):
            builder.store(row, pointer(3, offset), align=width)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(source, whole, whole, target, whole, whole, check), generate


@intrinsic
def retreat(typing_context, weights, upper, lefter, line, here, above, left, corner, flow, cell, seeds):
    """One cell of the backward pass for every lane: hand what arrived on to the three neighbours.

    Written out in vectors: LLVM unrolls a loop as short as this one before it looks for them.

    Args:
        weights, upper, lefter: shares of the upper and the left neighbour; the rest goes to the corner.
        line, here, above, left, corner: flows; `here` is read, `above` and `left` grow, `corner` is set.
        flow, cell: gets the flow here times the seeds.
        seeds: (LANES,).
    """

    def generate(context, builder, signature, arguments):
        arrays = {
            index: context.make_array(signature.args[index])(context, builder, arguments[index]).data
            for index in (0, 3, 8, 10)
        }
        _, upper, lefter, _, here, above, left, corner, _, cell, _ = arguments
        number = context.get_data_type(signature.args[0].dtype)
        vector = ir.VectorType(number, LANES)
        align = context.get_abi_sizeof(number)

        def at(index, offset):
            return builder.bitcast(builder.gep(arrays[index], [offset]), vector.as_pointer())

        def load(index, offset):
            return builder.load(at(index, offset), align=align)

        arrived = load(3, here)
        enough = builder.fcmp_ordered(">", arrived, ir.Constant(vector, [LEAST_FLOW] * LANES))
        arrived = builder.select(enough, arrived, ir.Constant(vector, [0.0] * LANES))
        builder.store(builder.fmul(arrived, load(10, ir.IntType(64)(0))), at(8, cell), align=align)
        to_upper, to_left = (builder.fmul(arrived, load(0, offset)) for offset in (upper, lefter))
        builder.store(builder.fadd(load(3, above), to_upper), at(3, above), align=align)
        builder.store(builder.fadd(load(3, left), to_left), at(3, left), align=align)
        rest = builder.fsub(builder.fsub(arrived, to_upper), to_left)
        builder.store(rest, at(3, corner), align=align)
        return context.get_dummy_value()

    n = types.intp
    return types.void(weights, n, n, line, n, n, n, n, flow, n, seeds), generate
