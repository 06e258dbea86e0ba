// SPDX-License-Identifier: Apache-2.0
// Counting around the matches. Note [windows]: each match owns the interval of values that could
// lie on either side of it (a point, for given distances); overlapping ones are merged. Values
// below a window are certainly closer than its matches, values above certainly farther, and those
// inside are settled one by one. Most of a gallery lies beyond the last window, so that a row is
// first compared with that window's end alone, and only what is left is counted around the others.
#include "eval/ranking.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "common/errors.h"
#include "eval/interruptible.h"
#include "eval/loops.h"
#include "eval/precision.h"

namespace mgn {

namespace {

using Settled = std::pair<double, std::int32_t>;  // exact distance and gallery position

// Up to so many values of 64 are looked up among the windows, more are counted around each.
constexpr std::uint64_t kFew = 6;

// Rows between two looks at whether the caller wants to stop. One row takes milliseconds at most,
// even where all of it must be settled.
constexpr std::size_t kGrain = 8;

// How a row's values are settled: given ones are exact, screened ones are computed again.
template <typename T>
struct GivenRow {
    const T* values;

    double operator()(std::size_t column) const { return static_cast<double>(values[column]); }
    void expect(std::size_t) const {}
};

struct ScreenedRow {
    const Screened& block;
    std::size_t row;

    double operator()(std::size_t column) const { return block.exact(row, column); }
    void expect(std::size_t column) const {
        fetch_ahead(block.columns.row(column), block.columns.columns);
    }
};

double bound_below(double value, double) { return value; }
double bound_above(double value, double) { return value; }
float bound_below(double value, float) { return round_down(value); }
float bound_above(double value, float) { return round_up(value); }

struct Window {
    std::size_t matches;     // how many of the sorted matches lie in it
    std::size_t below = 0;   // values certainly closer than every match in it
    std::size_t inside = 0;  // values that had to be settled
};

}  // namespace

// Ranks one query at a time; keeps its scratch memory between queries. Values are T, exact ones
// float64: `settle(column)` gives the exact distance, within `margin` of the row's value.
template <typename T>
class RowRanker {
public:
    explicit RowRanker(const Ranker& ranker) : ranker_(ranker) {}

    template <typename Settle>
    void rank(const T* row, double margin, Settle settle, std::int32_t person, std::int32_t camera,
              std::size_t query, QueryResults out) {
        out.average_precision[query] = std::numeric_limits<double>::quiet_NaN();
        out.inverse_negative_penalty[query] = std::numeric_limits<double>::quiet_NaN();
        out.first_match[query] = 0;
        if (!find_matches(person, camera, settle)) return void(out.first_match[query] = -1);
        open_windows(margin);
        if (!count(row, settle, person)) return void(out.first_match[query] = -1);
        if (matches_.empty()) return;
        place();
        out.average_precision[query] = average_precision(ranker_.rule_, places_);
        out.first_match[query] = static_cast<std::int64_t>(rank_of(places_, 0));
        out.inverse_negative_penalty[query] =
            static_cast<double>(places_.size()) / rank_of(places_, places_.size() - 1);
    }

private:
    // False if a match is at a distance that is no number: such a list has no order.
    template <typename Settle>
    bool find_matches(std::int32_t person, std::int32_t camera, Settle settle) {
        const std::vector<std::int32_t>& order = ranker_.by_person_;
        const auto before = [&](std::int32_t at, std::int32_t who) {
            return ranker_.person_[static_cast<std::size_t>(at)] < who;
        };
        auto at = std::lower_bound(order.begin(), order.end(), person, before);
        matches_.clear();
        same_person_.clear();
        for (; at != order.end() && ranker_.person_[static_cast<std::size_t>(*at)] == person;
             ++at) {
            same_person_.push_back(static_cast<std::size_t>(*at));
        }
        for (std::size_t k = 0; k < same_person_.size(); ++k) {
            const std::size_t column = same_person_[k];
            if (k + 1 < same_person_.size()) settle.expect(same_person_[k + 1]);
            const bool same_camera = ranker_.camera_[column] == camera;
            if (same_camera && ranker_.same_camera_ == SameCamera::kDrop) continue;
            const double distance = settle(column);
            if (distance != distance) return false;
            matches_.emplace_back(distance, static_cast<std::int32_t>(column));
        }
        std::sort(matches_.begin(), matches_.end());
        return true;
    }

    void open_windows(double margin) {
        windows_.clear();
        lower_.clear();
        upper_.clear();
        for (const Settled& match : matches_) {
            const T lower = bound_below(match.first - margin, T{});
            const T upper = bound_above(match.first + margin, T{});
            if (!windows_.empty() && lower <= upper_.back()) {
                upper_.back() = upper;
                ++windows_.back().matches;
            } else {
                windows_.push_back({1});
                lower_.push_back(lower);
                upper_.push_back(upper);
            }
        }
        below_.resize(windows_.size());
        not_above_.resize(windows_.size());
    }

    // Fills the windows' counts and settles what lies inside; the query's person counts nowhere.
    // False if there is a NaN.
    template <typename Settle>
    bool count(const T* row, Settle settle, std::int32_t person) {
        inside_.clear();
        const std::size_t columns = ranker_.person_.size();
        words_.resize(words_for(columns));
        const T last = upper_.empty() ? -std::numeric_limits<T>::infinity() : upper_.back();
        kernels_.mark_within(row, columns, last, words_.data());
        for (std::size_t w = 0; w < words_.size(); ++w) {
            if (words_[w] == 0) continue;
            const std::size_t begin = w * kWordBits;
            const std::size_t end = std::min(columns, begin + kWordBits);
            const bool ordered = is_few(words_[w]) ? look_up(row, begin, words_[w], settle, person)
                                                   : count_chunk(row, begin, end, settle, person);
            if (!ordered) return false;
        }
        std::size_t below = 0;
        for (std::size_t w = 0; w < windows_.size(); ++w) {
            below += windows_[w].below;
            windows_[w].below = below;
            for (const std::size_t column : same_person_) {
                if (row[column] < lower_[w]) --windows_[w].below;
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
    bool look_up(const T* row, std::size_t begin, std::uint64_t word, Settle settle,
                 std::int32_t person) {
        for (; word != 0; word &= word - 1) {
            const std::size_t j = begin + static_cast<std::size_t>(__builtin_ctzll(word));
            if (row[j] != row[j]) return false;
            std::size_t at = windows_.size() - 1;  // most lie near the last
            while (at > 0 && row[j] <= upper_[at - 1]) --at;
            if (row[j] >= lower_[at]) settle_inside(at++, j, settle, person);
            if (at < windows_.size()) ++windows_[at].below;
        }
        return true;
    }

    // False if there is a NaN.
    template <typename Settle>
    bool count_chunk(const T* row, std::size_t begin, std::size_t end, Settle settle,
                     std::int32_t person) {
        unsigned unordered = 0;
        for (std::size_t j = begin; j < end; ++j) unordered += row[j] != row[j] ? 1U : 0U;
        if (unordered != 0) return false;
        kernels_.count_around(row + begin, end - begin, lower_.data(), upper_.data(),
                              windows_.size(), below_.data(), not_above_.data());
        std::size_t counted = 0;
        for (std::size_t w = 0; w < windows_.size(); ++w) {
            windows_[w].below += below_[w] - counted;
            counted = below_[w];
            if (not_above_[w] == below_[w]) continue;
            for (std::size_t j = begin; j < end; ++j) {
                if (row[j] < lower_[w] || row[j] > upper_[w]) continue;
                settle_inside(w, j, settle, person);
            }
        }
        return true;
    }

    template <typename Settle>
    void settle_inside(std::size_t window, std::size_t column, Settle settle, std::int32_t person) {
        if (ranker_.person_[column] == person) return;
        inside_.emplace_back(settle(column), static_cast<std::int32_t>(column));
        ++windows_[window].inside;
    }

    // Values inside earlier windows are among those below this one, so they are left out of the
    // sorted list of settled ones by their number: all of them are closer than this window's.
    void place() {
        places_.clear();
        std::size_t earlier = 0;
        std::size_t index = 0;
        for (const Window& window : windows_) {
            for (std::size_t k = 0; k < window.matches; ++k, ++index) {
                const Settled& match = matches_[index];
                const Settled group{match.first, std::numeric_limits<std::int32_t>::min()};
                const Settled group_end{match.first, std::numeric_limits<std::int32_t>::max()};
                const auto first = std::lower_bound(inside_.begin(), inside_.end(), group);
                const auto own = std::lower_bound(first, inside_.end(), match);
                const auto last = std::lower_bound(own, inside_.end(), group_end);
                const auto closer = static_cast<std::size_t>(first - inside_.begin()) - earlier;
                places_.push_back({match.first, static_cast<double>(window.below + closer),
                                   static_cast<double>(last - first),
                                   static_cast<double>(own - first)});
            }
            earlier += window.inside;
        }
    }

    const Ranker& ranker_;
    const CompareKernels<T>& kernels_ = compare_kernels<T>();
    std::vector<Settled> matches_;
    std::vector<std::size_t> same_person_;
    std::vector<Window> windows_;
    std::vector<T> lower_;  // of each window; ascending, as the windows are apart
    std::vector<T> upper_;
    std::vector<std::uint32_t> below_;  // of each window, in one chunk
    std::vector<std::uint32_t> not_above_;
    std::vector<std::uint64_t> words_;
    std::vector<Settled> inside_;
    std::vector<Place> places_;
};

Ranker::Ranker(IdentitySpans gallery, PrecisionRule rule, SameCamera same_camera)
    : person_(gallery.person.begin(), gallery.person.end()),
      camera_(gallery.camera.begin(), gallery.camera.end()),
      by_person_(gallery.person.size),
      rule_(rule),
      same_camera_(same_camera) {
    if (person_.size() != camera_.size()) {
        throw InvalidInput("gallery has " + std::to_string(person_.size()) + " persons and " +
                           std::to_string(camera_.size()) + " cameras, expected one of each");
    }
    std::iota(by_person_.begin(), by_person_.end(), 0);
    std::sort(by_person_.begin(), by_person_.end(), [&](std::int32_t a, std::int32_t b) {
        return person_[static_cast<std::size_t>(a)] < person_[static_cast<std::size_t>(b)];
    });
}

void Ranker::check(std::size_t rows, std::size_t columns, IdentitySpans query,
                   QueryResults out) const {
    const bool fits = columns == person_.size() && query.person.size == rows &&
                      query.camera.size == rows && out.average_precision.size == rows &&
                      out.inverse_negative_penalty.size == rows && out.first_match.size == rows;
    if (fits) return;
    throw InvalidInput("distances has " + std::to_string(rows) + " rows and " +
                       std::to_string(columns) + " columns, expected one row for each of " +
                       std::to_string(query.person.size) + " queries and one column for each of " +
                       std::to_string(person_.size()) + " gallery pictures");
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
