// SPDX-License-Identifier: Apache-2.0
// Pairs for verification. The public caller is pairs.py.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "bindings/eval_arrays.h"
#include "eval/impostors.h"
#include "eval/pairs.h"

namespace mgn::bindings {

namespace {

using Counts = py::array_t<std::int64_t>;

PairKind kind_of(const std::string& word) {
    if (word == "matches") return PairKind::kMatches;
    if (word == "impostors") return PairKind::kImpostors;
    throw InvalidInput("kind is '" + word + "', expected 'matches' or 'impostors'");
}

py::tuple count(const Pairs& pairs, const py::array& person, const py::array& camera) {
    const IdentitySpans query = borrow_identities(person, camera);
    const std::size_t size = query.person.size;
    Counts matches(static_cast<py::ssize_t>(size)), impostors(static_cast<py::ssize_t>(size));
    pairs.count(query, {matches.mutable_data(), size}, {impostors.mutable_data(), size});
    return py::make_tuple(matches, impostors);
}

void distances(const Pairs& pairs, const std::string& kind, const py::array& rows,
               const py::array& columns, const py::array& person, const py::array& camera,
               py::array out, std::size_t threads) {
    const auto left = borrow_matrix<float>("rows", rows);
    const auto right = borrow_matrix<float>("columns", columns);
    const IdentitySpans query = borrow_identities(person, camera);
    const Span<double> values = borrow_output_vector<double>("out", out);
    const PairKind which = kind_of(kind);
    {
        py::gil_scoped_release unlocked;
        pairs.distances(which, left, right, query, values, workers_of(threads));
    }
}

void add(ImpostorCounter& counter, const ScreenedArrays& block, const py::array& person,
         const py::array& camera, std::size_t threads) {
    const IdentitySpans query = borrow_identities(person, camera);
    {
        py::gil_scoped_release unlocked;
        counter.add(block.view, query, workers_of(threads));
    }
}

py::tuple sum(const ImpostorCounter& counter) {
    const std::size_t size = counter.num_thresholds();
    Counts below(static_cast<py::ssize_t>(size)), equal(static_cast<py::ssize_t>(size));
    py::array_t<double> largest(static_cast<py::ssize_t>(size + 1));
    GapCounts out{{below.mutable_data(), size},
                  {equal.mutable_data(), size},
                  {largest.mutable_data(), size + 1},
                  0.0,
                  0,
                  0};
    counter.sum(out);
    return py::make_tuple(below, equal, largest, out.smallest, out.num_smallest, out.num_settled);
}

}  // namespace

void bind_pairs(py::module_& module) {
    py::class_<Pairs>(module, "Pairs")
        .def(py::init([](const py::array& person, const py::array& camera,
                         const std::string& same_camera) {
                 return Pairs(borrow_identities(person, camera), same_camera_of(same_camera));
             }),
             py::arg("person"), py::arg("camera"), py::arg("same_camera"))
        .def("count", &count, py::arg("person"), py::arg("camera"))
        .def("distances", &distances, py::arg("kind"), py::arg("rows"), py::arg("columns"),
             py::arg("person"), py::arg("camera"), py::arg("out"), py::arg("threads"));
    py::class_<ImpostorCounter>(module, "ImpostorCounter")
        .def(py::init([](const Pairs& pairs, const py::array& thresholds) {
                 return std::make_unique<ImpostorCounter>(
                     pairs, borrow_vector<double>("thresholds", thresholds));
             }),
             py::arg("pairs"), py::arg("thresholds"), py::keep_alive<1, 2>())
        .def("add", &add, py::arg("block"), py::arg("person"), py::arg("camera"),
             py::arg("threads"))
        .def("sum", &sum);
}

}  // namespace mgn::bindings
