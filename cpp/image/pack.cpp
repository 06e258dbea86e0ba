// SPDX-License-Identifier: Apache-2.0
// Layout, mirror and normalisation of a resized picture.
#include "image/pack.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "image/scratch.h"

namespace mgn::image {
namespace {

const PackKernels& kernels_for(Simd level) {
#if defined(__x86_64__)
    if (level == Simd::kAvx512) return kPackAvx512;
    if (level == Simd::kAvx2) return kPackAvx2;
#elif defined(__aarch64__)
    if (level == Simd::kNeon) return kPackNeon;
#endif
    static_cast<void>(level);
    return kPackScalar;
}

std::size_t element_bytes(Kind kind) {
    if (kind == Kind::kFloat32) return sizeof(float);
    return kind == Kind::kFloat16 ? sizeof(std::uint16_t) : 1;
}

// The forms that most models want; the others are written element by element.
bool has_kernel(const Form& form) {
    if (form.kind != Kind::kUint8) return form.layout == Layout::kPlanes;
    return form.layout == Layout::kPixels && form.colour == Colour::kRgb;
}

// Where red, green and blue are among the output's channels.
std::array<std::size_t, kChannels> places_of(Colour colour) {
    if (colour == Colour::kBgr) return {2, 1, 0};
    return {0, 1, 2};
}

// The same for red, green and blue.
Normalisation in_order_of_pixels(const Normalisation& given, Colour colour) {
    const auto places = places_of(colour);
    Normalisation ordered = given;
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        ordered.mean[channel] = given.mean[places[channel]];
        ordered.deviation[channel] = given.deviation[places[channel]];
    }
    return ordered;
}

struct Bytes {
    std::uint8_t value[3][256];
};

constexpr Bytes make_bytes() {
    Bytes bytes = {};
    for (auto& channel : bytes.value) {
        for (std::size_t x = 0; x < 256; ++x) channel[x] = static_cast<std::uint8_t>(x);
    }
    return bytes;
}

// Bytes as they are, in the form that values are looked up.
constexpr Bytes kBytes = make_bytes();

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
    const std::size_t bytes = height * width * kChannels * element_bytes(outputs.form.kind);
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
              width * element_bytes(outputs.form.kind) % kVectorBytes == 0),
      levels_(levels_of(in_order_of_pixels(normalisation, outputs.form.colour))) {}

template <typename Element>
Planes<Element> Packer::planes(std::size_t first_row) const {
    const auto places = places_of(outputs_.form.colour);
    Planes<Element> planes = {};
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const std::size_t offset = (places[channel] * height_ + first_row) * width_;
        planes.plain[channel] = advanced<Element>(outputs_.plain, offset);
        planes.mirrored[channel] = advanced<Element>(outputs_.mirrored, offset);
    }
    planes.stream = stream_;
    return planes;
}

template <typename Element>
void Packer::look_up(const Strip& strip, std::size_t first_row,
                     const Element (&table)[3][256]) const {
    const bool in_planes = outputs_.form.layout == Layout::kPlanes;
    const std::size_t step = in_planes ? 1 : kChannels;
    const std::size_t channel_step = in_planes ? height_ * width_ : 1;
    const auto places = places_of(outputs_.form.colour);
    for (std::size_t y = 0; y < strip.rows; ++y) {
        for (std::size_t channel = 0; channel < kChannels; ++channel) {
            const std::uint8_t* from = strip.pixels + y * strip.stride + channel;
            const std::size_t begin =
                (first_row + y) * width_ * step + places[channel] * channel_step;
            auto* const plain = advanced<Element>(outputs_.plain, begin);
            auto* const last = advanced<Element>(outputs_.mirrored, begin + (width_ - 1) * step);
            for (std::size_t x = 0; x < width_; ++x) {
                const Element value = table[channel][from[x * kChannels]];
                if (plain != nullptr) plain[x * step] = value;
                if (last != nullptr) *(last - x * step) = value;
            }
        }
    }
}

void Packer::write_by_lookup(const Strip& strip, std::size_t first_row) const {
    switch (outputs_.form.kind) {
        case Kind::kFloat32:
            look_up(strip, first_row, levels_.value);
            break;
        case Kind::kFloat16:
            look_up(strip, first_row, levels_.half);
            break;
        case Kind::kUint8:
            look_up(strip, first_row, kBytes.value);
            break;
    }
}

void Packer::write_with_kernel(const Strip& strip, std::size_t first_row) const {
    const std::size_t offset = first_row * width_ * kChannels;
    switch (outputs_.form.kind) {
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

void Packer::write(const Strip& strip, std::size_t first_row) const {
    if (has_kernel(outputs_.form)) {
        write_with_kernel(strip, first_row);
    } else {
        write_by_lookup(strip, first_row);
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
