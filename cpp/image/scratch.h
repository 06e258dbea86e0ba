// SPDX-License-Identifier: Apache-2.0
// Memory that the kernels may read and write in whole vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "image/kernels.h"
#include "image/pixels.h"

namespace mgn::image {

// Rows that are made and packed at a time: few enough to stay in the first-level cache, enough to
// load a kernel's tables seldom. 8 rows of 384 bytes.
constexpr std::size_t kStripRows = 8;

inline std::size_t round_up(std::size_t bytes, std::size_t step) {
    return (bytes + step - 1) / step * step;
}

// The distance between rows of scratch.
inline std::size_t scratch_stride(std::size_t width) {
    return round_up(width * kChannels + kSpareBehind, kVectorBytes);
}

// Zeroed bytes on a 64-byte boundary, with kReadableBehind more behind them.
class AlignedBytes {
public:
    explicit AlignedBytes(std::size_t bytes)
        : memory_(std::make_unique<std::uint8_t[]>(bytes + kVectorBytes + kReadableBehind)) {
        const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
        data_ = memory_.get() + (round_up(address, kVectorBytes) - address);
    }

    std::uint8_t* data() const { return data_; }

private:
    std::unique_ptr<std::uint8_t[]> memory_;
    std::uint8_t* data_;
};

}  // namespace mgn::image
