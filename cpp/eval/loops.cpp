// SPDX-License-Identifier: Apache-2.0
// Which level serves this process, and the level that every CPU has.
#include "eval/loops.h"

#include <cstring>

#include "common/cpu.h"

namespace mgn {

namespace {

struct Level {
    typedef float Vector __attribute__((vector_size(16)));
    typedef std::uint32_t Bits __attribute__((vector_size(16)));
    typedef std::uint16_t Halves __attribute__((vector_size(8)));
    typedef double Doubles __attribute__((vector_size(32)));
    using Step = Vector;
    static constexpr std::size_t kFloats = 4;
    static constexpr std::size_t kStep = kFloats;
    static constexpr std::size_t kTogether = 2;  // rows by 4 queries: 10 sums, 3 operands

    // By reference: baseline calls have no way to return so wide a vector.
    static void widen(const float* from, Doubles& to) {
        to = __builtin_convertvector(load(from), Doubles);
    }
    static void add_product(const Doubles& a, const Doubles& b, Doubles& sums) { sums += a * b; }

    static Vector zero() { return Vector{}; }
    static Vector load(const float* from) {
        Vector value;
        std::memcpy(&value, from, sizeof(value));
        return value;
    }
    // As half_to_float, four at once: where no wider level is, this one serves.
    static Step take(const float* from) { return load(from); }
    static Step take(const std::uint16_t* halves) {
        Halves four;
        std::memcpy(&four, halves, sizeof(four));
        const Bits wide = __builtin_convertvector(four, Bits);
        const Bits magnitude = (wide & 0x7FFFU) << 13;
        Vector scaled;
        std::memcpy(&scaled, &magnitude, sizeof(scaled));
        scaled *= 0x1p112F;
        Bits bits;
        std::memcpy(&bits, &scaled, sizeof(bits));
        bits |= reinterpret_cast<Bits>(magnitude >= (0x7C00U << 13)) & 0x7F800000U;
        bits |= (wide & 0x8000U) << 16;
        Vector value;
        std::memcpy(&value, &bits, sizeof(value));
        return value;
    }
    static void store(float* to, Vector value) { std::memcpy(to, &value, sizeof(value)); }
    static Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
    static float sum(Vector value) { return (value[0] + value[2]) + (value[1] + value[3]); }

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
#include "eval/scan_body.h"

namespace mgn {

const Kernels& scalar_kernels() {
    static constexpr Kernels kKernels = with_scan(comparing_kernels());
    return kKernels;
}

namespace {

const Kernels& chosen_kernels() {
    // Asked for on every machine, because it refuses a wrong MGN_FAST_SIMD.
    [[maybe_unused]] const Simd level = simd_level();
#if defined(MGN_WITH_BFLOAT16)
    const CpuFeatures& cpu = cpu_features();
    if (level == Simd::kAvx512 && cpu.avx512_bf16) return bfloat16_kernels();
    if (level == Simd::kNeon && cpu.bf16) return bfloat16_kernels();
#endif
#if defined(__x86_64__)
    if (level == Simd::kAvx512) return avx512_kernels();
    if (level == Simd::kAvx2) return avx2_kernels();
#elif defined(__aarch64__)
    if (level == Simd::kNeon) return neon_kernels();
#endif
    return scalar_kernels();
}

}  // namespace

const Kernels& kernels() {
    static const Kernels& chosen = chosen_kernels();
    return chosen;
}

}  // namespace mgn
