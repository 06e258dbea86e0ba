// SPDX-License-Identifier: Apache-2.0
// Pairs of a query and a gallery picture: matches and impostors (pictures of other persons), junk
// left out; their Euclidean distances, and how many impostors lie below each match, without a list
// of all. Knows nothing of rates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/matches.h"
#include "eval/screen.h"

namespace mgn {

enum class PairKind { kMatches, kImpostors };

// Which pairs there are. Const after construction, so that any thread may use it.
class Pairs {
public:
    // Throws InvalidInput where the two spans differ in length.
    Pairs(IdentitySpans gallery, SameCamera same_camera);

    std::size_t num_gallery() const { return gallery_.person.size(); }

    // Pairs of each query.
    void count(IdentitySpans query, Span<std::int64_t> matches, Span<std::int64_t> impostors) const;

    // Exact distances, of the first query first, in gallery order. Throws InvalidInput where a
    // shape does not fit, `out` among them; Cancelled.
    void distances(PairKind kind, Matrix<const float> rows, Matrix<const float> columns,
                   IdentitySpans query, Span<double> out, const Workers& workers) const;

    // Clears the bits of pictures, of `count` from `first` on, that are no impostors of the query.
    void remove_others(std::int32_t person, std::int32_t camera, std::size_t first,
                       std::size_t count, std::uint64_t* words) const;

private:
    struct Range {
        std::size_t begin, end;  // of gallery_.by_person
    };

    Range range_of(std::int32_t person) const;
    bool is_impostor(std::size_t column, std::int32_t person, std::int32_t camera) const {
        const bool leaves =
            same_camera_ == SameCamera::kSeparate && gallery_.camera[column] == camera;
        return gallery_.person[column] != person && !leaves;
    }
    bool is_match(std::size_t column, std::int32_t camera) const {
        return same_camera_ == SameCamera::kKeep || gallery_.camera[column] != camera;
    }

    GalleryIndex gallery_;
    SameCamera same_camera_;
    std::vector<std::int32_t> cameras_;  // of the gallery, ascending
};

// Note [gaps]: thresholds are the distances that matches have, ascending and all different, and gap
// k lies below threshold k, the last gap above all. An impostor's float32 distance with its margin
// tells its gap unless a threshold lies within the margin. Those are settled in float64, and so are
// the few that could be the largest of their gap, or the smallest of all in the first: a curve of
// rates has a corner there. Squares are looked up in an even grid: a cell that no threshold is
// near tells the gap at once.
struct GapCounts {
    Span<std::int64_t> below;   // [T] impostors in gap k
    Span<std::int64_t> equal;   // [T] impostors at threshold k
    Span<double> largest;       // [T + 1] impostor in gap k; minus infinity without one
    double smallest;            // impostor in gap 0; infinity without one
    std::int64_t num_smallest;  // impostors as near
    std::int64_t num_settled;   // in float64
};

// Counts impostors by gaps, block by block. One call at a time.
class ImpostorCounter {
public:
    // Throws InvalidInput where thresholds do not ascend. `pairs` must outlive it.
    ImpostorCounter(const Pairs& pairs, Span<const double> thresholds);
    ~ImpostorCounter();

    std::size_t num_thresholds() const { return thresholds_.size(); }

    // Counts the queries of a block of squared distances to the whole gallery. Throws InvalidInput
    // where a shape does not fit; Cancelled, and then the counts are of no use.
    void add(const Screened& block, IdentitySpans query, const Workers& workers);

    // The sums over all blocks.
    void sum(GapCounts& out) const;

private:
    friend class GapFinder;
    struct Tallies;

    std::size_t cell_of(double square) const {  // monotone
        const double at = (square - origin_) * scale_;
        if (!(at > 0.0)) return 0;
        return at < last_cell_ ? static_cast<std::size_t>(at) : gap_of_cell_.size() - 1;
    }
    std::size_t first_not_below(double square) const;
    void expect_margin(double margin);
    std::unique_ptr<Tallies> take();
    void give_back(std::unique_ptr<Tallies> tallies);

    const Pairs& pairs_;
    std::vector<double> thresholds_;
    std::vector<double> squares_;  // of thresholds
    double origin_ = 0.0;          // where the grid begins
    double scale_ = 0.0;           // cells in a unit of squares
    double last_cell_ = 0.0;
    std::vector<std::uint32_t> first_in_cell_;  // thresholds in earlier cells; one cell more
    std::vector<std::int32_t> gap_of_cell_;     // kUncertain: a threshold is near, or gap 0
    double margin_ = -1.0;                      // that gap_of_cell_ allows for
    std::mutex mutex_;
    std::vector<std::unique_ptr<Tallies>> idle_;
};

}  // namespace mgn
