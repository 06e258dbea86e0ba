// SPDX-License-Identifier: Apache-2.0
// The AVX-512 level of CPUs that multiply bfloat16: two terms in every 32 bits, summed in float32.
// Runs only where kernels() found it; includes nothing that other units share.
#include "eval/level_avx512.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// A "float" of rows and columns is a pair of bfloat16 here; packing only moves them.
struct Level : Avx512Level {
    static Vector multiply_add(Vector a, Vector b, Vector c) {
        return _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
    }
};

}  // namespace

}  // namespace mgn

#include "eval/multiply_body.h"

namespace mgn {

const Kernels& bfloat16_kernels() {
    static const Kernels kKernels = [] {
        Kernels kernels = avx512_kernels();
        kernels.multiply_pairs = &multiply;
        return kernels;
    }();
    return kKernels;
}

}  // namespace mgn
