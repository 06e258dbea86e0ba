// SPDX-License-Identifier: Apache-2.0
// What static AIPP makes of a picture, in the half-precision steps of the real unit. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulator/models/om_file.h"

namespace mgn::simulator {

// `images` pictures of uint8 H, W, 3 to 3, H, W: (half(x) - half(min)) * half(var_reci), each step
// rounded to half and then widened. Grows `out` where needed.
void apply_static_aipp(const StaticAipp& aipp, const std::byte* pixels, std::size_t images,
                       std::vector<float>& out);

}  // namespace mgn::simulator
