// SPDX-License-Identifier: Apache-2.0
// The nearest pictures of every picture of one set, and its farthest one, from blocks of one
// triangle of the square: each block serves its rows and its columns. Pictures are numbered queries
// first, then gallery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/span.h"
#include "eval/candidates.h"
#include "eval/interruptible.h"
#include "eval/screen.h"
#include "eval/topk.h"

namespace mgn {

// All pictures, borrowed.
struct Pictures {
    Matrix<const float> query;    // [Q, D]
    Matrix<const float> gallery;  // [G, D]
    Span<const double> query_squares;
    Span<const double> gallery_squares;
    // What bfloat16 takes from each picture, where blocks are multiplied in it; else empty.
    Span<const double> query_residuals;
    Span<const double> gallery_residuals;
    Metric metric = Metric::kUnitRows;

    std::size_t count() const { return query.rows + gallery.rows; }
    const float* embedding(std::size_t picture) const {
        return picture < query.rows ? query.row(picture) : gallery.row(picture - query.rows);
    }
    double square(std::size_t picture) const {
        return picture < query.rows ? query_squares[picture]
                                    : gallery_squares[picture - query.rows];
    }
    bool has_residuals() const { return query_residuals.size + gallery_residuals.size > 0; }
    double residual(std::size_t picture) const {
        return picture < query.rows ? query_residuals[picture]
                                    : gallery_residuals[picture - query.rows];
    }
};

// Call order: add() blocks until each pair of pictures was in one, then settle(). One call at a
// time; results depend on neither blocks nor threads nor the precision of blocks. Every call may
// throw Cancelled.
class Neighbours {
public:
    // `depth` neighbours of each are wanted, at most as many as there are pictures. Borrows the
    // pictures as long as it lives. Throws InvalidInput where a size does not fit.
    Neighbours(const Pictures& pictures, std::size_t depth);

    // Bytes that it takes.
    static std::size_t bytes_for(std::size_t count, std::size_t depth);

    // block(i, j) is the rough distance of pictures first_row + i and first_column + j: within the
    // margin of screen.h or, where there are residuals, that of bfloat16.h. Off the diagonal it
    // counts for both; a block on the diagonal (first_row == first_column) must be square. Throws
    // InvalidInput otherwise.
    void add(Matrix<const float> block, std::size_t first_row, std::size_t first_column,
             const Workers& workers);

    // Whether so many pictures lie too close for blocks of bfloat16 to tell them apart that blocks
    // of float32 are better from here on.
    bool is_crowded() const;

    // Settles what there is; all further blocks must be within the margin of screen.h.
    void expect_float32(const Workers& workers);

    // The lists of pictures first, first + 1, ..., in the order of (float64 distance, number), and
    // the largest distance of each. Throws InvalidInput where blocks are missing.
    void settle(std::size_t first, Nearest lists, Span<float> largest, const Workers& workers);

private:
    struct Corner {
        Matrix<const float> block;
        std::size_t first_row;
        std::size_t first_column;
    };

    // What candidates ask of the pictures.
    struct Settler {
        const Pictures& pictures;
        const std::vector<double>& margins;

        double margin(std::size_t picture) const { return margins[picture]; }
        void expect(std::int32_t other) const {
            fetch_ahead(pictures.embedding(static_cast<std::size_t>(other)),
                        pictures.query.columns);
        }
        double exact(std::size_t picture, std::int32_t other) const {
            return exact_distance(pictures.embedding(picture),
                                  pictures.embedding(static_cast<std::size_t>(other)),
                                  pictures.query.columns, pictures.metric);
        }
    };

    Settler settler() const { return {pictures_, margins_}; }
    void check(std::size_t rows, std::size_t columns, std::size_t first_row,
               std::size_t first_column) const;
    void find_margins(bool with_residuals);
    void add_rows(const Corner& corner, std::size_t begin, std::size_t end);
    void add_columns(const Corner& corner, std::size_t begin, std::size_t end);

    Pictures pictures_;
    std::size_t depth_;
    std::vector<double> margins_;  // by picture
    CandidateLists nearest_;
    CandidateLists farthest_;  // one each
};

}  // namespace mgn
