// SPDX-License-Identifier: Apache-2.0
// How many impostors lie between one match and the next, of all matches, without a list of all
// pairs. Knows nothing of rates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/matches.h"
#include "eval/pairs.h"
#include "eval/screen.h"

namespace mgn {

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
