// SPDX-License-Identifier: Apache-2.0
// resize and pack over borrowed arrays; the lock is released while they run.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "common/cpu.h"
#include "image/pack.h"
#include "image/resize.h"
#include "image/resize_pack.h"

namespace mgn::bindings {
namespace {

using image::kChannels;

image::ConstPixels borrow_pixels(const char* name, const py::array& array) {
    require_layout<std::uint8_t>(name, array);
    require(array.ndim() == 3 && array.shape(2) == kChannels, name, array,
            "uint8 (height, width, 3)");
    return {static_cast<const std::uint8_t*>(array.data()),
            static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))};
}

image::MutablePixels borrow_output_pixels(const char* name, py::array& array) {
    const image::ConstPixels checked = borrow_pixels(name, array);
    require_writable(name, array);
    return {static_cast<std::uint8_t*>(array.mutable_data()), checked.height, checked.width};
}

Simd level_of(const std::string& simd) {
    return simd.empty() ? simd_level() : simd_named(simd, "simd");
}

// An output's kind is its dtype; anything that is no kind of output is refused.
image::Kind kind_of(const char* name, const py::array& out) {
    const py::dtype dtype = out.dtype();
    if (dtype.equal(py::dtype::of<std::uint8_t>())) return image::Kind::kUint8;
    if (dtype.equal(py::dtype::of<float>())) return image::Kind::kFloat32;
    require(dtype.equal(py::dtype("float16")), name, out, "float32, float16 or uint8");
    return image::Kind::kFloat16;
}

template <typename Value>
struct Word {
    const char* text;
    Value value;
};

constexpr Word<image::Filter> kFilters[] = {{"bicubic", image::Filter::kBicubic},
                                            {"bilinear", image::Filter::kBilinear}};
constexpr Word<image::Layout> kLayouts[] = {{"NCHW", image::Layout::kPlanes},
                                            {"NHWC", image::Layout::kPixels}};
constexpr Word<image::Colour> kColours[] = {{"RGB", image::Colour::kRgb},
                                            {"BGR", image::Colour::kBgr}};

template <typename Value, std::size_t count>
Value named(const char* name, const std::string& text, const Word<Value> (&words)[count]) {
    for (const Word<Value>& word : words) {
        if (text == word.text) return word.value;
    }
    std::string expected;
    for (const Word<Value>& word : words) {
        expected += (expected.empty() ? "'" : " or '") + std::string(word.text) + "'";
    }
    throw InvalidInput(std::string(name) + " is '" + text + "', expected " + expected);
}

void resize(const py::array& pixels, py::array out, const std::string& filter_word,
            const std::string& simd) {
    const Simd level = level_of(simd);
    const image::Filter filter = named("filter", filter_word, kFilters);
    const auto input = borrow_pixels("pixels", pixels);
    const auto output = borrow_output_pixels("out", out);
    const py::gil_scoped_release unlocked;
    image::resize(input, output, filter, level);
}

struct Size {
    py::ssize_t height;
    py::ssize_t width;
};

// The size of an output of that layout.
Size size_of(const char* name, const py::array& out, image::Layout layout) {
    constexpr auto channels = static_cast<py::ssize_t>(kChannels);
    if (layout == image::Layout::kPixels) {
        require(out.ndim() == 3 && out.shape(2) == channels, name, out, "(height, width, 3)");
        return {out.shape(0), out.shape(1)};
    }
    require(out.ndim() == 3 && out.shape(0) == channels, name, out, "(3, height, width)");
    return {out.shape(1), out.shape(2)};
}

void* borrow_output(const char* name, py::array& out) {
    const int wanted = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    require((out.flags() & wanted) == wanted, name, out, "C order, aligned");
    require_writable(name, out);
    return out.mutable_data();
}

struct Borrowed {
    image::Outputs outputs;
    Size size;
};

// One or both outputs, of one form and size.
Borrowed borrow_outputs(std::optional<py::array>& plain, std::optional<py::array>& mirrored,
                        const std::string& layout_word, const std::string& colour_word) {
    const image::Layout layout = named("layout", layout_word, kLayouts);
    const image::Colour colour = named("colour", colour_word, kColours);
    if (!plain && !mirrored) {
        throw InvalidInput("plain and mirrored are both None, expected at least one array");
    }
    const char* const name = plain ? "plain" : "mirrored";
    const py::array& some = plain ? *plain : *mirrored;
    const image::Kind kind = kind_of(name, some);
    const Size size = size_of(name, some, layout);
    if (plain && mirrored) {
        const bool alike = mirrored->dtype().equal(plain->dtype()) && mirrored->ndim() == 3 &&
                           std::equal(plain->shape(), plain->shape() + 3, mirrored->shape());
        require(alike, "mirrored", *mirrored, describe(*plain) + " as plain is");
    }
    return {{{kind, layout, colour},
             plain ? borrow_output("plain", *plain) : nullptr,
             mirrored ? borrow_output("mirrored", *mirrored) : nullptr},
            size};
}

using Statistics = std::array<float, kChannels>;

void pack(const py::array& pixels, std::optional<py::array> plain,
          std::optional<py::array> mirrored, const std::string& layout, const std::string& colour,
          float scale, const Statistics& mean, const Statistics& deviation,
          const std::string& simd) {
    const Simd level = level_of(simd);
    const auto input = borrow_pixels("pixels", pixels);
    const Borrowed to = borrow_outputs(plain, mirrored, layout, colour);
    require(pixels.shape(0) == to.size.height && pixels.shape(1) == to.size.width, "pixels", pixels,
            "the outputs' size, uint8 (" + std::to_string(to.size.height) + ", " +
                std::to_string(to.size.width) + ", 3)");
    const py::gil_scoped_release unlocked;
    image::pack(input, to.outputs, {scale, mean, deviation}, level);
}

void resize_pack(const py::array& pixels, std::optional<py::array> plain,
                 std::optional<py::array> mirrored, const std::string& layout,
                 const std::string& colour, float scale, const Statistics& mean,
                 const Statistics& deviation, const std::string& filter_word,
                 const std::string& simd) {
    const Simd level = level_of(simd);
    const image::Filter filter = named("filter", filter_word, kFilters);
    const auto input = borrow_pixels("pixels", pixels);
    const Borrowed to = borrow_outputs(plain, mirrored, layout, colour);
    const py::gil_scoped_release unlocked;
    image::resize_pack(input, static_cast<std::size_t>(to.size.height),
                       static_cast<std::size_t>(to.size.width), filter, to.outputs,
                       {scale, mean, deviation}, level);
}

std::vector<std::string> simd_level_names() {
    std::vector<std::string> names;
    for (const Simd level : simd_levels()) names.emplace_back(simd_name(level));
    return names;
}

}  // namespace

// An empty `simd` is the level in use; tests name the others.
void bind_image(py::module_& module) {
    module.def("resize", &resize, py::arg("pixels"), py::arg("out"), py::arg("filter"),
               py::arg("simd") = "");
    module.def("pack", &pack, py::arg("pixels"), py::arg("plain"), py::arg("mirrored"),
               py::arg("layout"), py::arg("colour"), py::arg("scale"), py::arg("mean"),
               py::arg("deviation"), py::arg("simd") = "");
    module.def("resize_pack", &resize_pack, py::arg("pixels"), py::arg("plain"),
               py::arg("mirrored"), py::arg("layout"), py::arg("colour"), py::arg("scale"),
               py::arg("mean"), py::arg("deviation"), py::arg("filter"), py::arg("simd") = "");
    module.def("simd_level", [] { return simd_name(simd_level()); });
    module.def("simd_levels", &simd_level_names);
    module.def("cpu_features", &cpu_feature_names);
}

}  // namespace mgn::bindings
