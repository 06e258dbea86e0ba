// SPDX-License-Identifier: Apache-2.0
// A picture of any size to a model's input in one pass over rows that stay in the cache.
#pragma once

#include "image/pack.h"
#include "image/pixels.h"
#include "image/taps.h"

namespace mgn::image {

// Fills `outputs` of height x width. Throws InvalidInput on an empty side or overlapping memory.
// Any thread.
void resize_pack(ConstPixels input, std::size_t height, std::size_t width, Filter filter,
                 const Outputs& outputs, const Normalisation& normalisation, Simd level);

}  // namespace mgn::image
