// SPDX-License-Identifier: Apache-2.0
// From resized RGB bytes to the tensor a model reads, written straight into the caller's buffer.
// Pure functions; any thread. Input and output must not overlap.
#pragma once

#include <array>

#include "image/pixels.h"

namespace mgn::image {

// Per channel, of RGB scaled to 0..1.
struct Normalisation {
    std::array<float, kChannels> mean;
    std::array<float, kChannels> deviation;
};

// Writes float32 [3, height, width]: (x / 255 - mean) / deviation, each step rounded to float32.
void pack_normalised(ConstPixels input, float* output, const Normalisation& normalisation,
                     bool mirror);

// Writes uint8 [height, width, 3].
void pack_bytes(ConstPixels input, std::uint8_t* output, bool mirror);

}  // namespace mgn::image
