// SPDX-License-Identifier: Apache-2.0
// Which vector instructions the kernels use: the widest that this CPU has, or the level that
// MGN_FAST_SIMD names. Any thread.
#pragma once

#include <string>
#include <vector>

namespace mgn {

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
