"""Products of small matrices inside the CPU kernels: what they make stays in the cache and is used up there.

A product of torch would write every cost to memory before the first one is read, and its threads go on
spinning for a while on the cores that the kernels need.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 16  # numbers of a vector: one register of AVX-512, two of AVX2
ROWS = 8 if llvm.get_host_cpu_features().get("avx512f") else 4  # as many sums as the registers hold


@intrinsic
def multiply(
    typing_context, scalars, start, row, step, vectors, place, pace, depth, target, there, down, fresh
):
    """Add the product of ROWS x depth scalars and depth vectors of WIDTH to ROWS vectors; arrays are flat.

    Args:
        scalars, start, row, step: scalar (r, k) is scalars[start + r row + k step].
        vectors, place, pace: vector k begins at vectors[place + k pace].
        depth: how many products each sum has, at least one.
        target, there, down: vector r of the sums begins at target[there + r down].
        fresh: start from zero instead of from what stands in the target.
    """

    def generate(context, builder, signature, arguments):
        data = {
            index: context.make_array(signature.args[index])(context, builder, arguments[index]).data
            for index in (0, 4, 8)
        }
        _, start, row, step, _, place, pace, depth, _, there, down, fresh = arguments
        single = signature.args[0].dtype == types.float32
        number, whole = context.get_data_type(signature.args[0].dtype), ir.IntType(64)
        vector = ir.VectorType(number, WIDTH)
        zeros, nothing = ir.Constant(vector, [0.0] * WIDTH), ir.Constant(vector, ir.Undefined)
        first_lane = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        align = context.get_abi_sizeof(number)
        name = f"llvm.fmuladd.v{WIDTH}{'f32' if single else 'f64'}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)

        def vector_at(index, offset):
            return builder.bitcast(builder.gep(data[index], [offset]), vector.as_pointer())

        targets = [vector_at(8, there)]
        for _ in range(ROWS - 1):
            there = builder.add(there, down)
            targets.append(vector_at(8, there))
        initial = [builder.select(fresh, zeros, builder.load(each, align=align)) for each in targets]

        before = builder.basic_block
        loop, done = builder.append_basic_block("product"), builder.append_basic_block("product.done")
        builder.branch(loop)
        builder.position_at_end(loop)
        counters = [builder.phi(whole) for _ in range(3)]
        sums = [builder.phi(vector) for _ in range(ROWS)]
        count, scalar_place, vector_place = counters
        factor = builder.load(vector_at(4, vector_place), align=align)
        grown, offset = [], scalar_place
        for total in sums:
            scalar = builder.insert_element(nothing, builder.load(builder.gep(data[0], [offset])), whole(0))
            spread = builder.shuffle_vector(scalar, nothing, first_lane)
            grown.append(builder.call(fused, [spread, factor, total]))
            offset = builder.add(offset, row)
        advanced = [
            builder.add(count, whole(1)),
            builder.add(scalar_place, step),
            builder.add(vector_place, pace),
        ]
        starts = [whole(0), start, place, *initial]
        for variable, begin, after in zip([*counters, *sums], starts, [*advanced, *grown], strict=True):
            variable.add_incoming(begin, before)
            variable.add_incoming(after, loop)
        builder.cbranch(builder.icmp_signed("<", advanced[0], depth), loop, done)
        builder.position_at_end(done)
        for each, total in zip(targets, grown, strict=True):
            builder.store(total, each, align=align)
        return context.get_dummy_value()

    n = types.intp
    return types.void(scalars, n, n, n, vectors, n, n, n, target, n, n, types.boolean), generate
