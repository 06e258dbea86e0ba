// SPDX-License-Identifier: Apache-2.0
// The deterministic stand-in for a network: cheap, exact in half precision, and every bit of a row
// changes it. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "acl/acl.h"

namespace mgn::simulator {

// Note [stand-in]
// Row r of input i has the bytes [r * row_bytes, (r + 1) * row_bytes), taken as little-endian words
// w_k of 64 bits, the last one padded with zeros. Modulo 2^64:
//   s = sum over i and k of (2k + 1 + 2^32 i) w_k
//   u(o, j) = splitmix64(s + o * 0x9E3779B97F4A7C15 + (j + 1) * 0xD1B54A32D192ED03)
// for element j of the row of output o, where splitmix64 adds 0x9E3779B97F4A7C15 and mixes. A
// floating type gets (u >> 53) / 1024 - 1, which lies in [-1, 1) and is exact in half precision;
// a BOOL gets u >> 63, another integer u >> 57.

struct InputRows {
    const std::byte* bytes = nullptr;
    std::size_t row_bytes = 0;
};

struct OutputRows {
    std::byte* bytes = nullptr;
    std::size_t row_bytes = 0;
    acl::aclDataType data_type = acl::ACL_FLOAT;
};

// Whether the stand-in can fill outputs of that type.
bool can_stand_in(acl::aclDataType type);

// Fills the first `rows` rows of every output.
void stand_in(const std::vector<InputRows>& inputs, const std::vector<OutputRows>& outputs,
              std::size_t rows);

// The sum s of one input with one row; also the checksum of weights in device memory, because
// changing any one word changes it.
std::uint64_t weighted_sum(const std::byte* bytes, std::size_t size, std::uint64_t input);

}  // namespace mgn::simulator
