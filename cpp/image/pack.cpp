// SPDX-License-Identifier: Apache-2.0
// Layout, mirror and normalisation of a resized picture.
#include "image/pack.h"

#include <algorithm>
#include <cstring>

#include "image/scratch.h"

namespace mgn::image {
namespace {

const PackKernels& kernels_for(Simd level) {
#if defined(__x86_64__)
    if (level == Simd::kAvx512) return kPackAvx512;
    if (level == Simd::kAvx2) return kPackAvx2;
#endif
    static_cast<void>(level);
    return kPackScalar;
}

std::size_t element_bytes(Kind kind) {
    if (kind == Kind::kFloat32) return sizeof(float);
    return kind == Kind::kFloat16 ? sizeof(std::uint16_t) : 1;
}

bool on_boundary(const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % kVectorBytes == 0;
}

template <typename Element>
Element* advanced(void* data, std::size_t elements) {
    return data == nullptr ? nullptr : static_cast<Element*>(data) + elements;
}

}  // namespace

void require_apart(ConstPixels pixels, const Outputs& outputs, std::size_t height,
                   std::size_t width) {
    const std::size_t bytes = height * width * kChannels * element_bytes(outputs.kind);
    const auto check = [&](const char* name, const void* data) {
        if (data == nullptr) return;
        require_apart("pixels", pixels.data, pixels.size_bytes(), name, data, bytes);
    };
    check("plain", outputs.plain);
    check("mirrored", outputs.mirrored);
    if (outputs.plain == nullptr || outputs.mirrored == nullptr) return;
    require_apart("plain", outputs.plain, bytes, "mirrored", outputs.mirrored, bytes);
}

Packer::Packer(const Outputs& outputs, std::size_t height, std::size_t width,
               const Normalisation& normalisation, Simd level)
    : kernels_(kernels_for(level)),
      outputs_(outputs),
      height_(height),
      width_(width),
      // The batch is larger than the cache, and lines written whole need not be read before.
      stream_(on_boundary(outputs.plain) && on_boundary(outputs.mirrored) &&
              width * element_bytes(outputs.kind) % kVectorBytes == 0),
      levels_(levels_of(normalisation)) {}

template <typename Element>
Planes<Element> Packer::planes(std::size_t first_row) const {
    const std::size_t offset = first_row * width_;
    return {advanced<Element>(outputs_.plain, offset), advanced<Element>(outputs_.mirrored, offset),
            height_ * width_, stream_};
}

void Packer::write(const Strip& strip, std::size_t first_row) const {
    const std::size_t offset = first_row * width_ * kChannels;
    switch (outputs_.kind) {
        case Kind::kFloat32:
            kernels_.floats(strip, levels_, planes<float>(first_row));
            break;
        case Kind::kFloat16:
            kernels_.halves(strip, levels_, planes<std::uint16_t>(first_row));
            break;
        case Kind::kUint8:
            kernels_.bytes(strip, advanced<std::uint8_t>(outputs_.plain, offset),
                           advanced<std::uint8_t>(outputs_.mirrored, offset), stream_);
            break;
    }
}

void Packer::finish() const { kernels_.finish(); }

void pack(ConstPixels input, const Outputs& outputs, const Normalisation& normalisation,
          Simd level) {
    require_apart(input, outputs, input.height, input.width);
    const Packer packer(outputs, input.height, input.width, normalisation, level);
    const std::size_t row_bytes = input.width * kChannels;
    AlignedBytes last_rows(kStripRows * row_bytes);
    for (std::size_t y = 0; y < input.height; y += kStripRows) {
        Strip strip = {input.row(y), row_bytes, std::min(kStripRows, input.height - y),
                       input.width};
        const std::size_t end = (y + strip.rows) * row_bytes;
        if (end + kReadableBehind > input.size_bytes()) {
            std::memcpy(last_rows.data(), strip.pixels, strip.rows * row_bytes);
            strip.pixels = last_rows.data();
        }
        packer.write(strip, y);
    }
    packer.finish();
}

}  // namespace mgn::image
