// SPDX-License-Identifier: Apache-2.0
// Rows measured and multiplied, and float32 distances with what settles them. The public callers
// are in distances.py.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <string>

#include "bindings/arrays.h"
#include "bindings/eval_arrays.h"
#include "eval/bfloat16.h"
#include "eval/multiply.h"
#include "eval/roundings.h"
#include "eval/screen.h"

namespace mgn::bindings {

namespace {

double largest_of(Span<const double> values) {
    return values.size == 0 ? 0.0 : *std::max_element(values.begin(), values.end());
}

// The dot products become distances where they are; the result borrows all arrays. Weights are
// empty arrays where they are not known, or the products are not ours.
ScreenedArrays screen_in_place(py::array dots, const py::array& rows, const py::array& columns,
                               const py::array& row_squares, const py::array& column_squares,
                               const std::string& metric, std::size_t threads,
                               const py::array& row_weights, const py::array& column_weights) {
    const Matrix<float> block = borrow_output_matrix<float>("dots", dots);
    const auto row_values = borrow_matrix<float>("rows", rows);
    const auto column_values = borrow_matrix<float>("columns", columns);
    const auto own = borrow_vector<double>("row_squares", row_squares);
    const auto other = borrow_vector<double>("column_squares", column_squares);
    require_length("rows", row_values.rows, block.rows);
    require_length("columns", column_values.rows, block.columns);
    require_length("row_squares", own.size, block.rows);
    require_length("column_squares", other.size, block.columns);
    require_length("a row of columns", column_values.columns, row_values.columns);
    const auto own_weights = borrow_vector<double>("row_weights", row_weights);
    const auto other_weights = borrow_vector<double>("column_weights", column_weights);
    const bool weighed = own_weights.size + other_weights.size > 0;
    require_length("row_weights", own_weights.size, weighed ? block.rows : 0);
    require_length("column_weights", other_weights.size, weighed ? block.columns : 0);
    const Screened view{{block.data, block.rows, block.columns},
                        row_values,
                        column_values,
                        own,
                        largest_of(other),
                        metric_of(metric),
                        own_weights,
                        largest_of(other_weights)};
    {
        py::gil_scoped_release unlocked;
        distances_from_dots(block, own, other, view.metric, threads);
    }
    return {dots, rows, columns, row_squares, row_weights, view};
}

// One number for each row: squared_lengths, rounding_weights.
template <auto kMeasure>
py::array_t<double> bound_measure(const py::array& embeddings, std::size_t threads) {
    const auto rows = borrow_matrix<float>("embeddings", embeddings);
    py::array_t<double> numbers(static_cast<py::ssize_t>(rows.rows));
    const Span<double> out{numbers.mutable_data(), rows.rows};
    {
        py::gil_scoped_release unlocked;
        kMeasure(rows, out, threads);
    }
    return numbers;
}

py::tuple bound_to_bfloat16(const py::array& embeddings, std::size_t threads) {
    const auto rows = borrow_matrix<float>("embeddings", embeddings);
    const auto columns = static_cast<py::ssize_t>(pairs_for(rows.columns));
    const auto count = static_cast<py::ssize_t>(rows.rows);
    py::array_t<float> pairs({count, columns});
    py::array_t<double> residuals(count);
    const Matrix<float> out{pairs.mutable_data(), rows.rows, pairs_for(rows.columns)};
    const Span<double> lost{residuals.mutable_data(), rows.rows};
    {
        py::gil_scoped_release unlocked;
        to_bfloat16(rows, out, lost, threads);
    }
    return py::make_tuple(pairs, residuals);
}

// How two sets are multiplied: float32 rows, or what to_bfloat16 made of them.
template <auto kMultiply>
void bound_multiply(const py::array& rows, const py::array& columns, py::array out,
                    Scratch& scratch, std::size_t threads) {
    const auto left = borrow_matrix<float>("rows", rows);
    const auto right = borrow_matrix<float>("columns", columns);
    const Matrix<float> products = borrow_output_matrix<float>("out", out);
    {
        py::gil_scoped_release unlocked;
        kMultiply(left, right, products, scratch, workers_of(threads));
    }
}

void bound_distances_from_dots(py::array dots, const py::array& row_squares,
                               const py::array& column_squares, const std::string& metric,
                               std::size_t threads) {
    const Matrix<float> block = borrow_output_matrix<float>("dots", dots);
    const auto own = borrow_vector<double>("row_squares", row_squares);
    const auto other = borrow_vector<double>("column_squares", column_squares);
    require_length("row_squares", own.size, block.rows);
    require_length("column_squares", other.size, block.columns);
    const Metric units = metric_of(metric);
    {
        py::gil_scoped_release unlocked;
        distances_from_dots(block, own, other, units, threads);
    }
}

void bound_exact_distances(const py::array& rows, const py::array& columns, py::array out,
                           const std::string& metric, std::size_t threads) {
    const auto left = borrow_matrix<float>("rows", rows);
    const auto right = borrow_matrix<float>("columns", columns);
    const Matrix<float> distances = borrow_output_matrix<float>("out", out);
    require_length("a row of columns", right.columns, left.columns);
    require_length("out", distances.rows, left.rows);
    require_length("a row of out", distances.columns, right.rows);
    const Metric units = metric_of(metric);
    {
        py::gil_scoped_release unlocked;
        exact_distances(left, right, distances, units, workers_of(threads));
    }
}

}  // namespace

void bind_screen(py::module_& module) {
    module.def("squared_lengths", &bound_measure<&squared_lengths>, py::arg("embeddings"),
               py::arg("threads"));
    module.def("rounding_weights", &bound_measure<&rounding_weights>, py::arg("embeddings"),
               py::arg("threads"));
    module.def("has_product", &has_product);
    py::class_<Scratch>(module, "Scratch").def(py::init<>());
    module.def("multiply", &bound_multiply<&multiply>, py::arg("rows"), py::arg("columns"),
               py::arg("out"), py::arg("scratch"), py::arg("threads"));
    module.def("has_bfloat16_product", &has_bfloat16_product);
    module.def("to_bfloat16", &bound_to_bfloat16, py::arg("embeddings"), py::arg("threads"));
    module.def("multiply_bfloat16", &bound_multiply<&multiply_bfloat16>, py::arg("rows"),
               py::arg("columns"), py::arg("out"), py::arg("scratch"), py::arg("threads"));
    module.def("distances_from_dots", &bound_distances_from_dots, py::arg("dots"),
               py::arg("row_squares"), py::arg("column_squares"), py::arg("metric"),
               py::arg("threads"));
    module.def("exact_distances", &bound_exact_distances, py::arg("rows"), py::arg("columns"),
               py::arg("out"), py::arg("metric"), py::arg("threads"));
    module.def(
        "product_scratch_bytes",
        [](std::size_t width) { return scratch_elements(width) * sizeof(float); },
        py::arg("width"));
    py::class_<ScreenedArrays>(module, "Screened")
        .def(
            "margin",
            [](const ScreenedArrays& self, std::size_t row) {
                if (row < self.view.values.rows) return self.view.margin(row);
                throw InvalidInput("row is " + std::to_string(row) + ", expected less than " +
                                   std::to_string(self.view.values.rows));
            },
            py::arg("row"));
    const py::array_t<double> empty(0);
    module.def("screen_in_place", &screen_in_place, py::arg("dots"), py::arg("rows"),
               py::arg("columns"), py::arg("row_squares"), py::arg("column_squares"),
               py::arg("metric"), py::arg("threads"), py::arg("row_weights") = empty,
               py::arg("column_weights") = empty);
}

}  // namespace mgn::bindings
