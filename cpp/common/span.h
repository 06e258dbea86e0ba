// SPDX-License-Identifier: Apache-2.0
// Non-owning views of contiguous data. Passed by value; the owner outlives them by contract.
#pragma once

#include <cstddef>

namespace mgn {

// `size` elements in a row.
template <typename T>
struct Span {
    T* data = nullptr;
    std::size_t size = 0;

    T& operator[](std::size_t index) const { return data[index]; }
    T* begin() const { return data; }
    T* end() const { return data + size; }
};

// `rows` x `columns` elements, C order, no gap between rows.
template <typename T>
struct Matrix {
    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t columns = 0;

    T* row(std::size_t index) const { return data + index * columns; }
};

}  // namespace mgn
