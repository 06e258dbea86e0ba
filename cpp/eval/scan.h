// SPDX-License-Identifier: Apache-2.0
// The nearest rows of a gallery that is read once, from wherever it lies: memory maps of float16
// above all. Nothing of the gallery's size is ever held. A call uses its own threads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/topk.h"

namespace mgn {

enum class Element { kHalf, kFloat };

// Rows of one width in pieces, numbered through. Borrowed.
struct Segments {
    struct Piece {
        const void* data = nullptr;  // [rows, width], C order
        std::size_t rows = 0;
    };
    Element element = Element::kFloat;
    std::size_t width = 0;
    std::vector<Piece> pieces;
};

// Merges all rows, the first of which is number `first_row`, into the lists of the queries, whose
// `columns` are numbers of rows. The result is that of sorting all rows merged so far by (float64
// squared distance, number), whatever the pieces, the calls, the threads and the CPU. A row whose
// distance is not finite, because it or the query holds a NaN or an infinity, is never listed.
// Throws InvalidInput if a row's number does not fit into 32 bits, and Cancelled; the lists are
// then as they were.
void scan_nearest(Matrix<const float> queries, const Segments& segments, std::size_t first_row,
                  Nearest lists, const Workers& workers);

}  // namespace mgn
