// SPDX-License-Identifier: Apache-2.0
// Where each query's matches stand in its gallery ranking, and what that is worth, without sorting
// the gallery: only the matches are sorted, everything else is counted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/matches.h"
#include "eval/screen.h"

namespace mgn {

enum class PrecisionRule {
    kSklearn,     // precision at the end of each group of equal distances, as scikit-learn
    kHits,        // mean over matches of (matches so far) / rank
    kMarket1501,  // trapezoids between consecutive precisions, as the data set's own program
};

// One entry per query. Without a match: NaN, NaN, 0. With a NaN among its distances: NaN, NaN, -1.
struct QueryResults {
    Span<double> average_precision;
    Span<double> inverse_negative_penalty;  // matches / rank of the last match
    Span<std::int64_t> first_match;         // rank of the first match, from 1
};

// The gallery's identities, indexed by person. Owns a copy; const after construction, so that any
// thread may use it. Equal distances rank in gallery order.
class Ranker {
public:
    // Throws InvalidInput where the two spans differ in length.
    Ranker(IdentitySpans gallery, PrecisionRule rule, SameCamera same_camera);

    // Metrics of the queries whose distances to the whole gallery are the rows of `distances`.
    // Throws InvalidInput where a shape does not fit; Cancelled.
    template <typename T>
    void rank_distances(Matrix<const T> distances, IdentitySpans query, QueryResults out,
                        const Workers& workers) const;

    // The same on the exact float64 distances, of which only those near a match are computed.
    void rank_screened(const Screened& block, IdentitySpans query, QueryResults out,
                       const Workers& workers) const;

private:
    template <typename T>
    friend class RowRanker;

    void check(std::size_t rows, std::size_t columns, IdentitySpans query, QueryResults out) const;

    GalleryIndex gallery_;
    PrecisionRule rule_;
    SameCamera same_camera_;
};

}  // namespace mgn
