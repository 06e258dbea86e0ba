// SPDX-License-Identifier: Apache-2.0
// What this CPU can do, asked of itself and of the operating system, never of the compiler's
// runtime: some have none, and then say no to everything. Which vector instructions the kernels
// use: the widest that this CPU has, or the level that MGN_FAST_SIMD names. Any thread.
#pragma once

#include <string>
#include <vector>

namespace mgn {

// Instructions that kernels may ask for. False where the CPU lacks them, where the operating system
// does not save the registers they need, and for those of other machines than this.
struct CpuFeatures {
    // x86-64
    bool avx2 = false;    // with FMA and F16C
    bool avx512 = false;  // F, BW, VL, VBMI and VNNI, on top of those
    bool avx512_bf16 = false;
    // AArch64, beside NEON, which every one has
    bool dotprod = false;  // SDOT and UDOT
    bool fp16 = false;     // arithmetic of halves, vectors and scalars
    bool fhm = false;      // FMLAL: products of halves, summed in float32
    bool bf16 = false;     // BFDOT and BFMMLA
    bool i8mm = false;     // products of small matrices of bytes
};

const CpuFeatures& cpu_features();

// The names of those that this CPU has, as the fields are called.
std::vector<std::string> cpu_feature_names();

enum class Simd { kScalar, kNeon, kAvx2, kAvx512 };

// The word for a level: "scalar", "neon", "avx2" or "avx512".
const char* simd_name(Simd level);

// What this CPU has, narrowest first.
const std::vector<Simd>& simd_levels();

// The level of that name. Throws InvalidInput if it is unknown or this CPU lacks it; `source` is
// what the message calls it.
Simd simd_named(const std::string& name, const char* source);

// The level in use, decided when first asked for. Throws InvalidInput, each time, if MGN_FAST_SIMD
// names no level of this CPU.
Simd simd_level();

}  // namespace mgn
