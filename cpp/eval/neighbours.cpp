// SPDX-License-Identifier: Apache-2.0
// Every value of a block is compared with the limits of its row's and its column's lists; few get
// in. See Note [candidates] in candidates.h.
#include "eval/neighbours.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/errors.h"
#include "eval/bfloat16.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// Rows, or columns, between two looks at whether the caller wants to stop. Narrow strips of columns
// would read few bytes of each row, which no hardware fetches ahead.
constexpr std::size_t kRowGrain = 16;
constexpr std::size_t kColumnGrain = 512;

// Where more than one picture in so many ran out of room, settling costs more than bfloat16 saves.
constexpr std::size_t kCrowdedShare = 8;

template <typename Visit>
void for_each_bit(const std::vector<std::uint64_t>& words, Visit visit) {
    for (std::size_t w = 0; w < words.size(); ++w) {
        for (std::uint64_t word = words[w]; word != 0; word &= word - 1) {
            visit(w * kWordBits + static_cast<std::size_t>(__builtin_ctzll(word)));
        }
    }
}

bool fit(const Pictures& pictures, std::size_t depth) {
    const bool no_residuals = !pictures.has_residuals();
    return depth > 0 && depth <= pictures.count() &&
           pictures.query.columns == pictures.gallery.columns &&
           pictures.query_squares.size == pictures.query.rows &&
           pictures.gallery_squares.size == pictures.gallery.rows &&
           (no_residuals || (pictures.query_residuals.size == pictures.query.rows &&
                             pictures.gallery_residuals.size == pictures.gallery.rows));
}

}  // namespace

Neighbours::Neighbours(const Pictures& pictures, std::size_t depth)
    : pictures_(pictures),
      depth_(depth),
      margins_(pictures.count()),
      nearest_(pictures.count(), depth, CandidateLists::Best::kSmallest),
      farthest_(pictures.count(), 1, CandidateLists::Best::kLargest) {
    if (!fit(pictures, depth)) {
        throw InvalidInput("depth is " + std::to_string(depth) + " for " +
                           std::to_string(pictures.count()) +
                           " pictures, expected 1 to as many, embeddings of one width, and a "
                           "squared length and a residual (or none) for each");
    }
    find_margins(pictures.has_residuals());
}

std::size_t Neighbours::bytes_for(std::size_t count, std::size_t depth) {
    return count * sizeof(double) + CandidateLists::bytes_for(count, depth) +
           CandidateLists::bytes_for(count, 1);
}

void Neighbours::find_margins(bool with_residuals) {
    RowLoss largest;
    for (std::size_t i = 0; i < margins_.size(); ++i) {
        largest.length = std::max(largest.length, std::sqrt(pictures_.square(i)));
        if (with_residuals) largest.residual = std::max(largest.residual, pictures_.residual(i));
    }
    const std::size_t width = pictures_.query.columns;
    for (std::size_t i = 0; i < margins_.size(); ++i) {
        if (with_residuals) {
            const RowLoss own{std::sqrt(pictures_.square(i)), pictures_.residual(i)};
            margins_[i] = bfloat16_margin(pictures_.metric, width, own, largest);
        } else {
            margins_[i] = screening_margin(pictures_.metric, width, pictures_.square(i),
                                           largest.length * largest.length);
        }
    }
}

void Neighbours::check(std::size_t rows, std::size_t columns, std::size_t first_row,
                       std::size_t first_column) const {
    const std::size_t count = pictures_.count();
    const bool inside = first_row + rows <= count && first_column + columns <= count;
    const bool above = first_row + rows <= first_column;
    const bool on_diagonal = first_row == first_column && rows == columns;
    if (inside && (above || on_diagonal)) return;
    throw InvalidInput("block has rows " + std::to_string(first_row) + " to " +
                       std::to_string(first_row + rows) + " and columns " +
                       std::to_string(first_column) + " to " +
                       std::to_string(first_column + columns) + " of " + std::to_string(count) +
                       " pictures, expected a square on the diagonal or a block right of it");
}

void Neighbours::add(Matrix<const float> block, std::size_t first_row, std::size_t first_column,
                     const Workers& workers) {
    check(block.rows, block.columns, first_row, first_column);
    const Corner corner{block, first_row, first_column};
    interruptible_for(block.rows, workers, kRowGrain,
                      [&](std::size_t begin, std::size_t end) { add_rows(corner, begin, end); });
    if (first_row == first_column) return;
    interruptible_for(block.columns, workers, kColumnGrain,
                      [&](std::size_t begin, std::size_t end) { add_columns(corner, begin, end); });
}

void Neighbours::add_rows(const Corner& corner, std::size_t begin, std::size_t end) {
    const std::size_t columns = corner.block.columns;
    const CompareKernels<float>& compare = kernels().narrow;
    std::vector<std::uint64_t> words(words_for(columns));
    for (std::size_t i = begin; i < end; ++i) {
        const std::size_t picture = corner.first_row + i;
        const float* const row = corner.block.row(i);
        compare.mark_within(row, columns, nearest_.limits()[picture], words.data());
        for_each_bit(words, [&](std::size_t j) {
            nearest_.append(picture, row[j], corner.first_column + j, settler());
        });
        compare.mark_beyond(row, columns, farthest_.limits()[picture], words.data());
        for_each_bit(words, [&](std::size_t j) {
            farthest_.append(picture, row[j], corner.first_column + j, settler());
        });
    }
}

void Neighbours::add_columns(const Corner& corner, std::size_t begin, std::size_t end) {
    const std::size_t width = end - begin;
    const std::size_t first = corner.first_column + begin;
    std::vector<std::uint64_t> words(words_for(width));
    for (std::size_t i = 0; i < corner.block.rows; ++i) {
        const float* const row = corner.block.row(i) + begin;
        const std::size_t other = corner.first_row + i;
        kernels().mark_within_each(row, width, nearest_.limits() + first, words.data());
        for_each_bit(words,
                     [&](std::size_t j) { nearest_.append(first + j, row[j], other, settler()); });
        kernels().mark_beyond_each(row, width, farthest_.limits() + first, words.data());
        for_each_bit(words,
                     [&](std::size_t j) { farthest_.append(first + j, row[j], other, settler()); });
    }
}

bool Neighbours::is_crowded() const {
    const std::size_t crowded = nearest_.num_crowded() + farthest_.num_crowded();
    return pictures_.has_residuals() && crowded * kCrowdedShare > pictures_.count();
}

void Neighbours::expect_float32(const Workers& workers) {
    interruptible_for(pictures_.count(), workers, kRowGrain,
                      [&](std::size_t begin, std::size_t end) {
                          for (std::size_t picture = begin; picture < end; ++picture) {
                              nearest_.settle_listed(picture, settler());
                              farthest_.settle_listed(picture, settler());
                          }
                      });
    pictures_.query_residuals = pictures_.gallery_residuals = {};
    find_margins(false);
}

void Neighbours::settle(std::size_t first, Nearest lists, Span<float> largest,
                        const Workers& workers) {
    const std::size_t rows = lists.columns.rows;
    const bool fits = first + rows <= pictures_.count() && lists.columns.columns == depth_ &&
                      lists.distances.columns == depth_ && lists.distances.rows == rows &&
                      largest.size == rows;
    if (!fits) {
        throw InvalidInput("lists of pictures " + std::to_string(first) + " to " +
                           std::to_string(first + rows) + " have " +
                           std::to_string(lists.columns.columns) + " places, expected up to " +
                           std::to_string(pictures_.count()) + " with " + std::to_string(depth_));
    }
    interruptible_for(rows, workers, kRowGrain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const std::size_t picture = first + i;
            const auto& settled = nearest_.settle(picture, settler());
            if (settled.size() < depth_) {
                throw InvalidInput("picture " + std::to_string(picture) + " has met " +
                                   std::to_string(settled.size()) + " others, expected at least " +
                                   std::to_string(depth_) + "; add every block first");
            }
            for (std::size_t k = 0; k < depth_; ++k) {
                lists.distances.row(i)[k] = settled[k].first;
                lists.columns.row(i)[k] = settled[k].second;
            }
            largest[i] = static_cast<float>(-farthest_.settle(picture, settler()).front().first);
            nearest_.release(picture);
            farthest_.release(picture);
        }
    });
}

}  // namespace mgn
