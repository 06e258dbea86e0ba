// SPDX-License-Identifier: Apache-2.0
// The NEON level of CPUs that multiply bfloat16: two terms in every 32 bits, summed in float32.
// Runs only where kernels() found it; includes nothing that other units share. How BFDOT rounds is
// told, and bounded, in bfloat16.cpp. BFMMLA would do twice as much at once but wants other tiles.
#include "eval/level_neon.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// A "float" of rows and columns is a pair of bfloat16 here; packing only moves them.
struct Level : NeonLevel {
    static Vector multiply_add(Vector a, Vector b, Vector c) {
        return vbfdotq_f32(c, vreinterpretq_bf16_f32(a), vreinterpretq_bf16_f32(b));
    }
    template <int kLane>
    static Vector multiply_add_lane(Vector row, Vector b, Vector c) {
        return vbfdotq_laneq_f32(c, vreinterpretq_bf16_f32(b), vreinterpretq_bf16_f32(row), kLane);
    }
};

}  // namespace

}  // namespace mgn

#include "eval/multiply_body.h"

namespace mgn {

const Kernels& bfloat16_kernels() {
    static const Kernels kKernels = [] {
        Kernels kernels = neon_kernels();
        kernels.multiply_pairs = &multiply;
        return kernels;
    }();
    return kKernels;
}

}  // namespace mgn
