// SPDX-License-Identifier: Apache-2.0
// A non-owning view of interleaved RGB bytes: height x width x 3, C order, no gap between rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "common/errors.h"

namespace mgn::image {

constexpr std::size_t kChannels = 3;

template <typename Byte>
struct Pixels {
    Byte* data = nullptr;
    std::size_t height = 0;
    std::size_t width = 0;

    std::size_t size_bytes() const { return height * width * kChannels; }
    Byte* row(std::size_t y) const { return data + y * width * kChannels; }
};

using ConstPixels = Pixels<const std::uint8_t>;
using MutablePixels = Pixels<std::uint8_t>;

// Throws InvalidInput if two blocks of memory, called `a` and `b`, share a byte.
inline void require_apart(const char* a, const void* a_data, std::size_t a_bytes, const char* b,
                          const void* b_data, std::size_t b_bytes) {
    const auto* const a_begin = static_cast<const std::uint8_t*>(a_data);
    const auto* const b_begin = static_cast<const std::uint8_t*>(b_data);
    const std::less<> before;
    if (!before(a_begin, b_begin + b_bytes) || !before(b_begin, a_begin + a_bytes)) return;
    throw InvalidInput(std::string(a) + " and " + b +
                       " share memory, expected arrays that do not overlap");
}

inline void require_not_empty(const char* name, std::size_t height, std::size_t width) {
    if (height > 0 && width > 0) return;
    throw InvalidInput(std::string(name) + " has height " + std::to_string(height) + " and width " +
                       std::to_string(width) + ", expected at least one pixel");
}

}  // namespace mgn::image
