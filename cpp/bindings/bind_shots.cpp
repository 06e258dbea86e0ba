// SPDX-License-Identifier: Apache-2.0
// The protocols of shots.h. The public caller is protocol.py.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "bindings/eval_arrays.h"
#include "eval/shots.h"

namespace mgn::bindings {

namespace {

Shots shots_of(const std::string& word) {
    if (word == "every") return Shots::kEveryMatch;
    if (word == "expected") return Shots::kExpected;
    if (word == "drawn") return Shots::kDrawn;
    throw InvalidInput("shots is '" + word + "', expected 'every', 'expected' or 'drawn'");
}

template <typename T>
py::tuple rank_matrix(const ShotRanker& ranker, const py::array& distances, std::size_t first_query,
                      IdentitySpans query, py::array& ranks, std::size_t threads) {
    const auto rows = borrow_matrix<T>("distances", distances);
    const Matrix<double> out = borrow_output_matrix<double>("ranks", ranks);
    ResultArrays results(rows.rows);
    {
        py::gil_scoped_release unlocked;
        ranker.rank_distances(rows, first_query, query, {results.view, out}, workers_of(threads));
    }
    return results.to_tuple();
}

py::tuple rank_distances(const ShotRanker& ranker, const py::array& distances,
                         std::size_t first_query, const py::array& person, const py::array& camera,
                         py::array ranks, std::size_t threads) {
    const IdentitySpans query = borrow_identities(person, camera);
    if (distances.dtype().equal(py::dtype::of<double>())) {
        return rank_matrix<double>(ranker, distances, first_query, query, ranks, threads);
    }
    return rank_matrix<float>(ranker, distances, first_query, query, ranks, threads);
}

py::tuple rank_screened(const ShotRanker& ranker, const ScreenedArrays& block,
                        std::size_t first_query, const py::array& person, const py::array& camera,
                        py::array ranks, std::size_t threads) {
    const IdentitySpans query = borrow_identities(person, camera);
    const Matrix<double> out = borrow_output_matrix<double>("ranks", ranks);
    ResultArrays results(block.view.values.rows);
    {
        py::gil_scoped_release unlocked;
        ranker.rank_screened(block.view, first_query, query, {results.view, out},
                             workers_of(threads));
    }
    return results.to_tuple();
}

}  // namespace

void bind_shots(py::module_& module) {
    py::class_<ShotRanker>(module, "ShotRanker")
        .def(py::init([](const py::array& person, const py::array& camera, const std::string& ap,
                         const std::string& same_camera, const std::string& shots,
                         std::size_t draws, std::uint64_t seed) {
                 return ShotRanker(borrow_identities(person, camera),
                                   {precision_rule_of(ap), same_camera_of(same_camera),
                                    shots_of(shots), draws, seed});
             }),
             py::arg("person"), py::arg("camera"), py::arg("ap"), py::arg("same_camera"),
             py::arg("shots"), py::arg("draws"), py::arg("seed"))
        .def("rank_distances", &rank_distances, py::arg("distances"), py::arg("first_query"),
             py::arg("person"), py::arg("camera"), py::arg("ranks"), py::arg("threads"))
        .def("rank_screened", &rank_screened, py::arg("block"), py::arg("first_query"),
             py::arg("person"), py::arg("camera"), py::arg("ranks"), py::arg("threads"));
}

}  // namespace mgn::bindings
