// SPDX-License-Identifier: Apache-2.0
// What the bindings of evaluation share: words, identities, results and the check for signals.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "eval/matches.h"
#include "eval/ranking.h"
#include "eval/screen.h"

namespace mgn::bindings {

inline Metric metric_of(const std::string& word) {
    if (word == "squared_distance") return Metric::kSquaredDistance;
    if (word == "unit_rows") return Metric::kUnitRows;
    throw InvalidInput("metric is '" + word + "', expected 'squared_distance' or 'unit_rows'");
}

inline PrecisionRule precision_rule_of(const std::string& word) {
    if (word == "sklearn") return PrecisionRule::kSklearn;
    if (word == "hits") return PrecisionRule::kHits;
    if (word == "market1501") return PrecisionRule::kMarket1501;
    throw InvalidInput("ap is '" + word + "', expected 'sklearn', 'hits' or 'market1501'");
}

inline SameCamera same_camera_of(const std::string& word) {
    if (word == "drop") return SameCamera::kDrop;
    if (word == "keep") return SameCamera::kKeep;
    if (word == "separate") return SameCamera::kSeparate;
    throw InvalidInput("same_camera is '" + word + "', expected 'drop', 'keep' or 'separate'");
}

inline IdentitySpans borrow_identities(const py::array& person, const py::array& camera) {
    return {borrow_vector<std::int32_t>("person", person),
            borrow_vector<std::int32_t>("camera", camera)};
}

// Work that may take seconds checks for signals, a Ctrl-C above all. Only the calling thread does.
inline Workers workers_of(std::size_t threads) {
    return {threads, [] {
                py::gil_scoped_acquire locked;
                return PyErr_CheckSignals() != 0;
            }};
}

inline void require_length(const char* name, std::size_t length, std::size_t expected) {
    if (length == expected) return;
    throw InvalidInput(std::string(name) + " has " + std::to_string(length) +
                       " entries, expected " + std::to_string(expected));
}

// Arrays of a screened block, and the view of them that kernels take.
struct ScreenedArrays {
    py::array dots, rows, columns, row_squares, row_weights;
    Screened view;
};

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

// Products and distances of rows; called by bind_eval.
void bind_screen(py::module_& module);

// Protocols that count matches on their own; called by bind_eval.
void bind_shots(py::module_& module);

// Pairs for verification; called by bind_eval.
void bind_pairs(py::module_& module);

// The scan of a gallery; called by bind_eval.
void bind_scan(py::module_& module);

}  // namespace mgn::bindings
