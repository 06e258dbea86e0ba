// SPDX-License-Identifier: Apache-2.0
// The decision is made by what the CPU reports, so one build serves old and new machines.
#include "common/cpu.h"

#include <cstdlib>

#include "common/errors.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace mgn {
namespace {

constexpr const char* kVariable = "MGN_FAST_SIMD";

#if defined(__x86_64__)
// Not among the names that older compilers' __builtin_cpu_supports knows.
bool has_f16c() {
    unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

std::vector<Simd> find_levels() {
    std::vector<Simd> levels{Simd::kScalar};
#if defined(__aarch64__)
    levels.push_back(Simd::kNeon);
#elif defined(__x86_64__)
    // The builtin also asks whether the operating system saves the wide registers.
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c()) {
        return levels;
    }
    levels.push_back(Simd::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vnni")) {
        levels.push_back(Simd::kAvx512);
    }
#endif
    return levels;
}

Simd choose_level() {
    const char* const forced = std::getenv(kVariable);
    if (forced == nullptr || *forced == '\0') return simd_levels().back();
    return simd_named(forced, kVariable);
}

}  // namespace

const char* simd_name(Simd level) {
    switch (level) {
        case Simd::kNeon:
            return "neon";
        case Simd::kAvx2:
            return "avx2";
        case Simd::kAvx512:
            return "avx512";
        case Simd::kScalar:
            break;
    }
    return "scalar";
}

const std::vector<Simd>& simd_levels() {
    static const std::vector<Simd> levels = find_levels();
    return levels;
}

Simd simd_named(const std::string& name, const char* source) {
    std::string known;
    for (const Simd level : simd_levels()) {
        if (name == simd_name(level)) return level;
        known += (known.empty() ? "" : ", ") + std::string(simd_name(level));
    }
    throw InvalidInput(std::string(source) + " is '" + name +
                       "', expected one of this CPU's: " + known);
}

Simd simd_level() {
    static const Simd level = choose_level();
    return level;
}

}  // namespace mgn
