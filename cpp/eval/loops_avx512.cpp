// SPDX-License-Identifier: Apache-2.0
// The AVX-512 level. Runs only where kernels() found it; includes nothing that other units share.
#include "eval/level_avx512.h"

namespace mgn {

namespace {

using Level = Avx512Level;

}  // namespace

}  // namespace mgn

#include "eval/loops_body.h"
#include "eval/multiply_body.h"
#include "eval/scan_body.h"
#include "eval/scan_packed_body.h"

namespace mgn {

const Kernels& avx512_kernels() {
    static constexpr Kernels kKernels =
        with_packed_scan(with_scan(with_product(comparing_kernels())));
    return kKernels;
}

}  // namespace mgn
