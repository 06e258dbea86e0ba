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
#include "eval/neighbours.h"
#include "eval/ranking.h"
#include "eval/rerank.h"
#include "eval/screen.h"
#include "eval/topk.h"

namespace mgn::bindings {

namespace {

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
    bind_screen(module);
    module.def("candidate_bytes", &Neighbours::bytes_for, py::arg("count"), py::arg("depth"));
    module.def("merge_nearest", &bound_merge_nearest, py::arg("block"), py::arg("first_column"),
               py::arg("columns"), py::arg("distances"), py::arg("threads"));
    bind_ranking(module);
    bind_reranking(module);
    bind_pairs(module);
    bind_shots(module);
    bind_scan(module);
}

}  // namespace mgn::bindings
