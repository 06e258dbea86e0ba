// SPDX-License-Identifier: Apache-2.0
// Two steps per row: float32 values rule out almost every column, float64 decides among the rest.
#include "eval/topk.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace mgn {

namespace {

using Candidate = std::pair<double, std::int32_t>;  // orders by distance, then column

// Short enough that one hit costs little, long enough that the vectorised test pays.
constexpr std::size_t kChunk = 128;

// Rows between two looks at whether the caller wants to stop.
constexpr std::size_t kGrain = 8;

// Calls visit(j) for every j with row[j] <= limit(); the limit may fall meanwhile.
template <typename Limit, typename Visit>
void for_each_within(const float* row, std::size_t count, Limit limit, Visit visit) {
    for (std::size_t begin = 0; begin < count; begin += kChunk) {
        const std::size_t end = std::min(count, begin + kChunk);
        const float bound = limit();
        unsigned hits = 0;
        for (std::size_t j = begin; j < end; ++j) hits += row[j] <= bound ? 1U : 0U;
        if (hits == 0) continue;
        for (std::size_t j = begin; j < end; ++j) {
            if (row[j] <= limit()) visit(j);
        }
    }
}

// The `depth`-th smallest of the values; infinite if there are fewer.
float kth_smallest(const float* row, std::size_t count, std::size_t depth,
                   std::vector<float>& heap) {
    const float infinity = std::numeric_limits<float>::infinity();
    heap.clear();
    const auto limit = [&] { return heap.size() < depth ? infinity : heap.front(); };
    for_each_within(row, count, limit, [&](std::size_t j) {
        if (heap.size() == depth) {
            if (row[j] == heap.front()) return;
            std::pop_heap(heap.begin(), heap.end());
            heap.pop_back();
        }
        heap.push_back(row[j]);
        std::push_heap(heap.begin(), heap.end());
    });
    return limit();
}

class RowMerger {
public:
    RowMerger(const Screened& block, std::size_t first_column, Nearest lists)
        : block_(block), first_column_(first_column), lists_(lists) {}

    void merge(std::size_t row) {
        const std::size_t depth = lists_.columns.columns;
        double* const distances = lists_.distances.row(row);
        std::int32_t* const columns = lists_.columns.row(row);
        collect_listed(columns, distances, depth);
        collect_new(row, distances[depth - 1]);
        const std::size_t kept = std::min(depth, candidates_.size());
        const auto middle = candidates_.begin() + static_cast<std::ptrdiff_t>(kept);
        std::partial_sort(candidates_.begin(), middle, candidates_.end());
        for (std::size_t k = 0; k < kept; ++k) {
            distances[k] = candidates_[k].first;
            columns[k] = candidates_[k].second;
        }
    }

private:
    void collect_listed(const std::int32_t* columns, const double* distances, std::size_t depth) {
        candidates_.clear();
        for (std::size_t k = 0; k < depth && columns[k] >= 0; ++k) {
            candidates_.emplace_back(distances[k], columns[k]);
        }
    }

    // A column among the nearest is within one margin of the worst listed one, and within two of
    // the block's own depth-th smallest float32 value: one margin for each of the two values.
    void collect_new(std::size_t row, double worst_listed) {
        const float* const values = block_.values.row(row);
        const std::size_t count = block_.values.columns;
        const double margin = block_.margin(row);
        const float kth = kth_smallest(values, count, lists_.columns.columns, heap_);
        const double reach = static_cast<double>(kth) + 2.0 * margin;
        const float bound = round_up(std::min(worst_listed + margin, reach));
        for_each_within(
            values, count, [=] { return bound; },
            [&](std::size_t j) {
                const auto column = static_cast<std::int32_t>(first_column_ + j);
                candidates_.emplace_back(block_.exact(row, j), column);
            });
    }

    const Screened& block_;
    std::size_t first_column_;
    Nearest lists_;
    std::vector<float> heap_;
    std::vector<Candidate> candidates_;
};

}  // namespace

void merge_nearest(const Screened& block, std::size_t first_column, Nearest lists,
                   const Workers& workers) {
    interruptible_for(block.values.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        RowMerger merger(block, first_column, lists);
        for (std::size_t row = begin; row < end; ++row) merger.merge(row);
    });
}

}  // namespace mgn
