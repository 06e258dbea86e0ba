// SPDX-License-Identifier: Apache-2.0
// Note [candidates]: a picture's candidates are those whose float32 distance lies within two
// margins of the depth-th smallest met so far, one margin for each of the two values. They are
// settled in float64 at the end, all at once, or as soon as more of them lie that close than there
// is room for (equal pictures); from then on nothing farther than the depth-th settled one, and a
// margin, gets in.
#include "eval/neighbours.h"

#include <algorithm>
#include <limits>
#include <string>

#include "common/errors.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// Rows, or columns, between two looks at whether the caller wants to stop. Narrow strips of columns
// would read few bytes of each row, which no hardware fetches ahead.
constexpr std::size_t kRowGrain = 16;
constexpr std::size_t kColumnGrain = 512;

// Room beyond the depth, so that lists are pruned once in so many candidates.
std::size_t capacity_for(std::size_t depth) {
    return depth + std::min<std::size_t>(depth, 256) + 24;
}

float largest_of(const float* values, std::size_t count, float largest) {
    constexpr std::size_t kParts = 16;  // independent, so that compilers vectorise
    float parts[kParts];
    std::fill(parts, parts + kParts, largest);
    std::size_t j = 0;
    for (; j + kParts <= count; j += kParts) {
        for (std::size_t part = 0; part < kParts; ++part) {
            parts[part] = values[j + part] > parts[part] ? values[j + part] : parts[part];
        }
    }
    for (; j < count; ++j) parts[0] = std::max(parts[0], values[j]);
    return *std::max_element(parts, parts + kParts);
}

template <typename Visit>
void for_each_bit(const std::vector<std::uint64_t>& words, Visit visit) {
    for (std::size_t w = 0; w < words.size(); ++w) {
        for (std::uint64_t word = words[w]; word != 0; word &= word - 1) {
            visit(w * kWordBits + static_cast<std::size_t>(__builtin_ctzll(word)));
        }
    }
}

}  // namespace

Neighbours::Neighbours(const Pictures& pictures, std::size_t depth)
    : pictures_(pictures), depth_(depth), capacity_(capacity_for(depth)) {
    const std::size_t count = pictures.count();
    const bool fits = depth > 0 && depth <= count &&
                      pictures.query.columns == pictures.gallery.columns &&
                      pictures.query_squares.size == pictures.query.rows &&
                      pictures.gallery_squares.size == pictures.gallery.rows;
    if (!fits) {
        throw InvalidInput("depth is " + std::to_string(depth) + " for " + std::to_string(count) +
                           " pictures, expected 1 to as many, embeddings of one width and a "
                           "squared length for each");
    }
    for (std::size_t i = 0; i < count; ++i) {
        largest_square_ = std::max(largest_square_, pictures.square(i));
    }
    values_.resize(count * capacity_);
    numbers_.resize(count * capacity_);
    listed_.resize(count);
    bounds_.resize(count, std::numeric_limits<float>::infinity());
    largest_.resize(count, -std::numeric_limits<float>::infinity());
    settled_.resize(count);
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
    std::vector<std::uint64_t> words(words_for(columns));
    for (std::size_t i = begin; i < end; ++i) {
        const std::size_t picture = corner.first_row + i;
        const float* const row = corner.block.row(i);
        largest_[picture] = largest_of(row, columns, largest_[picture]);
        kernels().narrow.mark_within(row, columns, bounds_[picture], words.data());
        for_each_bit(words,
                     [&](std::size_t j) { append(picture, row[j], corner.first_column + j); });
    }
}

void Neighbours::add_columns(const Corner& corner, std::size_t begin, std::size_t end) {
    const std::size_t width = end - begin;
    const std::size_t first = corner.first_column + begin;
    float* const largest = largest_.data() + first;
    std::vector<std::uint64_t> words(words_for(width));
    for (std::size_t i = 0; i < corner.block.rows; ++i) {
        const float* const row = corner.block.row(i) + begin;
        for (std::size_t j = 0; j < width; ++j) {
            largest[j] = row[j] > largest[j] ? row[j] : largest[j];
        }
        kernels().mark_within_each(row, width, bounds_.data() + first, words.data());
        for_each_bit(words,
                     [&](std::size_t j) { append(first + j, row[j], corner.first_row + i); });
    }
}

void Neighbours::append(std::size_t picture, float value, std::size_t other) {
    if (value > bounds_[picture]) return;
    std::size_t& listed = listed_[picture];
    values_[picture * capacity_ + listed] = value;
    numbers_[picture * capacity_ + listed] = static_cast<std::int32_t>(other);
    ++listed;
    if (listed == capacity_) prune(picture);
}

// See Note [candidates].
void Neighbours::prune(std::size_t picture) {
    float* const values = values_.data() + picture * capacity_;
    std::int32_t* const numbers = numbers_.data() + picture * capacity_;
    const std::size_t count = listed_[picture];
    std::vector<float> ordered(values, values + count);
    const auto kth = ordered.begin() + static_cast<std::ptrdiff_t>(depth_ - 1);
    std::nth_element(ordered.begin(), kth, ordered.end());
    const double reach = static_cast<double>(*kth) + 2.0 * margin(picture);
    float& bound = bounds_[picture];
    bound = std::min(bound, round_up(reach));
    std::size_t kept = 0;
    for (std::size_t k = 0; k < count; ++k) {
        if (values[k] > bound) continue;
        values[kept] = values[k];
        numbers[kept++] = numbers[k];
    }
    listed_[picture] = kept;
    if (capacity_ - kept < (capacity_ - depth_) / 2) settle_listed(picture);
}

double Neighbours::margin(std::size_t picture) const {
    return screening_margin(pictures_.metric, pictures_.query.columns, pictures_.square(picture),
                            largest_square_);
}

void Neighbours::settle_listed(std::size_t picture) {
    std::vector<Settled>& settled = settled_[picture];
    const std::size_t width = pictures_.query.columns;
    const std::int32_t* const numbers = numbers_.data() + picture * capacity_;
    const auto row_of = [&](std::int32_t other) {
        return pictures_.embedding(static_cast<std::size_t>(other));
    };
    for (std::size_t k = 0; k < listed_[picture]; ++k) {
        if (k + 1 < listed_[picture]) fetch_ahead(row_of(numbers[k + 1]), width);
        settled.emplace_back(exact_distance(pictures_.metric, pictures_.embedding(picture),
                                            row_of(numbers[k]), width),
                             numbers[k]);
    }
    listed_[picture] = 0;
    const auto end =
        settled.begin() + static_cast<std::ptrdiff_t>(std::min(depth_, settled.size()));
    std::partial_sort(settled.begin(), end, settled.end());
    settled.erase(end, settled.end());
    if (settled.size() < depth_) return;
    float& bound = bounds_[picture];
    bound = std::min(bound, round_up(settled.back().first + margin(picture)));
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
            if (listed_[picture] > depth_) prune(picture);
            settle_listed(picture);
            const std::vector<Settled>& settled = settled_[picture];
            if (settled.size() < depth_) {
                throw InvalidInput("picture " + std::to_string(picture) + " has met " +
                                   std::to_string(settled.size()) + " others, expected at least " +
                                   std::to_string(depth_) + "; add every block first");
            }
            for (std::size_t k = 0; k < depth_; ++k) {
                lists.distances.row(i)[k] = settled[k].first;
                lists.columns.row(i)[k] = settled[k].second;
            }
            largest[i] = largest_[picture];
            settled_[picture] = std::vector<Settled>();
        }
    });
}

}  // namespace mgn
