// SPDX-License-Identifier: Apache-2.0
// A query's matches, and the intervals of values around them: what every way of counting starts
// from. Note [windows]: each match owns the interval of values that could lie on either side of it
// (a point, for given distances); overlapping ones are merged. Values below a window are certainly
// closer than its matches, values above certainly farther, and those inside are settled one by one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/span.h"
#include "eval/screen.h"

namespace mgn {

// What the query's own camera took: pictures of the query's person leave the ranking, all stay, or
// all pictures leave.
enum class SameCamera { kDrop, kKeep, kSeparate };

struct IdentitySpans {
    Span<const std::int32_t> person;
    Span<const std::int32_t> camera;
};

// Who is on the gallery's pictures. Owns a copy; const after construction.
struct GalleryIndex {
    std::vector<std::int32_t> person;
    std::vector<std::int32_t> camera;
    std::vector<std::int32_t> by_person;  // gallery positions, ordered by person, then position

    // Throws InvalidInput where the two spans differ in length.
    explicit GalleryIndex(IdentitySpans gallery)
        : person(gallery.person.begin(), gallery.person.end()),
          camera(gallery.camera.begin(), gallery.camera.end()),
          by_person(gallery.person.size) {
        if (person.size() != camera.size()) {
            throw InvalidInput("gallery has " + std::to_string(person.size()) + " persons and " +
                               std::to_string(camera.size()) + " cameras, expected one of each");
        }
        std::iota(by_person.begin(), by_person.end(), 0);
        std::stable_sort(by_person.begin(), by_person.end(), [&](std::int32_t a, std::int32_t b) {
            return person[static_cast<std::size_t>(a)] < person[static_cast<std::size_t>(b)];
        });
    }
};

using Settled = std::pair<double, std::int32_t>;  // exact distance and gallery position

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

inline double bound_below(double value, double) { return value; }
inline double bound_above(double value, double) { return value; }
inline float bound_below(double value, float) { return round_down(value); }
inline float bound_above(double value, float) { return round_up(value); }

// One query at a time; keeps its memory between queries.
template <typename T>
class Matches {
public:
    Matches(const GalleryIndex& gallery, SameCamera rule) : gallery_(gallery), rule_(rule) {}

    // False if a match is at a distance that is no number: such a list has no order.
    template <typename Settle>
    bool find(std::int32_t person, std::int32_t camera, double margin, Settle settle) {
        person_ = person;
        camera_ = camera;
        sorted.clear();
        same_person.clear();
        const auto before = [&](std::int32_t at, std::int32_t who) {
            return gallery_.person[static_cast<std::size_t>(at)] < who;
        };
        const std::vector<std::int32_t>& order = gallery_.by_person;
        for (auto at = std::lower_bound(order.begin(), order.end(), person, before);
             at != order.end() && gallery_.person[static_cast<std::size_t>(*at)] == person; ++at) {
            const auto column = static_cast<std::size_t>(*at);
            if (!is_removed(column)) same_person.push_back(column);
        }
        for (std::size_t k = 0; k < same_person.size(); ++k) {
            const std::size_t column = same_person[k];
            if (k + 1 < same_person.size()) settle.expect(same_person[k + 1]);
            if (gallery_.camera[column] == camera && rule_ == SameCamera::kDrop) continue;
            const double distance = settle(column);
            if (distance != distance) return false;
            sorted.emplace_back(distance, static_cast<std::int32_t>(column));
        }
        std::sort(sorted.begin(), sorted.end());
        open(margin);
        return true;
    }

    // Whether the query's camera takes the picture out of the ranking, whoever is on it.
    bool is_removed(std::size_t column) const {
        return rule_ == SameCamera::kSeparate && gallery_.camera[column] == camera_;
    }
    bool removes_strangers() const { return rule_ == SameCamera::kSeparate; }
    bool is_same_person(std::size_t column) const { return gallery_.person[column] == person_; }

    std::vector<Settled> sorted;           // nearest first
    std::vector<std::size_t> same_person;  // matches and junk, but for removed ones
    // See Note [windows]. Ascending, as the windows are apart.
    std::vector<T> lower;
    std::vector<T> upper;
    std::vector<std::size_t> first;  // by window: its first match

private:
    void open(double margin) {
        lower.clear();
        upper.clear();
        first.clear();
        for (std::size_t index = 0; index < sorted.size(); ++index) {
            const T low = bound_below(sorted[index].first - margin, T{});
            const T high = bound_above(sorted[index].first + margin, T{});
            if (!upper.empty() && low <= upper.back()) {
                upper.back() = high;
            } else {
                lower.push_back(low);
                upper.push_back(high);
                first.push_back(index);
            }
        }
    }

    const GalleryIndex& gallery_;
    SameCamera rule_;
    std::int32_t person_ = 0;
    std::int32_t camera_ = 0;
};

}  // namespace mgn
