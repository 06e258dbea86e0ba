// SPDX-License-Identifier: Apache-2.0
// Protocols that count a match on its own. A draw keeps one gallery picture of every person, each
// of his pictures as likely as any other, so that one match is left to every query: CUHK03's
// single-gallery-shot. Counting every match against the strangers alone is the other one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/matches.h"
#include "eval/ranking.h"
#include "eval/screen.h"

namespace mgn {

enum class Shots {
    kEveryMatch,  // nothing is drawn; a match ranks one behind the strangers before it
    kExpected,    // the mean over all draws there are, computed, not drawn
    kDrawn,       // the mean over `draws` draws, which `seed` and the query's number decide
};

struct ShotSettings {
    PrecisionRule rule = PrecisionRule::kSklearn;
    SameCamera same_camera = SameCamera::kDrop;
    Shots shots = Shots::kExpected;
    std::size_t draws = 0;
    std::uint64_t seed = 0;
};

// `query.first_match` is 1, 0 without a match, -1 with a NaN among the distances; then the others
// are NaN and zeros.
struct ShotResults {
    QueryResults query;
    Matrix<double> ranks;  // [b, R]: the probability that a match has rank r, at r - 1
};

// Const after construction, so that any thread may use it. Pictures of one person number are one
// person's, those of distractors too, as in the programs that define the protocol.
class ShotRanker {
public:
    // Throws InvalidInput where the two spans differ in length, or for kDrawn without draws.
    ShotRanker(IdentitySpans gallery, ShotSettings settings);

    // Of the queries numbered first_query, first_query + 1, ..., whose distances to the whole
    // gallery are the rows. Throws InvalidInput where a shape does not fit; Cancelled.
    template <typename T>
    void rank_distances(Matrix<const T> distances, std::size_t first_query, IdentitySpans query,
                        ShotResults out, const Workers& workers) const;

    // The same on the exact float64 distances, of which only those near a match are computed.
    void rank_screened(const Screened& block, std::size_t first_query, IdentitySpans query,
                       ShotResults out, const Workers& workers) const;

private:
    template <typename T>
    friend class RowShooter;

    void check(std::size_t rows, std::size_t columns, IdentitySpans query, ShotResults out) const;

    GalleryIndex gallery_;
    ShotSettings settings_;
    std::vector<std::size_t> group_;        // by gallery position: whose picture, counted from 0
    std::vector<std::size_t> group_begin_;  // by group: where its pictures start in by_person
};

}  // namespace mgn
