// SPDX-License-Identifier: Apache-2.0
// See Note [stand-in] in the header.
#include "simulator/models/stand_in.h"

#include <cstring>

#include "common/half.h"
#include "simulator/models/data_type.h"

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

std::uint64_t word_at(const std::byte* bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

std::uint64_t splitmix64(std::uint64_t state) {
    state += 0x9E3779B97F4A7C15u;
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
    state = (state ^ (state >> 27)) * 0x94D049BB133111EBu;
    return state ^ (state >> 31);
}

float unit_value(std::uint64_t mixed) {
    return static_cast<float>(static_cast<int>(mixed >> 53) - 1024) / 1024.0f;
}

template <typename T, typename Convert>
void fill(std::byte* row, std::size_t row_bytes, std::uint64_t state, Convert convert) {
    for (std::size_t j = 0; j < row_bytes / sizeof(T); ++j) {
        const T value = convert(splitmix64(state + (j + 1) * 0xD1B54A32D192ED03u));
        std::memcpy(row + j * sizeof(T), &value, sizeof value);
    }
}

template <typename T>
T small_integer(std::uint64_t mixed) {
    return static_cast<T>(mixed >> 57);
}

void fill_row(const OutputRows& output, std::byte* row, std::uint64_t state) {
    const std::size_t bytes = output.row_bytes;
    if (output.data_type == ACL_FLOAT) {
        fill<float>(row, bytes, state, unit_value);
    } else if (output.data_type == ACL_FLOAT16) {
        fill<std::uint16_t>(row, bytes, state,
                            [](std::uint64_t u) { return float_to_half(unit_value(u)); });
    } else if (output.data_type == ACL_DOUBLE) {
        fill<double>(row, bytes, state, [](std::uint64_t u) -> double { return unit_value(u); });
    } else if (output.data_type == ACL_BOOL) {
        fill<std::uint8_t>(row, bytes, state,
                           [](std::uint64_t u) { return static_cast<std::uint8_t>(u >> 63); });
    } else if (data_type_bytes(output.data_type) == 1) {
        fill<std::uint8_t>(row, bytes, state, small_integer<std::uint8_t>);
    } else if (data_type_bytes(output.data_type) == 2) {
        fill<std::uint16_t>(row, bytes, state, small_integer<std::uint16_t>);
    } else if (data_type_bytes(output.data_type) == 4) {
        fill<std::uint32_t>(row, bytes, state, small_integer<std::uint32_t>);
    } else {
        fill<std::uint64_t>(row, bytes, state, small_integer<std::uint64_t>);
    }
}

}  // namespace

bool can_stand_in(aclDataType type) {
    switch (static_cast<int>(type)) {
        case ACL_FLOAT:
        case ACL_FLOAT16:
        case ACL_DOUBLE:
        case ACL_BOOL:
        case ACL_INT8:
        case ACL_UINT8:
        case ACL_INT16:
        case ACL_UINT16:
        case ACL_INT32:
        case ACL_UINT32:
        case ACL_INT64:
        case ACL_UINT64:
            return true;
        default:
            return false;
    }
}

std::uint64_t weighted_sum(const std::byte* bytes, std::size_t size, std::uint64_t input) {
    std::uint64_t factor = 1 + (input << 32);
    std::uint64_t sums[4] = {0, 0, 0, 0};  // independent, so that multiplications overlap
    std::size_t at = 0;
    for (; at + 32 <= size; at += 32, factor += 8) {
        sums[0] += factor * word_at(bytes + at);
        sums[1] += (factor + 2) * word_at(bytes + at + 8);
        sums[2] += (factor + 4) * word_at(bytes + at + 16);
        sums[3] += (factor + 6) * word_at(bytes + at + 24);
    }
    std::uint64_t sum = sums[0] + sums[1] + sums[2] + sums[3];
    for (; at + 8 <= size; at += 8, factor += 2) sum += factor * word_at(bytes + at);
    if (at < size) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + at, size - at);
        sum += factor * word;
    }
    return sum;
}

void stand_in(const std::vector<InputRows>& inputs, const std::vector<OutputRows>& outputs,
              std::size_t rows) {
    for (std::size_t row = 0; row < rows; ++row) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const std::size_t bytes = inputs[i].row_bytes;
            sum += weighted_sum(inputs[i].bytes + row * bytes, bytes, i);
        }
        for (std::size_t o = 0; o < outputs.size(); ++o) {
            fill_row(outputs[o], outputs[o].bytes + row * outputs[o].row_bytes,
                     sum + o * 0x9E3779B97F4A7C15u);
        }
    }
}

}  // namespace mgn::simulator
