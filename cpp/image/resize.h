// SPDX-License-Identifier: Apache-2.0
// Bicubic resize, equal to Pillow's in every byte. Pure functions; any thread.
#pragma once

#include "image/pixels.h"

namespace mgn::image {

// Fills `output` with `input` scaled to its size. Both must have at least one pixel, and they must
// not overlap. Throws InvalidInput on an empty side; allocates a few rows of scratch.
void resize(ConstPixels input, MutablePixels output);

}  // namespace mgn::image
