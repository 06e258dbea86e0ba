// SPDX-License-Identifier: Apache-2.0
// Counting around the matches. Note [windows]: each match owns the interval of values that could
// lie on either side of it (a point, for given distances); overlapping ones are merged. Values
// below a window are certainly closer than its matches, values above certainly farther, and those
// inside are settled one by one.
#include "eval/ranking.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>

#include "common/errors.h"
#include "common/parallel_for.h"
#include "eval/precision.h"

namespace mgn {

namespace {

using Settled = std::pair<double, std::int32_t>;  // exact distance and gallery position

constexpr std::size_t kChunk = 256;  // values that stay in the nearest cache over all windows

template <typename T>
bool has_nan(const T* row, std::size_t count) {
    using Counter = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    Counter unordered = 0;
    for (std::size_t j = 0; j < count; ++j) unordered += row[j] != row[j] ? 1U : 0U;
    return unordered != 0;
}

double bound_below(double value, double) { return value; }
double bound_above(double value, double) { return value; }
float bound_below(double value, float) { return round_down(value); }
float bound_above(double value, float) { return round_up(value); }

template <typename T>
struct Window {
    T lower;
    T upper;
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
        out.first_match[query] = has_nan(row, ranker_.person_.size()) ? -1 : 0;
        if (out.first_match[query] < 0) return;
        find_matches(person, camera, settle);
        if (matches_.empty()) return;
        open_windows(margin);
        count(row, settle, person);
        place();
        out.average_precision[query] = average_precision(ranker_.rule_, places_);
        out.first_match[query] = static_cast<std::int64_t>(rank_of(places_, 0));
        out.inverse_negative_penalty[query] =
            static_cast<double>(places_.size()) / rank_of(places_, places_.size() - 1);
    }

private:
    template <typename Settle>
    void find_matches(std::int32_t person, std::int32_t camera, Settle settle) {
        const std::vector<std::int32_t>& order = ranker_.by_person_;
        const auto before = [&](std::int32_t at, std::int32_t who) {
            return ranker_.person_[static_cast<std::size_t>(at)] < who;
        };
        auto at = std::lower_bound(order.begin(), order.end(), person, before);
        matches_.clear();
        same_person_.clear();
        for (; at != order.end() && ranker_.person_[static_cast<std::size_t>(*at)] == person;
             ++at) {
            const auto column = static_cast<std::size_t>(*at);
            same_person_.push_back(column);
            const bool same_camera = ranker_.camera_[column] == camera;
            if (same_camera && ranker_.same_camera_ == SameCamera::kDrop) continue;
            matches_.emplace_back(settle(column), *at);
        }
        std::sort(matches_.begin(), matches_.end());
    }

    void open_windows(double margin) {
        windows_.clear();
        for (const Settled& match : matches_) {
            const T lower = bound_below(match.first - margin, T{});
            const T upper = bound_above(match.first + margin, T{});
            if (!windows_.empty() && lower <= windows_.back().upper) {
                windows_.back().upper = upper;
                ++windows_.back().matches;
            } else {
                windows_.push_back({lower, upper, 1});
            }
        }
    }

    // Fills the windows' counts and settles what lies inside; the query's person counts nowhere.
    template <typename Settle>
    void count(const T* row, Settle settle, std::int32_t person) {
        inside_.clear();
        const std::size_t columns = ranker_.person_.size();
        for (std::size_t begin = 0; begin < columns; begin += kChunk) {
            const std::size_t end = std::min(columns, begin + kChunk);
            for (Window<T>& window : windows_) {
                if (!count_chunk(row, begin, end, window)) continue;
                for (std::size_t j = begin; j < end; ++j) {
                    if (row[j] < window.lower || row[j] > window.upper) continue;
                    if (ranker_.person_[j] == person) continue;
                    inside_.emplace_back(settle(j), static_cast<std::int32_t>(j));
                    ++window.inside;
                }
            }
        }
        for (Window<T>& window : windows_) {
            for (const std::size_t column : same_person_) {
                if (row[column] < window.lower) --window.below;
            }
        }
        std::sort(inside_.begin(), inside_.end());
    }

    // True if the chunk has a value inside the window.
    static bool count_chunk(const T* row, std::size_t begin, std::size_t end, Window<T>& window) {
        using Counter = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
        Counter below = 0;
        Counter not_above = 0;
        for (std::size_t j = begin; j < end; ++j) {
            below += row[j] < window.lower ? 1U : 0U;
            not_above += row[j] <= window.upper ? 1U : 0U;
        }
        window.below += static_cast<std::size_t>(below);
        return not_above != below;
    }

    // Values inside earlier windows are among those below this one, so they are left out of the
    // sorted list of settled ones by their number: all of them are closer than this window's.
    void place() {
        places_.clear();
        std::size_t earlier = 0;
        std::size_t index = 0;
        for (const Window<T>& window : windows_) {
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
    std::vector<Settled> matches_;
    std::vector<std::size_t> same_person_;
    std::vector<Window<T>> windows_;
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
                            std::size_t threads) const {
    check(distances.rows, distances.columns, query, out);
    parallel_for(distances.rows, threads, [&](std::size_t begin, std::size_t end) {
        RowRanker<T> ranker(*this);
        for (std::size_t i = begin; i < end; ++i) {
            const T* const row = distances.row(i);
            const auto settle = [row](std::size_t j) { return static_cast<double>(row[j]); };
            ranker.rank(row, 0.0, settle, query.person[i], query.camera[i], i, out);
        }
    });
}

template void Ranker::rank_distances(Matrix<const float>, IdentitySpans, QueryResults,
                                     std::size_t) const;
template void Ranker::rank_distances(Matrix<const double>, IdentitySpans, QueryResults,
                                     std::size_t) const;

void Ranker::rank_screened(const Screened& block, IdentitySpans query, QueryResults out,
                           std::size_t threads) const {
    check(block.values.rows, block.values.columns, query, out);
    parallel_for(block.values.rows, threads, [&](std::size_t begin, std::size_t end) {
        RowRanker<float> ranker(*this);
        for (std::size_t i = begin; i < end; ++i) {
            const auto settle = [&block, i](std::size_t j) { return block.exact(i, j); };
            ranker.rank(block.values.row(i), block.margin(i), settle, query.person[i],
                        query.camera[i], i, out);
        }
    });
}

}  // namespace mgn
