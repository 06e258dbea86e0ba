// SPDX-License-Identifier: Apache-2.0
// Most impostors lie beyond all matches and are ruled out by one comparison; the others look their
// gap up in a grid. What must be settled is settled column by column for several queries, so that a
// gallery row comes from memory once for all of them.
#include "eval/impostors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "common/errors.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// Queries and gallery pictures that are looked at together: a megabyte of rows at width 2048, so
// that they stay in a cache while gallery rows come from memory once for all of them.
constexpr std::size_t kRowsTogether = 128;
constexpr std::size_t kColumnsTogether = 2048;
constexpr std::size_t kRowWords = kRowsTogether / kWordBits;
// A grid of 256 kB at most.
constexpr std::size_t kMostCells = std::size_t{1} << 16;
constexpr std::int32_t kUncertain = -1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Squares beyond these factors of a threshold's square have another root than the threshold.
constexpr double kAbove = 1.0 + 0x1p-50;
constexpr double kBelow = 1.0 - 0x1p-50;

}  // namespace

struct GapTally {
    std::int64_t below = 0;
    double top = -kInfinity;  // some square in the gap is no smaller
};

// What one thread has counted, and its scratch memory.
struct ImpostorCounter::Tallies {
    explicit Tallies(std::size_t thresholds)
        : gaps(thresholds + 1), equal(thresholds), largest(thresholds + 1, -kInfinity) {}

    std::vector<GapTally> gaps;
    std::vector<std::int64_t> equal;
    std::vector<double> largest;
    double smallest = kInfinity;
    std::int64_t num_smallest = 0;
    double bottom = kInfinity;  // some square in gap 0 is no larger
    std::int64_t num_settled = 0;
    std::vector<std::uint64_t> wanted;  // by column: rows that must be settled, kRowWords each
    std::vector<std::uint64_t> words, farthest;  // columns of a row to look at
};

// A few queries against a range of the gallery.
class GapFinder {
public:
    GapFinder(const ImpostorCounter& counter, ImpostorCounter::Tallies& tallies,
              const Screened& block, IdentitySpans query)
        : counter_(counter), tallies_(tallies), block_(block), query_(query) {}

    void count(std::size_t first_row, std::size_t num_rows, std::size_t first_column,
               std::size_t num_columns) {
        first_row_ = first_row;
        first_column_ = first_column;
        num_columns_ = num_columns;
        tallies_.wanted.assign(num_columns * kRowWords, 0);
        for (std::size_t i = 0; i < num_rows; ++i) look_at(i);
        settle();
    }

private:
    void look_at(std::size_t i) {
        const std::size_t row = first_row_ + i;
        const float* const values = block_.values.row(row) + first_column_;
        const double margin = block_.margin(row);
        mark(values, margin);
        counter_.pairs_.remove_others(query_.person[row], query_.camera[row], first_column_,
                                      num_columns_, tallies_.words.data());
        for (std::size_t w = 0; w < tallies_.words.size(); ++w) {
            if (tallies_.words[w] != 0) look_up(i, w, values + w * kWordBits, margin);
        }
    }

    // The values of one word. First all their gaps, so that no look-up waits for another.
    void look_up(std::size_t i, std::size_t w, const float* values, double margin) {
        std::size_t places[kWordBits];
        std::int32_t gaps[kWordBits];
        std::size_t count = 0;
        for (std::uint64_t word = tallies_.words[w]; word != 0; word &= word - 1) {
            places[count++] = static_cast<std::size_t>(__builtin_ctzll(word));
        }
        for (std::size_t n = 0; n < count; ++n) {
            gaps[n] =
                counter_.gap_of_cell_[counter_.cell_of(static_cast<double>(values[places[n]]))];
        }
        for (std::size_t n = 0; n < count; ++n) {
            const auto value = static_cast<double>(values[places[n]]);
            const bool settles =
                gaps[n] == kUncertain
                    ? must_settle(value, margin)
                    : must_settle_in(static_cast<std::size_t>(gaps[n]), value, margin);
            if (settles) want(i, w * kWordBits + places[n]);
        }
    }

    void want(std::size_t i, std::size_t j) {
        tallies_.wanted[j * kRowWords + i / kWordBits] |= std::uint64_t{1} << i % kWordBits;
    }

    // Marks what is not certainly beyond all thresholds, and what might be the farthest of all.
    void mark(const float* values, double margin) {
        const std::vector<double>& squares = counter_.squares_;
        const double last = squares.empty() ? tallies_.bottom : squares.back() * kAbove;
        const double farthest = tallies_.gaps.back().top - margin;
        tallies_.words.resize(words_for(num_columns_));
        tallies_.farthest.resize(words_for(num_columns_));
        compare_.mark_within(values, num_columns_, round_up(last + margin), tallies_.words.data());
        compare_.mark_beyond(values, num_columns_, round_down(farthest), tallies_.farthest.data());
        for (std::size_t w = 0; w < tallies_.words.size(); ++w) {
            tallies_.words[w] |= tallies_.farthest[w];
        }
    }

    // Counts an impostor, if its gap is certain and it is neither first nor last there.
    bool must_settle(double value, double margin) {
        const double low = value - margin;
        const double high = value + margin;
        const std::size_t at = counter_.first_not_below(low);
        const bool is_last = at == counter_.squares_.size();
        if (!is_last && counter_.squares_[at] * kBelow <= high) return true;
        if (at == 0 && low <= tallies_.bottom) {
            tallies_.bottom = std::min(tallies_.bottom, high);
            return true;
        }
        return must_settle_in(at, value, margin);
    }

    bool must_settle_in(std::size_t at, double value, double margin) {
        GapTally& gap = tallies_.gaps[at];
        const bool may_be_largest = value + margin >= gap.top;
        if (may_be_largest) {
            gap.top = std::max(gap.top, value - margin);
        } else {
            ++gap.below;
        }
        return may_be_largest;
    }

    void settle() {
        const std::size_t width = block_.columns.columns;
        const float* rows[kRowsTogether];
        double squares[kRowsTogether];
        for (std::size_t j = 0; j < num_columns_; ++j) {
            std::size_t count = 0;
            for (std::size_t w = 0; w < kRowWords; ++w) {
                std::uint64_t word = tallies_.wanted[j * kRowWords + w];
                for (; word != 0; word &= word - 1) {
                    const auto bit = static_cast<std::size_t>(__builtin_ctzll(word));
                    rows[count++] = block_.rows.row(first_row_ + w * kWordBits + bit);
                }
            }
            const float* const column = block_.columns.row(first_column_ + j);
            kernels().squared_distances(rows, count, column, width, squares);
            for (std::size_t n = 0; n < count; ++n) count_exact(squares[n]);
        }
    }

    void count_exact(double square) {
        const double distance = std::sqrt(square);
        const std::size_t last = counter_.thresholds_.size();
        std::size_t at = counter_.first_not_below(square);
        while (at < last && counter_.thresholds_[at] < distance) ++at;
        ++tallies_.num_settled;
        if (at < last && counter_.thresholds_[at] == distance) return void(++tallies_.equal[at]);
        GapTally& gap = tallies_.gaps[at];
        ++gap.below;
        gap.top = std::max(gap.top, square);
        tallies_.largest[at] = std::max(tallies_.largest[at], distance);
        if (at > 0 || distance > tallies_.smallest) return;
        tallies_.num_smallest = distance < tallies_.smallest ? 1 : tallies_.num_smallest + 1;
        tallies_.smallest = distance;
        tallies_.bottom = std::min(tallies_.bottom, square * kAbove);
    }

    const ImpostorCounter& counter_;
    ImpostorCounter::Tallies& tallies_;
    const Screened& block_;
    IdentitySpans query_;
    const CompareKernels<float>& compare_ = compare_kernels<float>();
    std::size_t first_row_ = 0;
    std::size_t first_column_ = 0;
    std::size_t num_columns_ = 0;
};

ImpostorCounter::ImpostorCounter(const Pairs& pairs, Span<const double> thresholds)
    : pairs_(pairs), thresholds_(thresholds.begin(), thresholds.end()) {
    constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
    if (thresholds.size >= kMost) {
        throw InvalidInput("thresholds has " + std::to_string(thresholds.size) +
                           " entries, expected fewer than " + std::to_string(kMost));
    }
    for (std::size_t k = 0; k < thresholds_.size(); ++k) {
        const bool ascends = k == 0 ? thresholds_[k] >= 0.0 : thresholds_[k] > thresholds_[k - 1];
        if (!ascends) {
            throw InvalidInput("thresholds has " + std::to_string(thresholds_[k]) + " in place " +
                               std::to_string(k) + ", expected distances that ascend");
        }
        squares_.push_back(thresholds_[k] * thresholds_[k]);
    }
    const std::size_t cells = std::max<std::size_t>(1, std::min(kMostCells, 16 * squares_.size()));
    gap_of_cell_.assign(cells, kUncertain);
    first_in_cell_.assign(cells + 1, 0);
    last_cell_ = static_cast<double>(cells - 1);
    if (squares_.empty()) return;
    origin_ = squares_.front();
    const double range = squares_.back() - origin_;
    scale_ = range > 0.0 ? static_cast<double>(cells) / range : 0.0;
    for (const double square : squares_) ++first_in_cell_[cell_of(square * kAbove) + 1];
    for (std::size_t c = 1; c <= cells; ++c) first_in_cell_[c] += first_in_cell_[c - 1];
}

ImpostorCounter::~ImpostorCounter() = default;

// The first threshold that is not certainly below; their number if all are.
std::size_t ImpostorCounter::first_not_below(double square) const {
    const std::size_t cell = cell_of(square);
    std::size_t low = first_in_cell_[cell];
    std::size_t high = first_in_cell_[cell + 1];
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (squares_[middle] * kAbove < square) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// Which cells tell their gap to values that may be off by so much. Gap 0 has a smallest impostor.
void ImpostorCounter::expect_margin(double margin) {
    constexpr double kRoom = 1.25;  // for the next blocks, or each would fill the grid again
    if (margin <= margin_) return;
    margin_ = kRoom * margin;
    for (std::size_t c = 0; c < gap_of_cell_.size(); ++c) {
        const std::uint32_t gap = first_in_cell_[c];
        gap_of_cell_[c] = gap == 0 ? kUncertain : static_cast<std::int32_t>(gap);
    }
    std::size_t marked = 0;  // cells before it are done with
    for (const double square : squares_) {
        const std::size_t begin = std::max(marked, cell_of(square * kBelow - margin_));
        marked = cell_of(square * kAbove + margin_) + 1;
        for (std::size_t c = begin; c < marked; ++c) gap_of_cell_[c] = kUncertain;
    }
}

std::unique_ptr<ImpostorCounter::Tallies> ImpostorCounter::take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) return std::make_unique<Tallies>(thresholds_.size());
    std::unique_ptr<Tallies> tallies = std::move(idle_.back());
    idle_.pop_back();
    return tallies;
}

void ImpostorCounter::give_back(std::unique_ptr<Tallies> tallies) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(tallies));
}

void ImpostorCounter::add(const Screened& block, IdentitySpans query, const Workers& workers) {
    require_same("a row of distances", block.values.columns, pairs_.num_gallery());
    require_same("person", query.person.size, block.values.rows);
    require_same("camera", query.camera.size, block.values.rows);
    if (block.metric != Metric::kSquaredDistance) {
        throw InvalidInput("block is of unit rows, expected one of squared distances");
    }
    const std::size_t num_rows = block.values.rows;
    const std::size_t num_columns = block.values.columns;
    double margin = 0.0;
    for (std::size_t i = 0; i < num_rows; ++i) margin = std::max(margin, block.margin(i));
    expect_margin(margin);
    const std::size_t pieces = (num_columns + kColumnsTogether - 1) / kColumnsTogether;
    const std::size_t groups = (num_rows + kRowsTogether - 1) / kRowsTogether;
    interruptible_for(groups * pieces, workers, 1, [&](std::size_t begin, std::size_t end) {
        std::unique_ptr<Tallies> tallies = take();
        GapFinder finder(*this, *tallies, block, query);
        for (std::size_t n = begin; n < end; ++n) {
            const std::size_t row = n / pieces * kRowsTogether;
            const std::size_t column = n % pieces * kColumnsTogether;
            finder.count(row, std::min(kRowsTogether, num_rows - row), column,
                         std::min(kColumnsTogether, num_columns - column));
        }
        give_back(std::move(tallies));
    });
}

void ImpostorCounter::sum(GapCounts& out) const {
    const std::size_t count = thresholds_.size();
    require_same("below", out.below.size, count);
    require_same("equal", out.equal.size, count);
    require_same("largest", out.largest.size, count + 1);
    std::fill(out.below.begin(), out.below.end(), 0);
    std::fill(out.equal.begin(), out.equal.end(), 0);
    std::fill(out.largest.begin(), out.largest.end(), -kInfinity);
    out.smallest = kInfinity;
    out.num_smallest = out.num_settled = 0;
    for (const std::unique_ptr<Tallies>& part : idle_) {
        for (std::size_t k = 0; k < count; ++k) {
            out.below[k] += part->gaps[k].below;
            out.equal[k] += part->equal[k];
        }
        for (std::size_t k = 0; k <= count; ++k) {
            out.largest[k] = std::max(out.largest[k], part->largest[k]);
        }
        out.num_settled += part->num_settled;
        if (part->smallest < out.smallest) out.num_smallest = 0;
        if (part->smallest > out.smallest) continue;
        out.smallest = part->smallest;
        out.num_smallest += part->num_smallest;
    }
}

}  // namespace mgn
