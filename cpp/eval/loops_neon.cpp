// SPDX-License-Identifier: Apache-2.0
// The NEON level, which every AArch64 CPU has: halves become floats by its own instruction.
#include "eval/level_neon.h"

namespace mgn {

namespace {

using Level = NeonLevel;

}  // namespace

}  // namespace mgn

#include "eval/loops_body.h"
#include "eval/multiply_body.h"
#include "eval/scan_body.h"
#include "eval/scan_packed_body.h"

namespace mgn {

const Kernels& neon_kernels() {
    static constexpr Kernels kKernels =
        with_packed_scan(with_scan(with_product(comparing_kernels())));
    return kKernels;
}

}  // namespace mgn
