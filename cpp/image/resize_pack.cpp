// SPDX-License-Identifier: Apache-2.0
// A strip of rows is resized, packed while it is in the first-level cache, and made again.
#include "image/resize_pack.h"

#include <algorithm>

#include "image/resize.h"

namespace mgn::image {

void resize_pack(ConstPixels input, std::size_t height, std::size_t width, Filter filter,
                 const Outputs& outputs, const Normalisation& normalisation, Simd level) {
    require_apart(input, outputs, height, width);
    Resizer resizer(input, height, width, filter, level);
    const Packer packer(outputs, height, width, normalisation, level);
    const std::size_t stride = scratch_stride(width);
    AlignedBytes strip(kStripRows * stride);
    for (std::size_t y = 0; y < height; y += kStripRows) {
        const std::size_t count = std::min(kStripRows, height - y);
        resizer.next(strip.data(), count);
        packer.write({strip.data(), stride, count, width}, y);
    }
    packer.finish();
}

}  // namespace mgn::image
