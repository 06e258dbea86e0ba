// SPDX-License-Identifier: Apache-2.0
// resize and pack over borrowed arrays; the lock is released while they run.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "image/pack.h"
#include "image/resize.h"

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

void resize(const py::array& pixels, py::array out) {
    const auto input = borrow_pixels("pixels", pixels);
    const auto output = borrow_output_pixels("out", out);
    const py::gil_scoped_release unlocked;
    image::resize(input, output);
}

// The float32 (3, height, width) buffer that `pixels` of that size go into.
float* borrow_planes(const image::ConstPixels& pixels, py::array& out) {
    require_layout<float>("out", out);
    const bool fits = out.ndim() == 3 && out.shape(0) == kChannels &&
                      static_cast<std::size_t>(out.shape(1)) == pixels.height &&
                      static_cast<std::size_t>(out.shape(2)) == pixels.width;
    require(
        fits, "out", out,
        "float32 (3, " + std::to_string(pixels.height) + ", " + std::to_string(pixels.width) + ")");
    require_writable("out", out);
    return static_cast<float*>(out.mutable_data());
}

void pack_normalised(const py::array& pixels, py::array out, const std::array<float, 3>& mean,
                     const std::array<float, 3>& deviation, bool mirror) {
    const auto input = borrow_pixels("pixels", pixels);
    float* const output = borrow_planes(input, out);
    const py::gil_scoped_release unlocked;
    image::pack_normalised(input, output, {mean, deviation}, mirror);
}

void pack_bytes(const py::array& pixels, py::array out, bool mirror) {
    const auto input = borrow_pixels("pixels", pixels);
    const auto output = borrow_output_pixels("out", out);
    require(output.height == input.height && output.width == input.width, "out", out,
            "the size of pixels, " + describe(pixels));
    const py::gil_scoped_release unlocked;
    image::pack_bytes(input, output.data, mirror);
}

}  // namespace

void bind_image(py::module_& module) {
    module.def("resize", &resize, py::arg("pixels"), py::arg("out"));
    module.def("pack_normalised", &pack_normalised, py::arg("pixels"), py::arg("out"),
               py::arg("mean"), py::arg("deviation"), py::arg("mirror"));
    module.def("pack_bytes", &pack_bytes, py::arg("pixels"), py::arg("out"), py::arg("mirror"));
}

}  // namespace mgn::bindings
