// SPDX-License-Identifier: Apache-2.0
// From resized RGB bytes to the tensor a model reads, written straight into the caller's buffers.
// Any thread.
#pragma once

#include "common/cpu.h"
#include "image/kernels.h"
#include "image/levels.h"
#include "image/pixels.h"

namespace mgn::image {

// Floats are normalised; uint8 is the bytes as they are.
enum class Kind { kFloat32, kFloat16, kUint8 };
// [3, height, width] or [height, width, 3].
enum class Layout { kPlanes, kPixels };
// The order of the output's channels; the picture's own is always red, green, blue.
enum class Colour { kRgb, kBgr };

struct Form {
    Kind kind;
    Layout layout;
    Colour colour;
};

// The caller's buffers, both of the same form and size; null where not wanted.
struct Outputs {
    Form form;
    void* plain;
    void* mirrored;
};

// Throws InvalidInput if any of the picture and its outputs of height x width overlap.
void require_apart(ConstPixels pixels, const Outputs& outputs, std::size_t height,
                   std::size_t width);

// Writes strips of one picture into the outputs. Borrows them. Mean and deviation are in the order
// of the outputs' channels.
class Packer {
public:
    Packer(const Outputs& outputs, std::size_t height, std::size_t width,
           const Normalisation& normalisation, Simd level);

    // `strip` starts at row `first_row` and has kReadableBehind bytes behind each row.
    void write(const Strip& strip, std::size_t first_row) const;
    // To be called after the last strip, in the same thread.
    void finish() const;

private:
    template <typename Element>
    Planes<Element> planes(std::size_t first_row) const;
    template <typename Element>
    void look_up(const Strip& strip, std::size_t first_row, const Element (&table)[3][256]) const;
    void write_with_kernel(const Strip& strip, std::size_t first_row) const;
    void write_by_lookup(const Strip& strip, std::size_t first_row) const;

    const PackKernels& kernels_;
    Outputs outputs_;
    std::size_t height_;
    std::size_t width_;
    bool stream_;
    const Levels& levels_;
};

// Writes a whole picture.
void pack(ConstPixels input, const Outputs& outputs, const Normalisation& normalisation,
          Simd level);

}  // namespace mgn::image
