// SPDX-License-Identifier: Apache-2.0
// The 256 values that a channel's bytes become, in the forms that the kernels look up.
#pragma once

#include <array>

#include "image/kernels.h"
#include "image/pixels.h"

namespace mgn::image {

// Of a byte x: (x / scale - mean) / deviation, the last two per channel.
struct Normalisation {
    float scale;
    std::array<float, kChannels> mean;
    std::array<float, kChannels> deviation;
};

// The values of red, green and blue, each step rounded to float32. The result belongs to the
// calling thread and stays as it is until that thread asks for another normalisation. Throws
// InvalidInput unless the scale is finite and above 0.
const Levels& levels_of(const Normalisation& normalisation);

}  // namespace mgn::image
