// SPDX-License-Identifier: Apache-2.0
// Rows first, 8 bits in between, as in Pillow. The rows that the vertical pass needs are made on
// demand in a ring: scratch stays small for any picture.
#include "image/resize.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace mgn::image {
namespace {

constexpr std::int32_t kOne = 1 << kWeightBits;

const ResizeKernels& kernels_for(Simd level) {
#if defined(__x86_64__)
    if (level == Simd::kAvx512) return kResizeAvx512;
    if (level == Simd::kAvx2) return kResizeAvx2;
#elif defined(__aarch64__)
    if (level == Simd::kNeon) return kResizeNeon;
#endif
    static_cast<void>(level);
    return kResizeScalar;
}

RowTaps view_of(const Taps& taps) {
    return {taps.first.data(), taps.weights.data(), taps.stride, taps.output_size};
}

// What the last pictures of this thread needed: crops of one data set share few sizes, and making
// plans costs two fifths of a picture (10 us of 25 for 180 x 85, Zen 5). Big plans are left out, so
// a thread keeps at most 3 MB.
template <typename Plan>
class Recent {
public:
    template <typename Make>
    std::shared_ptr<const Plan> get(std::size_t input_size, std::size_t output_size, Filter filter,
                                    const void* kernels, Make make) {
        for (const Entry& entry : entries_) {
            if (entry.plan != nullptr && entry.input_size == input_size &&
                entry.output_size == output_size && entry.filter == filter &&
                entry.kernels == kernels) {
                return entry.plan;
            }
        }
        std::shared_ptr<const Plan> plan = make();
        if (input_size <= kMostInput && output_size <= kMostOutput) {
            entries_[next_++ % entries_.size()] = {input_size, output_size, filter, kernels, plan};
        }
        return plan;
    }

private:
    static constexpr std::size_t kMostInput = 1024;
    static constexpr std::size_t kMostOutput = 1024;
    struct Entry {
        std::size_t input_size = 0;
        std::size_t output_size = 0;
        Filter filter = Filter::kBicubic;
        const void* kernels = nullptr;
        std::shared_ptr<const Plan> plan;
    };
    std::array<Entry, 16> entries_;
    std::size_t next_ = 0;
};

std::shared_ptr<const RowPlan> plan_columns(std::size_t input_width, std::size_t output_width,
                                            Filter filter, const ResizeKernels& kernels) {
    thread_local Recent<RowPlan> recent;
    return recent.get(input_width, output_width, filter, &kernels, [&] {
        Taps taps = make_taps(input_width, output_width, filter);
        const RowTaps view = view_of(taps);
        AlignedBytes table(kernels.table_bytes(view));
        kernels.fill_table(view, table.data());
        return std::make_shared<const RowPlan>(RowPlan{std::move(taps), std::move(table)});
    });
}

std::shared_ptr<const Taps> plan_rows(std::size_t input_height, std::size_t output_height,
                                      Filter filter) {
    thread_local Recent<Taps> recent;
    return recent.get(input_height, output_height, filter, nullptr, [&] {
        return std::make_shared<const Taps>(make_taps(input_height, output_height, filter));
    });
}

// The tap that alone has weight, or `stride` if several do.
std::size_t only_tap(const std::int32_t* weights, std::size_t stride) {
    std::size_t only = stride;
    for (std::size_t k = 0; k < stride; ++k) {
        if (weights[k] == 0) continue;
        if (weights[k] != kOne || only != stride) return stride;
        only = k;
    }
    return only;
}

}  // namespace

RowTaps RowPlan::view() const { return view_of(taps); }

Resizer::Resizer(ConstPixels input, std::size_t output_height, std::size_t output_width,
                 Filter filter, Simd level)
    : kernels_(kernels_for(level)),
      input_((require_not_empty("pixels", input.height, input.width),
              require_not_empty("out", output_height, output_width), input)),
      same_width_(input.width == output_width),
      same_height_(input.height == output_height),
      row_bytes_(output_width * kChannels),
      stride_(scratch_stride(output_width)),
      columns_(same_width_ ? nullptr : plan_columns(input.width, output_width, filter, kernels_)),
      rows_(same_height_ ? nullptr : plan_rows(input.height, output_height, filter)),
      capacity_(same_height_ ? 1 : std::min(rows_->stride, input.height)),
      ring_(capacity_ * stride_),
      padded_row_(input.width * kChannels),
      sources_(same_height_ ? 0 : rows_->stride) {}

// The kernels read beyond a row's end; behind the last rows there is nothing to read.
const std::uint8_t* Resizer::readable_row(std::size_t y) {
    const std::size_t bytes = input_.width * kChannels;
    if ((y + 1) * bytes + kReadableBehind <= input_.size_bytes()) return input_.row(y);
    std::memcpy(padded_row_.data(), input_.row(y), bytes);
    return padded_row_.data();
}

const std::uint8_t* Resizer::ring_row(std::size_t y) const {
    return ring_.data() + y % capacity_ * stride_;
}

// Makes input rows up to `end` available; rows older than the ring's capacity are gone.
void Resizer::advance_to(std::size_t end) {
    for (; made_ < end; ++made_) {
        std::uint8_t* const output = ring_.data() + made_ % capacity_ * stride_;
        // Pillow skips a pass that would change nothing.
        if (same_width_) {
            std::memcpy(output, input_.row(made_), row_bytes_);
        } else {
            kernels_.scale_row(readable_row(made_), columns_->view(), columns_->table.data(),
                               output);
        }
    }
}

void Resizer::blend(std::size_t y, std::uint8_t* output) {
    const std::size_t first = rows_->first[y];
    const std::int32_t* weights = rows_->of(y);
    const std::size_t last = std::min(first + rows_->stride, input_.height) - 1;
    advance_to(last + 1);
    const std::size_t only = only_tap(weights, rows_->stride);
    if (only < rows_->stride) {
        std::memcpy(output, ring_row(first + only), row_bytes_);
        return;
    }
    // Taps beyond the picture have no weight; any row will do.
    for (std::size_t k = 0; k < rows_->stride; ++k) {
        sources_[k] = ring_row(std::min(first + k, last));
    }
    kernels_.blend_rows(sources_.data(), weights, rows_->stride, output,
                        round_up(row_bytes_, kVectorBytes));
}

void Resizer::next(std::uint8_t* strip, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, ++y_, strip += stride_) {
        if (same_height_) {
            advance_to(y_ + 1);
            std::memcpy(strip, ring_row(y_), row_bytes_);
        } else {
            blend(y_, strip);
        }
    }
}

void resize(ConstPixels input, MutablePixels output, Filter filter, Simd level) {
    Resizer resizer(input, output.height, output.width, filter, level);
    require_apart("pixels", input.data, input.size_bytes(), "out", output.data,
                  output.size_bytes());
    const std::size_t stride = scratch_stride(output.width);
    AlignedBytes strip(kStripRows * stride);
    for (std::size_t y = 0; y < output.height; y += kStripRows) {
        const std::size_t count = std::min(kStripRows, output.height - y);
        resizer.next(strip.data(), count);
        for (std::size_t i = 0; i < count; ++i) {
            std::memcpy(output.row(y + i), strip.data() + i * stride, output.width * kChannels);
        }
    }
}

}  // namespace mgn::image
