// SPDX-License-Identifier: Apache-2.0
// The decision is made by what the CPU reports, so one build serves old and new machines.
#include "common/cpu.h"

#include <cstdlib>

#include "common/errors.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace mgn {
namespace {

constexpr const char* kVariable = "MGN_FAST_SIMD";

[[maybe_unused]] constexpr bool all_set(unsigned long word, unsigned long bits) {
    return (word & bits) == bits;
}

#if defined(__x86_64__)

// Where XGETBV may be asked: registers whose contents the operating system keeps.
unsigned long saved_registers() {
    unsigned low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<unsigned long>(high) << 32) | low;
}

CpuFeatures find_features() {
    // Bits of leaf 1 (ecx), leaf 7.0 (ebx and ecx), leaf 7.1 (eax), and of XCR0.
    constexpr unsigned long kOsxsave = 1UL << 27, kAvx = 1UL << 28;
    constexpr unsigned long kFma = 1UL << 12, kF16c = 1UL << 29;
    constexpr unsigned long kAvx2 = 1UL << 5;
    constexpr unsigned long kF = 1UL << 16, kBw = 1UL << 30, kVl = 1UL << 31;
    constexpr unsigned long kVbmi = 1UL << 1, kVnni = 1UL << 11;
    constexpr unsigned long kBf16 = 1UL << 5;
    constexpr unsigned long kXmmYmm = 0x06, kOpmaskZmm = 0xE0;

    CpuFeatures found;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return found;
    if (!all_set(ecx, kOsxsave | kAvx | kFma | kF16c)) return found;
    const unsigned long saved = saved_registers();
    if (!all_set(saved, kXmmYmm)) return found;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return found;
    const unsigned last_part = eax;
    found.avx2 = all_set(ebx, kAvx2);
    found.avx512 = found.avx2 && all_set(saved, kOpmaskZmm) && all_set(ebx, kF | kBw | kVl) &&
                   all_set(ecx, kVbmi | kVnni);
    if (last_part == 0 || __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) == 0) return found;
    found.avx512_bf16 = found.avx512 && all_set(eax, kBf16);
    return found;
}

#elif defined(__aarch64__)

CpuFeatures find_features() {
    // Linux's bits of AT_HWCAP and AT_HWCAP2, by number: older headers do not name them all.
    constexpr unsigned long kFphp = 1UL << 9, kAsimdhp = 1UL << 10;
    constexpr unsigned long kAsimddp = 1UL << 20, kAsimdfhm = 1UL << 23;
    constexpr unsigned long kI8mm = 1UL << 13, kBf16 = 1UL << 14;

    const unsigned long first = getauxval(AT_HWCAP);
    const unsigned long second = getauxval(AT_HWCAP2);
    CpuFeatures found;
    found.dotprod = all_set(first, kAsimddp);
    found.fp16 = all_set(first, kFphp | kAsimdhp);
    found.fhm = all_set(first, kAsimdfhm);
    found.bf16 = all_set(second, kBf16);
    found.i8mm = all_set(second, kI8mm);
    return found;
}

#else

CpuFeatures find_features() { return {}; }

#endif

std::vector<Simd> find_levels() {
    std::vector<Simd> levels{Simd::kScalar};
#if defined(__aarch64__)
    levels.push_back(Simd::kNeon);
#endif
    if (cpu_features().avx2) levels.push_back(Simd::kAvx2);
    if (cpu_features().avx512) levels.push_back(Simd::kAvx512);
    return levels;
}

Simd choose_level() {
    const char* const forced = std::getenv(kVariable);
    if (forced == nullptr || *forced == '\0') return simd_levels().back();
    return simd_named(forced, kVariable);
}

}  // namespace

const CpuFeatures& cpu_features() {
    static const CpuFeatures features = find_features();
    return features;
}

std::vector<std::string> cpu_feature_names() {
    constexpr struct {
        const char* name;
        bool CpuFeatures::* has;
    } kFeatures[] = {{"avx2", &CpuFeatures::avx2},
                     {"avx512", &CpuFeatures::avx512},
                     {"avx512_bf16", &CpuFeatures::avx512_bf16},
                     {"dotprod", &CpuFeatures::dotprod},
                     {"fp16", &CpuFeatures::fp16},
                     {"fhm", &CpuFeatures::fhm},
                     {"bf16", &CpuFeatures::bf16},
                     {"i8mm", &CpuFeatures::i8mm}};
    std::vector<std::string> names;
    for (const auto& feature : kFeatures) {
        if (cpu_features().*feature.has) names.emplace_back(feature.name);
    }
    return names;
}

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
