// SPDX-License-Identifier: Apache-2.0
// Counting around the matches, see Note [windows] in matches.h. Most of a gallery lies beyond the
// last window, so that a row is first compared with that window's end alone, and only what is left
// is counted around the others.
#include "eval/ranking.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "common/errors.h"
#include "eval/interruptible.h"
#include "eval/loops.h"
#include "eval/precision.h"

namespace mgn {

namespace {

// Up to so many values of 64 are looked up among the windows, more are counted around each.
constexpr std::uint64_t kFew = 6;

// Rows between two looks at whether the caller wants to stop. One row takes milliseconds at most,
// even where all of it must be settled.
constexpr std::size_t kGrain = 8;

// What a row's values are to one window.
struct Tally {
    std::size_t below = 0;   // values certainly closer than every match in it
    std::size_t inside = 0;  // values that had to be settled
};

}  // namespace

// Ranks one query at a time; keeps its scratch memory between queries. Values are T, exact ones
// float64: `settle(column)` gives the exact distance, within `margin` of the row's value.
template <typename T>
class RowRanker {
public:
    explicit RowRanker(const Ranker& ranker)
        : ranker_(ranker), matches_(ranker.gallery_, ranker.same_camera_) {}

    template <typename Settle>
    void rank(const T* row, double margin, Settle settle, std::int32_t person, std::int32_t camera,
              std::size_t query, QueryResults out) {
        out.average_precision[query] = std::numeric_limits<double>::quiet_NaN();
        out.inverse_negative_penalty[query] = std::numeric_limits<double>::quiet_NaN();
        out.first_match[query] = 0;
        if (!matches_.find(person, camera, margin, settle) || !count(row, settle)) {
            return void(out.first_match[query] = -1);
        }
        if (matches_.sorted.empty()) return;
        place();
        out.average_precision[query] = average_precision(ranker_.rule_, places_);
        out.first_match[query] = static_cast<std::int64_t>(rank_of(places_, 0));
        out.inverse_negative_penalty[query] =
            static_cast<double>(places_.size()) / rank_of(places_, places_.size() - 1);
    }

private:
    // Fills the windows' tallies and settles what lies inside; the query's person counts nowhere.
    // False if there is a NaN.
    template <typename Settle>
    bool count(const T* row, Settle settle) {
        inside_.clear();
        const std::size_t num_windows = matches_.upper.size();
        tallies_.assign(num_windows, Tally());
        below_.resize(num_windows);
        not_above_.resize(num_windows);
        const std::size_t columns = ranker_.gallery_.person.size();
        words_.resize(words_for(columns));
        const T last =
            num_windows == 0 ? -std::numeric_limits<T>::infinity() : matches_.upper.back();
        kernels_.mark_within(row, columns, last, words_.data());
        for (std::size_t w = 0; w < words_.size(); ++w) {
            if (words_[w] == 0) continue;
            const std::size_t begin = w * kWordBits;
            const std::size_t end = std::min(columns, begin + kWordBits);
            const bool one_by_one = matches_.removes_strangers() || is_few(words_[w]);
            const bool ordered = one_by_one ? look_up(row, begin, words_[w], settle)
                                            : count_chunk(row, begin, end, settle);
            if (!ordered) return false;
        }
        std::size_t below = 0;
        for (std::size_t w = 0; w < num_windows; ++w) {
            below += tallies_[w].below;
            tallies_[w].below = below;
            for (const std::size_t column : matches_.same_person) {
                if (row[column] < matches_.lower[w]) --tallies_[w].below;
            }
        }
        std::sort(inside_.begin(), inside_.end());
        return true;
    }

    static bool is_few(std::uint64_t word) {
        for (std::uint64_t seen = 0; seen < kFew && word != 0; ++seen) word &= word - 1;
        return word == 0;
    }

    // While values are counted, a window's `below` holds what is below it but not the one before.
    // False if there is a NaN.
    template <typename Settle>
    bool look_up(const T* row, std::size_t begin, std::uint64_t word, Settle settle) {
        const std::size_t num_windows = tallies_.size();
        for (; word != 0; word &= word - 1) {
            const std::size_t j = begin + static_cast<std::size_t>(__builtin_ctzll(word));
            if (row[j] != row[j]) return false;
            if (num_windows == 0 || matches_.is_removed(j)) continue;
            std::size_t at = num_windows - 1;  // most lie near the last
            while (at > 0 && row[j] <= matches_.upper[at - 1]) --at;
            if (row[j] >= matches_.lower[at]) settle_inside(at++, j, settle);
            if (at < num_windows) ++tallies_[at].below;
        }
        return true;
    }

    // False if there is a NaN.
    template <typename Settle>
    bool count_chunk(const T* row, std::size_t begin, std::size_t end, Settle settle) {
        unsigned unordered = 0;
        for (std::size_t j = begin; j < end; ++j) unordered += row[j] != row[j] ? 1U : 0U;
        if (unordered != 0) return false;
        kernels_.count_around(row + begin, end - begin, matches_.lower.data(),
                              matches_.upper.data(), tallies_.size(), below_.data(),
                              not_above_.data());
        std::size_t counted = 0;
        for (std::size_t w = 0; w < tallies_.size(); ++w) {
            tallies_[w].below += below_[w] - counted;
            counted = below_[w];
            if (not_above_[w] == below_[w]) continue;
            for (std::size_t j = begin; j < end; ++j) {
                if (row[j] < matches_.lower[w] || row[j] > matches_.upper[w]) continue;
                settle_inside(w, j, settle);
            }
        }
        return true;
    }

    template <typename Settle>
    void settle_inside(std::size_t window, std::size_t column, Settle settle) {
        if (matches_.is_same_person(column)) return;
        inside_.emplace_back(settle(column), static_cast<std::int32_t>(column));
        ++tallies_[window].inside;
    }

    // Values inside earlier windows are among those below this one, so they are left out of the
    // sorted list of settled ones by their number: all of them are closer than this window's.
    void place() {
        places_.clear();
        std::size_t earlier = 0;
        for (std::size_t w = 0; w < tallies_.size(); ++w) {
            const bool is_last = w + 1 == tallies_.size();
            const std::size_t end = is_last ? matches_.sorted.size() : matches_.first[w + 1];
            for (std::size_t index = matches_.first[w]; index < end; ++index) {
                const Settled& match = matches_.sorted[index];
                const Settled group{match.first, std::numeric_limits<std::int32_t>::min()};
                const Settled group_end{match.first, std::numeric_limits<std::int32_t>::max()};
                const auto first = std::lower_bound(inside_.begin(), inside_.end(), group);
                const auto own = std::lower_bound(first, inside_.end(), match);
                const auto last = std::lower_bound(own, inside_.end(), group_end);
                const auto closer = static_cast<std::size_t>(first - inside_.begin()) - earlier;
                places_.push_back({match.first, static_cast<double>(tallies_[w].below + closer),
                                   static_cast<double>(last - first),
                                   static_cast<double>(own - first)});
            }
            earlier += tallies_[w].inside;
        }
    }

    const Ranker& ranker_;
    const CompareKernels<T>& kernels_ = compare_kernels<T>();
    Matches<T> matches_;
    std::vector<Tally> tallies_;        // by window
    std::vector<std::uint32_t> below_;  // by window, in one chunk
    std::vector<std::uint32_t> not_above_;
    std::vector<std::uint64_t> words_;
    std::vector<Settled> inside_;
    std::vector<Place> places_;
};

Ranker::Ranker(IdentitySpans gallery, PrecisionRule rule, SameCamera same_camera)
    : gallery_(gallery), rule_(rule), same_camera_(same_camera) {}

void Ranker::check(std::size_t rows, std::size_t columns, IdentitySpans query,
                   QueryResults out) const {
    const bool fits = columns == gallery_.person.size() && query.person.size == rows &&
                      query.camera.size == rows && out.average_precision.size == rows &&
                      out.inverse_negative_penalty.size == rows && out.first_match.size == rows;
    if (fits) return;
    throw InvalidInput("distances has " + std::to_string(rows) + " rows and " +
                       std::to_string(columns) + " columns, expected one row for each of " +
                       std::to_string(query.person.size) + " queries and one column for each of " +
                       std::to_string(gallery_.person.size()) + " gallery pictures");
}

template <typename T>
void Ranker::rank_distances(Matrix<const T> distances, IdentitySpans query, QueryResults out,
                            const Workers& workers) const {
    check(distances.rows, distances.columns, query, out);
    interruptible_for(distances.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        RowRanker<T> ranker(*this);
        for (std::size_t i = begin; i < end; ++i) {
            const T* const row = distances.row(i);
            const GivenRow<T> settle{row};
            ranker.rank(row, 0.0, settle, query.person[i], query.camera[i], i, out);
        }
    });
}

template void Ranker::rank_distances(Matrix<const float>, IdentitySpans, QueryResults,
                                     const Workers&) const;
template void Ranker::rank_distances(Matrix<const double>, IdentitySpans, QueryResults,
                                     const Workers&) const;

void Ranker::rank_screened(const Screened& block, IdentitySpans query, QueryResults out,
                           const Workers& workers) const {
    check(block.values.rows, block.values.columns, query, out);
    interruptible_for(block.values.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        RowRanker<float> ranker(*this);
        for (std::size_t i = begin; i < end; ++i) {
            const ScreenedRow settle{block, i};
            ranker.rank(block.values.row(i), block.margin(i), settle, query.person[i],
                        query.camera[i], i, out);
        }
    });
}

}  // namespace mgn
