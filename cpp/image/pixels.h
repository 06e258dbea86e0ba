// SPDX-License-Identifier: Apache-2.0
// A non-owning look at interleaved RGB bytes: height x width x 3, C order, no gap between rows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mgn::image {

constexpr std::size_t kChannels = 3;

template <typename Byte>
struct Pixels {
    Byte* data = nullptr;
    std::size_t height = 0;
    std::size_t width = 0;

    Byte* row(std::size_t y) const { return data + y * width * kChannels; }
};

using ConstPixels = Pixels<const std::uint8_t>;
using MutablePixels = Pixels<std::uint8_t>;

}  // namespace mgn::image
