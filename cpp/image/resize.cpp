// SPDX-License-Identifier: Apache-2.0
// Pillow's fixed-point bicubic: weights rounded to 22 bits, rows first, 8 bits in between. The rows
// that the vertical pass needs are made on demand in a ring: scratch stays small for any picture.
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "common/errors.h"

namespace mgn::image {
namespace {

// 32 bits less 8 for the pixel and 2 for the sum's head room, as in Pillow.
constexpr int kWeightBits = 32 - 8 - 2;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);
constexpr double kBicubicSupport = 2.0;

// Keys' cubic with a = -0.5. The order of operations is Pillow's, because the weights' last bits
// depend on it.
double bicubic(double x) {
    constexpr double a = -0.5;
    x = std::fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

// For each output position: the first input position and the fixed-point weights from there on.
struct Taps {
    std::vector<std::size_t> first;
    std::vector<std::size_t> count;
    std::vector<std::int32_t> weights;  // [output, stride]
    std::size_t stride = 0;

    const std::int32_t* of(std::size_t output) const { return weights.data() + output * stride; }
};

std::int32_t to_fixed_point(double weight) {
    const double scaled = weight * (1 << kWeightBits);
    return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

Taps make_taps(std::size_t input_size, std::size_t output_size) {
    const double scale = static_cast<double>(input_size) / static_cast<double>(output_size);
    const double filter_scale = std::max(scale, 1.0);  // widened when shrinking, never narrowed
    const double support = kBicubicSupport * filter_scale;
    Taps taps;
    taps.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
    taps.weights.assign(output_size * taps.stride, 0);
    std::vector<double> exact(taps.stride);
    for (std::size_t i = 0; i < output_size; ++i) {
        const double center = (static_cast<double>(i) + 0.5) * scale;
        const auto low = static_cast<long long>(center - support + 0.5);
        const auto high = static_cast<long long>(center + support + 0.5);
        const auto first = static_cast<std::size_t>(std::max(low, 0LL));
        const std::size_t last = std::min(static_cast<std::size_t>(high), input_size);
        const std::size_t count = last - first;
        double sum = 0.0;
        for (std::size_t k = 0; k < count; ++k) {
            const double offset = static_cast<double>(k + first) - center + 0.5;
            exact[k] = bicubic(offset * (1.0 / filter_scale));
            sum += exact[k];
        }
        for (std::size_t k = 0; k < count; ++k) {
            const double weight = sum != 0.0 ? exact[k] / sum : exact[k];
            taps.weights[i * taps.stride + k] = to_fixed_point(weight);
        }
        taps.first.push_back(first);
        taps.count.push_back(count);
    }
    return taps;
}

std::uint8_t to_byte(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void resize_row(const std::uint8_t* input, std::uint8_t* output, const Taps& taps) {
    for (std::size_t x = 0; x < taps.first.size(); ++x) {
        const std::int32_t* weights = taps.of(x);
        const std::uint8_t* pixel = input + taps.first[x] * kChannels;
        std::int32_t red = kHalf, green = kHalf, blue = kHalf;
        for (std::size_t k = 0; k < taps.count[x]; ++k, pixel += kChannels) {
            red += pixel[0] * weights[k];
            green += pixel[1] * weights[k];
            blue += pixel[2] * weights[k];
        }
        output[x * kChannels] = to_byte(red);
        output[x * kChannels + 1] = to_byte(green);
        output[x * kChannels + 2] = to_byte(blue);
    }
}

// Input rows scaled to the output's width, the last `capacity` of them kept.
class RowRing {
public:
    RowRing(ConstPixels input, std::size_t output_width, std::size_t capacity)
        : input_(input),
          taps_(make_taps(input.width, output_width)),
          row_bytes_(output_width * kChannels),
          capacity_(std::min(capacity, input.height)),
          rows_(capacity_ * row_bytes_) {}

    // Makes input rows up to `end` available; rows older than the ring's capacity are gone.
    void advance_to(std::size_t end) {
        for (; next_ < end; ++next_) {
            std::uint8_t* output = rows_.data() + next_ % capacity_ * row_bytes_;
            // Pillow skips a pass that would change nothing.
            if (row_bytes_ == input_.width * kChannels) {
                std::memcpy(output, input_.row(next_), row_bytes_);
            } else {
                resize_row(input_.row(next_), output, taps_);
            }
        }
    }

    const std::uint8_t* row(std::size_t y) const {
        return rows_.data() + y % capacity_ * row_bytes_;
    }

private:
    ConstPixels input_;
    Taps taps_;
    std::size_t row_bytes_;
    std::size_t capacity_;
    std::vector<std::uint8_t> rows_;
    std::size_t next_ = 0;
};

void require_not_empty(const char* name, std::size_t height, std::size_t width) {
    if (height > 0 && width > 0) return;
    throw InvalidInput(std::string(name) + " has height " + std::to_string(height) + " and width " +
                       std::to_string(width) + ", expected at least one pixel");
}

}  // namespace

void resize(ConstPixels input, MutablePixels output) {
    require_not_empty("pixels", input.height, input.width);
    require_not_empty("out", output.height, output.width);
    const Taps taps = make_taps(input.height, output.height);
    const std::size_t row_bytes = output.width * kChannels;
    RowRing ring(input, output.width, taps.stride);
    std::vector<std::int32_t> sums(row_bytes);
    for (std::size_t y = 0; y < output.height; ++y) {
        if (input.height == output.height) {
            ring.advance_to(y + 1);
            std::memcpy(output.row(y), ring.row(y), row_bytes);
            continue;
        }
        ring.advance_to(taps.first[y] + taps.count[y]);
        std::fill(sums.begin(), sums.end(), kHalf);
        for (std::size_t k = 0; k < taps.count[y]; ++k) {
            const std::uint8_t* row = ring.row(taps.first[y] + k);
            const std::int32_t weight = taps.of(y)[k];
            for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += row[i] * weight;
        }
        std::transform(sums.begin(), sums.end(), output.row(y), to_byte);
    }
}

}  // namespace mgn::image
