// SPDX-License-Identifier: Apache-2.0
// Pillow's fixed-point weights, in the form that the kernels read. Pure functions; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mgn::image {

// 32 bits less 8 for the pixel and 2 for the sum's head room, as in Pillow.
constexpr int kWeightBits = 32 - 8 - 2;

// Both are widened when shrinking, so that every input position counts.
enum class Filter { kBicubic, kBilinear };

// For each output position: the first input position and `stride` weights from there on. Fewer
// taps are filled up with weights of zero; positions at or beyond `input_size` have weight zero.
struct Taps {
    std::size_t input_size = 0;
    std::size_t output_size = 0;
    std::size_t stride = 0;  // a multiple of 4, at most input_size rounded up
    std::vector<std::uint32_t> first;
    std::vector<std::int32_t> weights;  // [output_size, stride]

    const std::int32_t* of(std::size_t output) const { return weights.data() + output * stride; }
};

// Both sizes must be at least 1.
Taps make_taps(std::size_t input_size, std::size_t output_size, Filter filter);

}  // namespace mgn::image
