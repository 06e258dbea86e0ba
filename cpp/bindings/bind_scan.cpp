// SPDX-License-Identifier: Apache-2.0
// The scan of scan.h. Segments are borrowed for the length of the call, by references of its own:
// the caller's list may change meanwhile.
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "bindings/eval_arrays.h"
#include "eval/scan.h"

namespace mgn::bindings {

namespace {

struct Kind {
    py::dtype dtype;
    std::size_t width;
};

bool fits(py::handle segment, const Kind& kind) {
    if (!py::isinstance<py::array>(segment)) return false;
    const auto array = py::reinterpret_borrow<py::array>(segment);
    return has_layout(array, kind.dtype) && array.ndim() == 2 &&
           static_cast<std::size_t>(array.shape(1)) == kind.width;
}

// What is wrong with a segment that does not fit. Apart from `fits`, because there may be thousands
// and nothing of a message should be made for those that do.
[[noreturn]] void refuse(const std::string& name, py::handle segment, const Kind& kind) {
    if (!py::isinstance<py::array>(segment)) {
        throw InvalidInput(name + " is a " + Py_TYPE(segment.ptr())->tp_name +
                           ", expected an array");
    }
    const auto array = py::reinterpret_borrow<py::array>(segment);
    require_layout(name.c_str(), array, kind.dtype);
    throw InvalidInput(name + " is " + describe(array) + ", expected two dimensions, " +
                       std::to_string(kind.width) + " wide");
}

// The first segment says of which dtype all are.
Kind kind_of(const py::tuple& arrays, std::size_t width) {
    const Kind halves{py::dtype("float16"), width};
    if (arrays.empty() || !py::isinstance<py::array>(arrays[0])) return halves;
    const auto first = py::reinterpret_borrow<py::array>(arrays[0]);
    const Kind floats{py::dtype::of<float>(), width};
    if (first.dtype().equal(floats.dtype)) return floats;
    require(first.dtype().equal(halves.dtype), "segments[0]", first, "float16 or float32");
    return halves;
}

Segments borrow_segments(const py::tuple& arrays, std::size_t width) {
    const Kind kind = kind_of(arrays, width);
    Segments segments;
    segments.element = kind.dtype.itemsize() == 2 ? Element::kHalf : Element::kFloat;
    segments.width = width;
    segments.pieces.reserve(arrays.size());
    for (std::size_t i = 0; i < arrays.size(); ++i) {
        const py::handle segment = PyTuple_GET_ITEM(arrays.ptr(), static_cast<Py_ssize_t>(i));
        if (!fits(segment, kind)) refuse("segments[" + std::to_string(i) + "]", segment, kind);
        const auto array = py::reinterpret_borrow<py::array>(segment);
        segments.pieces.push_back({array.data(), static_cast<std::size_t>(array.shape(0))});
    }
    return segments;
}

void bound_scan_nearest(const py::array& queries, const py::list& segments, std::size_t first_row,
                        py::array rows, py::array distances, std::size_t threads) {
    const py::tuple held(segments);
    const auto values = borrow_matrix<float>("queries", queries);
    const Segments pieces = borrow_segments(held, values.columns);
    const Nearest lists{borrow_output_matrix<std::int32_t>("rows", rows),
                        borrow_output_matrix<double>("distances", distances)};
    require_length("rows", lists.columns.rows, values.rows);
    require_length("distances", lists.distances.rows, values.rows);
    require_length("a row of distances", lists.distances.columns, lists.columns.columns);
    require(lists.columns.columns > 0, "rows", rows, "one column or more");
    {
        py::gil_scoped_release unlocked;
        scan_nearest(values, pieces, first_row, lists, workers_of(threads));
    }
}

}  // namespace

void bind_scan(py::module_& module) {
    module.def("scan_nearest", &bound_scan_nearest, py::arg("queries"), py::arg("segments"),
               py::arg("first_row"), py::arg("rows"), py::arg("distances"), py::arg("threads"));
}

}  // namespace mgn::bindings
