// SPDX-License-Identifier: Apache-2.0
// Resizing by Pillow's filters, equal to it in every byte at every level. Any thread.
#pragma once

#include <memory>

#include "common/cpu.h"
#include "image/kernels.h"
#include "image/pixels.h"
#include "image/scratch.h"
#include "image/taps.h"

namespace mgn::image {

// A horizontal pass between two widths: its weights, and the same as the level's kernel reads them.
struct RowPlan {
    Taps taps;
    AlignedBytes table;

    RowTaps view() const;
};

// One picture on its way to another size, row by row from the top. Borrows the picture.
class Resizer {
public:
    // Throws InvalidInput on an empty side.
    Resizer(ConstPixels input, std::size_t output_height, std::size_t output_width, Filter filter,
            Simd level);

    // Writes the next `count` rows into scratch, scratch_stride(output_width) apart.
    void next(std::uint8_t* strip, std::size_t count);

private:
    const std::uint8_t* readable_row(std::size_t y);
    void advance_to(std::size_t end);
    const std::uint8_t* ring_row(std::size_t y) const;
    void blend(std::size_t y, std::uint8_t* output);

    const ResizeKernels& kernels_;
    ConstPixels input_;
    bool same_width_;
    bool same_height_;
    std::size_t row_bytes_;
    std::size_t stride_;
    std::shared_ptr<const RowPlan> columns_;
    std::shared_ptr<const Taps> rows_;
    // Input rows scaled to the output's width, the last `capacity_` of them kept.
    std::size_t capacity_;
    AlignedBytes ring_;
    AlignedBytes padded_row_;
    std::vector<const std::uint8_t*> sources_;
    std::size_t made_ = 0;
    std::size_t y_ = 0;
};

// Fills `output` with `input` scaled to its size. Throws InvalidInput on an empty side or if they
// overlap.
void resize(ConstPixels input, MutablePixels output, Filter filter, Simd level);

}  // namespace mgn::image
