// SPDX-License-Identifier: Apache-2.0
// Which level serves this process, and the level that every CPU has.
#include "eval/loops.h"

#include "common/cpu.h"

#if defined(MGN_WITH_BFLOAT16)
#include <cpuid.h>
#endif

namespace mgn {

namespace {

struct Level {
    template <typename Holds>
    static std::uint64_t word_of(Holds holds) {
        std::uint64_t word = 0;
        for (std::size_t j = 0; j < kWordBits; ++j) {
            word |= static_cast<std::uint64_t>(holds(j)) << j;
        }
        return word;
    }

    template <typename T>
    static std::uint64_t not_above(const T* values, T bound) {
        return word_of([=](std::size_t j) { return !(values[j] > bound); });
    }

    template <typename T>
    static std::uint64_t below(const T* values, T bound) {
        return word_of([=](std::size_t j) { return values[j] < bound; });
    }

    static std::uint64_t none_above(const float* values, const float* bounds) {
        return word_of([=](std::size_t j) { return !(values[j] > bounds[j]); });
    }

    static std::uint64_t none_below(const float* values, const float* bounds) {
        return word_of([=](std::size_t j) { return !(values[j] < bounds[j]); });
    }
};

}  // namespace

}  // namespace mgn

#include "eval/loops_body.h"

namespace mgn {

const Kernels& scalar_kernels() {
    static constexpr Kernels kKernels = comparing_kernels();
    return kKernels;
}

namespace {

#if defined(MGN_WITH_BFLOAT16)
bool has_bfloat16_products() {
    constexpr unsigned kBit = 1U << 5;  // of leaf 7.1's eax
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & kBit) != 0;
}
#endif

const Kernels& chosen_kernels() {
#if defined(MGN_WITH_BFLOAT16)
    if (simd_level() == Simd::kAvx512 && has_bfloat16_products()) return avx512_bf16_kernels();
#endif
#if defined(__x86_64__)
    if (simd_level() == Simd::kAvx512) return avx512_kernels();
    if (simd_level() == Simd::kAvx2) return avx2_kernels();
#endif
    return scalar_kernels();
}

}  // namespace

const Kernels& kernels() {
    static const Kernels& chosen = chosen_kernels();
    return chosen;
}

}  // namespace mgn
