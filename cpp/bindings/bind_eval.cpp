// SPDX-License-Identifier: Apache-2.0
// The evaluation kernels. Objects that keep arrays hold a reference to each for as long as they
// live. The public callers are measure.py, reranking.py and distances.py.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/eval_arrays.h"
#include "eval/bfloat16.h"
#include "eval/multiply.h"
#include "eval/neighbours.h"
#include "eval/ranking.h"
#include "eval/rerank.h"
#include "eval/screen.h"
#include "eval/topk.h"

namespace mgn::bindings {

namespace {

Metric metric_of(const std::string& word) {
    if (word == "squared_distance") return Metric::kSquaredDistance;
    if (word == "unit_rows") return Metric::kUnitRows;
    throw InvalidInput("metric is '" + word + "', expected 'squared_distance' or 'unit_rows'");
}

// The dot products become distances where they are; the result borrows all but the last array.
ScreenedArrays screen_in_place(py::array dots, const py::array& rows, const py::array& columns,
                               const py::array& row_squares, const py::array& column_squares,
                               const std::string& metric, std::size_t threads) {
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
    const double largest = other.size == 0 ? 0.0 : *std::max_element(other.begin(), other.end());
    const Screened view{{block.data, block.rows, block.columns},
                        row_values,
                        column_values,
                        own,
                        largest,
                        metric_of(metric)};
    {
        py::gil_scoped_release unlocked;
        distances_from_dots(block, own, other, view.metric, threads);
    }
    return {dots, rows, columns, row_squares, view};
}

py::array_t<double> bound_squared_lengths(const py::array& embeddings, std::size_t threads) {
    const auto rows = borrow_matrix<float>("embeddings", embeddings);
    py::array_t<double> squares(static_cast<py::ssize_t>(rows.rows));
    const Span<double> out{squares.mutable_data(), rows.rows};
    {
        py::gil_scoped_release unlocked;
        squared_lengths(rows, out, threads);
    }
    return squares;
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

void bound_merge_nearest(const ScreenedArrays& block, std::size_t first_column, py::array columns,
                         py::array distances, std::size_t threads) {
    const Nearest lists{borrow_output_matrix<std::int32_t>("columns", columns),
                        borrow_output_matrix<double>("distances", distances)};
    require_length("columns", lists.columns.rows, block.view.values.rows);
    require_length("distances", lists.distances.rows, block.view.values.rows);
    require_length("a row of distances", lists.distances.columns, lists.columns.columns);
    require(lists.columns.columns > 0, "columns", columns, "one column or more");
    {
        py::gil_scoped_release unlocked;
        merge_nearest(block.view, first_column, lists, workers_of(threads));
    }
}

template <typename T>
py::tuple rank_matrix(const Ranker& ranker, const py::array& distances, IdentitySpans query,
                      std::size_t threads) {
    const auto rows = borrow_matrix<T>("distances", distances);
    ResultArrays results(rows.rows);
    {
        py::gil_scoped_release unlocked;
        ranker.rank_distances(rows, query, results.view, workers_of(threads));
    }
    return results.to_tuple();
}

py::tuple rank_distances(const Ranker& ranker, const py::array& distances, const py::array& person,
                         const py::array& camera, std::size_t threads) {
    const IdentitySpans query = borrow_identities(person, camera);
    if (distances.dtype().equal(py::dtype::of<double>())) {
        return rank_matrix<double>(ranker, distances, query, threads);
    }
    return rank_matrix<float>(ranker, distances, query, threads);
}

py::tuple rank_screened(const Ranker& ranker, const ScreenedArrays& block, const py::array& person,
                        const py::array& camera, std::size_t threads) {
    const IdentitySpans query = borrow_identities(person, camera);
    ResultArrays results(block.view.values.rows);
    {
        py::gil_scoped_release unlocked;
        ranker.rank_screened(block.view, query, results.view, workers_of(threads));
    }
    return results.to_tuple();
}

// All pictures' arrays, and the lists that are views of them.
struct NeighboursArrays {
    py::array query, gallery, query_squares, gallery_squares, query_residuals, gallery_residuals;
    Neighbours lists;
};

// Residuals are empty arrays where no block is of bfloat16.
NeighboursArrays neighbours(const py::array& query, const py::array& gallery,
                            const py::array& query_squares, const py::array& gallery_squares,
                            const py::array& query_residuals, const py::array& gallery_residuals,
                            const std::string& metric, std::size_t depth) {
    const Pictures pictures{borrow_matrix<float>("query", query),
                            borrow_matrix<float>("gallery", gallery),
                            borrow_vector<double>("query_squares", query_squares),
                            borrow_vector<double>("gallery_squares", gallery_squares),
                            borrow_vector<double>("query_residuals", query_residuals),
                            borrow_vector<double>("gallery_residuals", gallery_residuals),
                            metric_of(metric)};
    return {query,
            gallery,
            query_squares,
            gallery_squares,
            query_residuals,
            gallery_residuals,
            Neighbours(pictures, depth)};
}

void add_block(NeighboursArrays& self, const py::array& block, std::size_t first_row,
               std::size_t first_column, std::size_t threads) {
    const auto values = borrow_matrix<float>("block", block);
    {
        py::gil_scoped_release unlocked;
        self.lists.add(values, first_row, first_column, workers_of(threads));
    }
}

void settle(NeighboursArrays& self, std::size_t first, py::array columns, py::array distances,
            py::array largest, std::size_t threads) {
    const Nearest lists{borrow_output_matrix<std::int32_t>("columns", columns),
                        borrow_output_matrix<double>("distances", distances)};
    const Span<float> values = borrow_output_vector<float>("largest", largest);
    {
        py::gil_scoped_release unlocked;
        self.lists.settle(first, lists, values, workers_of(threads));
    }
}

// Arrays of a neighbourhood, and the view of them that kernels take.
struct NeighbourhoodArrays {
    py::array nearest, distances, scale, query, gallery;
    Neighbourhood view;
};

NeighbourhoodArrays neighbourhood(const py::array& nearest, const py::array& distances,
                                  const py::array& scale, const py::array& query,
                                  const py::array& gallery, const std::string& metric,
                                  bool squared_again) {
    const Neighbourhood view{borrow_matrix<std::int32_t>("nearest", nearest),
                             borrow_matrix<double>("distances", distances),
                             borrow_vector<float>("scale", scale),
                             borrow_matrix<float>("query", query),
                             borrow_matrix<float>("gallery", gallery),
                             metric_of(metric),
                             squared_again};
    return {nearest, distances, scale, query, gallery, view};
}

void blend(const Encoding& encoding, py::array block, std::size_t first_query,
           double original_weight, std::size_t threads) {
    const Matrix<float> rows = borrow_output_matrix<float>("block", block);
    {
        py::gil_scoped_release unlocked;
        encoding.blend(rows, first_query, original_weight, workers_of(threads));
    }
}

void bind_ranking(py::module_& module) {
    py::class_<Ranker>(module, "Ranker")
        .def(py::init([](const py::array& person, const py::array& camera, const std::string& ap,
                         const std::string& same_camera) {
                 return Ranker(borrow_identities(person, camera), precision_rule_of(ap),
                               same_camera_of(same_camera));
             }),
             py::arg("person"), py::arg("camera"), py::arg("ap"), py::arg("same_camera"))
        .def("rank_distances", &rank_distances, py::arg("distances"), py::arg("person"),
             py::arg("camera"), py::arg("threads"))
        .def("rank_screened", &rank_screened, py::arg("block"), py::arg("person"),
             py::arg("camera"), py::arg("threads"));
}

void bind_reranking(py::module_& module) {
    py::class_<NeighbourhoodArrays>(module, "Neighbourhood")
        .def(py::init(&neighbourhood), py::arg("nearest"), py::arg("distances"), py::arg("scale"),
             py::arg("query"), py::arg("gallery"), py::arg("metric"), py::arg("squared_again"));
    py::class_<NeighboursArrays>(module, "Neighbours")
        .def(py::init(&neighbours), py::arg("query"), py::arg("gallery"), py::arg("query_squares"),
             py::arg("gallery_squares"), py::arg("query_residuals"), py::arg("gallery_residuals"),
             py::arg("metric"), py::arg("depth"))
        .def("is_crowded", [](const NeighboursArrays& self) { return self.lists.is_crowded(); })
        .def(
            "expect_float32",
            [](NeighboursArrays& self, std::size_t threads) {
                self.lists.expect_float32(workers_of(threads));
            },
            py::arg("threads"), py::call_guard<py::gil_scoped_release>())
        .def("add", &add_block, py::arg("block"), py::arg("first_row"), py::arg("first_column"),
             py::arg("threads"))
        .def("settle", &settle, py::arg("first"), py::arg("columns"), py::arg("distances"),
             py::arg("largest"), py::arg("threads"));
    using Unlocked = py::call_guard<py::gil_scoped_release>;
    py::class_<Encoding>(module, "Encoding")
        .def(py::init<std::size_t, std::size_t, std::size_t, std::size_t>(), py::arg("num_queries"),
             py::arg("num_gallery"), py::arg("k1"), py::arg("k2"))
        .def(
            "relate",
            [](Encoding& self, const NeighbourhoodArrays& near, std::size_t begin, std::size_t end,
               std::size_t threads) { self.relate(near.view, begin, end, workers_of(threads)); },
            py::arg("near"), py::arg("begin"), py::arg("end"), py::arg("threads"), Unlocked())
        .def(
            "encode",
            [](Encoding& self, const NeighbourhoodArrays& near, std::size_t begin, std::size_t end,
               std::size_t threads) { self.encode(near.view, begin, end, workers_of(threads)); },
            py::arg("near"), py::arg("begin"), py::arg("end"), py::arg("threads"), Unlocked())
        .def(
            "expand",
            [](Encoding& self, const NeighbourhoodArrays& near, std::size_t begin, std::size_t end,
               std::size_t threads) { self.expand(near.view, begin, end, workers_of(threads)); },
            py::arg("near"), py::arg("begin"), py::arg("end"), py::arg("threads"), Unlocked())
        .def("index", &Encoding::index, Unlocked())
        .def("blend", &blend, py::arg("block"), py::arg("first_query"), py::arg("original_weight"),
             py::arg("threads"));
}

}  // namespace

void bind_eval(py::module_& module) {
    module.def("squared_lengths", &bound_squared_lengths, py::arg("embeddings"),
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
    module.def("candidate_bytes", &Neighbours::bytes_for, py::arg("count"), py::arg("depth"));
    py::class_<ScreenedArrays>(module, "Screened");
    module.def("screen_in_place", &screen_in_place, py::arg("dots"), py::arg("rows"),
               py::arg("columns"), py::arg("row_squares"), py::arg("column_squares"),
               py::arg("metric"), py::arg("threads"));
    module.def("merge_nearest", &bound_merge_nearest, py::arg("block"), py::arg("first_column"),
               py::arg("columns"), py::arg("distances"), py::arg("threads"));
    bind_ranking(module);
    bind_reranking(module);
    bind_shots(module);
    bind_scan(module);
}

}  // namespace mgn::bindings
