// SPDX-License-Identifier: Apache-2.0
// The only place that inspects a NumPy array. An array is taken as it is (exact dtype, C order,
// aligned, writable where written) or refused with its dtype and shape; nothing is ever converted.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <string>

#include "common/errors.h"
#include "common/span.h"

namespace mgn::bindings {

namespace py = pybind11;

// "float32 (3, 4)": what an error message says about an array.
inline std::string describe(const py::array& array) {
    return py::str(array.dtype()).cast<std::string>() + " " +
           py::str(array.attr("shape")).cast<std::string>();
}

inline void require(bool holds, const char* name, const py::array& array, const std::string& want) {
    if (holds) return;
    throw InvalidInput(std::string(name) + " is " + describe(array) + ", expected " + want);
}

inline bool has_layout(const py::array& array, const py::dtype& dtype) {
    const int wanted = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    return dtype.equal(array.dtype()) && (array.flags() & wanted) == wanted;
}

inline void require_layout(const char* name, const py::array& array, const py::dtype& wanted) {
    if (has_layout(array, wanted)) return;
    const std::string dtype = py::str(wanted).cast<std::string>();
    const bool same_dtype = wanted.equal(array.dtype());
    require(false, name, array, same_dtype ? dtype + " in C order, aligned" : dtype);
}

template <typename T>
void require_layout(const char* name, const py::array& array) {
    require_layout(name, array, py::dtype::of<T>());
}

inline void require_writable(const char* name, const py::array& array) {
    require(array.writeable(), name, array, "an array that may be written");
}

// Borrows a read-only vector for the length of the call.
template <typename T>
Span<const T> borrow_vector(const char* name, const py::array& array) {
    require_layout<T>(name, array);
    require(array.ndim() == 1, name, array, "one dimension");
    return {static_cast<const T*>(array.data()), static_cast<std::size_t>(array.shape(0))};
}

// Borrows a read-only matrix for the length of the call.
template <typename T>
Matrix<const T> borrow_matrix(const char* name, const py::array& array) {
    require_layout<T>(name, array);
    require(array.ndim() == 2, name, array, "two dimensions");
    return {static_cast<const T*>(array.data()), static_cast<std::size_t>(array.shape(0)),
            static_cast<std::size_t>(array.shape(1))};
}

// Borrows a vector to write into for the length of the call.
template <typename T>
Span<T> borrow_output_vector(const char* name, py::array& array) {
    const Span<const T> checked = borrow_vector<T>(name, array);
    require_writable(name, array);
    return {static_cast<T*>(array.mutable_data()), checked.size};
}

// Borrows a matrix to write into for the length of the call.
template <typename T>
Matrix<T> borrow_output_matrix(const char* name, py::array& array) {
    const Matrix<const T> checked = borrow_matrix<T>(name, array);
    require_writable(name, array);
    return {static_cast<T*>(array.mutable_data()), checked.rows, checked.columns};
}

}  // namespace mgn::bindings
