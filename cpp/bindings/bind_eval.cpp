// SPDX-License-Identifier: Apache-2.0
// The evaluation kernels. Objects that keep arrays hold a reference to each for as long as they
// live. The public callers are evaluate.py, rerank.py and distances.py.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
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

PrecisionRule precision_rule_of(const std::string& word) {
    if (word == "sklearn") return PrecisionRule::kSklearn;
    if (word == "hits") return PrecisionRule::kHits;
    if (word == "market1501") return PrecisionRule::kMarket1501;
    throw InvalidInput("ap is '" + word + "', expected 'sklearn', 'hits' or 'market1501'");
}

SameCamera same_camera_of(const std::string& word) {
    if (word == "drop") return SameCamera::kDrop;
    if (word == "keep") return SameCamera::kKeep;
    throw InvalidInput("same_camera is '" + word + "', expected 'drop' or 'keep'");
}

IdentitySpans borrow_identities(const py::array& person, const py::array& camera) {
    return {borrow_vector<std::int32_t>("person", person),
            borrow_vector<std::int32_t>("camera", camera)};
}

// Work that may take seconds looks for signals, a Ctrl-C above all. Only the calling thread does.
Workers workers_of(std::size_t threads) {
    return {threads, [] {
                py::gil_scoped_acquire locked;
                return PyErr_CheckSignals() != 0;
            }};
}

void require_length(const char* name, std::size_t length, std::size_t expected) {
    if (length == expected) return;
    throw InvalidInput(std::string(name) + " has " + std::to_string(length) +
                       " entries, expected " + std::to_string(expected));
}

// Arrays of a screened block, and the look at them that kernels take.
struct ScreenedBlock {
    py::array dots, rows, columns, row_squares;
    Screened view;
};

ScreenedBlock screen(py::array dots, const py::array& rows, const py::array& columns,
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
        distances_from_dots(block, view.metric, own, other, threads);
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

void bound_multiply(const py::array& rows, const py::array& columns, py::array out,
                    Scratch& scratch, std::size_t threads) {
    const auto left = borrow_matrix<float>("rows", rows);
    const auto right = borrow_matrix<float>("columns", columns);
    const Matrix<float> products = borrow_output_matrix<float>("out", out);
    {
        py::gil_scoped_release unlocked;
        multiply(left, right, products, scratch, workers_of(threads));
    }
}

void bound_merge_nearest(const ScreenedBlock& block, std::size_t first_column, py::array columns,
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

// Owns what one ranking call returns.
struct ResultArrays {
    py::array_t<double> average_precision, inverse_negative_penalty;
    py::array_t<std::int64_t> first_match;
    QueryResults view;

    explicit ResultArrays(std::size_t count)
        : average_precision(static_cast<py::ssize_t>(count)),
          inverse_negative_penalty(static_cast<py::ssize_t>(count)),
          first_match(static_cast<py::ssize_t>(count)),
          view{{average_precision.mutable_data(), count},
               {inverse_negative_penalty.mutable_data(), count},
               {first_match.mutable_data(), count}} {}

    py::tuple to_tuple() const {
        return py::make_tuple(average_precision, inverse_negative_penalty, first_match);
    }
};

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

py::tuple rank_screened(const Ranker& ranker, const ScreenedBlock& block, const py::array& person,
                        const py::array& camera, std::size_t threads) {
    const IdentitySpans query = borrow_identities(person, camera);
    ResultArrays results(block.view.values.rows);
    {
        py::gil_scoped_release unlocked;
        ranker.rank_screened(block.view, query, results.view, workers_of(threads));
    }
    return results.to_tuple();
}

// All pictures' arrays, and the lists that look at them.
struct NeighboursOfArrays {
    py::array query, gallery, query_squares, gallery_squares;
    Neighbours lists;
};

NeighboursOfArrays neighbours(const py::array& query, const py::array& gallery,
                              const py::array& query_squares, const py::array& gallery_squares,
                              const std::string& metric, std::size_t depth) {
    const Pictures pictures{
        borrow_matrix<float>("query", query), borrow_matrix<float>("gallery", gallery),
        borrow_vector<double>("query_squares", query_squares),
        borrow_vector<double>("gallery_squares", gallery_squares), metric_of(metric)};
    return {query, gallery, query_squares, gallery_squares, Neighbours(pictures, depth)};
}

void add_block(NeighboursOfArrays& self, const py::array& block, std::size_t first_row,
               std::size_t first_column, std::size_t threads) {
    const auto values = borrow_matrix<float>("block", block);
    {
        py::gil_scoped_release unlocked;
        self.lists.add(values, first_row, first_column, workers_of(threads));
    }
}

void settle(NeighboursOfArrays& self, std::size_t first, py::array columns, py::array distances,
            py::array largest, std::size_t threads) {
    const Nearest lists{borrow_output_matrix<std::int32_t>("columns", columns),
                        borrow_output_matrix<double>("distances", distances)};
    const Span<float> values = borrow_output_vector<float>("largest", largest);
    {
        py::gil_scoped_release unlocked;
        self.lists.settle(first, lists, values, workers_of(threads));
    }
}

// Arrays of a neighbourhood, and the look at them that kernels take.
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

void blend(const Encoding& encoding, std::size_t first_query, py::array block,
           double original_weight, std::size_t threads) {
    const Matrix<float> rows = borrow_output_matrix<float>("block", block);
    {
        py::gil_scoped_release unlocked;
        encoding.blend(first_query, rows, original_weight, workers_of(threads));
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
    py::class_<NeighboursOfArrays>(module, "Neighbours")
        .def(py::init(&neighbours), py::arg("query"), py::arg("gallery"), py::arg("query_squares"),
             py::arg("gallery_squares"), py::arg("metric"), py::arg("depth"))
        .def("add", &add_block, py::arg("block"), py::arg("first_row"), py::arg("first_column"),
             py::arg("threads"))
        .def("settle", &settle, py::arg("first"), py::arg("columns"), py::arg("distances"),
             py::arg("largest"), py::arg("threads"));
    using Unlocked = py::call_guard<py::gil_scoped_release>;
    py::class_<Encoding>(module, "Encoding")
        .def(py::init<std::size_t, std::size_t, std::size_t, std::size_t>(), py::arg("num_queries"),
             py::arg("num_gallery"), py::arg("k1"), py::arg("k2"))
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
        .def("blend", &blend, py::arg("first_query"), py::arg("block"), py::arg("original_weight"),
             py::arg("threads"));
}

}  // namespace

void bind_eval(py::module_& module) {
    module.def("squared_lengths", &bound_squared_lengths, py::arg("embeddings"),
               py::arg("threads"));
    module.def("has_product", &has_product);
    py::class_<Scratch>(module, "Scratch").def(py::init<>());
    module.def("multiply", &bound_multiply, py::arg("rows"), py::arg("columns"), py::arg("out"),
               py::arg("scratch"), py::arg("threads"));
    py::class_<ScreenedBlock>(module, "Screened")
        .def(py::init(&screen), py::arg("dots"), py::arg("rows"), py::arg("columns"),
             py::arg("row_squares"), py::arg("column_squares"), py::arg("metric"),
             py::arg("threads"));
    module.def("merge_nearest", &bound_merge_nearest, py::arg("block"), py::arg("first_column"),
               py::arg("columns"), py::arg("distances"), py::arg("threads"));
    bind_ranking(module);
    bind_reranking(module);
}

}  // namespace mgn::bindings
