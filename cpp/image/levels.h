// SPDX-License-Identifier: Apache-2.0
// The 256 values that a channel's bytes become, in the forms that the kernels look up.
#pragma once

#include <array>

#include "image/kernels.h"
#include "image/pixels.h"

namespace mgn::image {

// Per channel, of RGB scaled to 0..1.
struct Normalisation {
    std::array<float, kChannels> mean;
    std::array<float, kChannels> deviation;
};

// (x / 255 - mean) / deviation, each step rounded to float32. The result belongs to the calling
// thread and stays as it is until that thread asks for another normalisation.
const Levels& levels_of(const Normalisation& normalisation);

}  // namespace mgn::image
