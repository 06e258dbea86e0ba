// SPDX-License-Identifier: Apache-2.0
#include "eval/pairs.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/errors.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// Queries between two looks at whether the caller wants to stop.
constexpr std::size_t kGrain = 8;

}  // namespace

void require_same(const char* what, std::size_t found, std::size_t expected) {
    if (found == expected) return;
    throw InvalidInput(std::string(what) + " has " + std::to_string(found) + ", expected " +
                       std::to_string(expected));
}

Pairs::Pairs(IdentitySpans gallery, SameCamera same_camera)
    : gallery_(gallery), same_camera_(same_camera), cameras_(gallery_.camera) {
    std::sort(cameras_.begin(), cameras_.end());
}

Pairs::Range Pairs::range_of(std::int32_t person) const {
    const auto person_at = [&](std::int32_t at) {
        return gallery_.person[static_cast<std::size_t>(at)];
    };
    const auto begin = gallery_.by_person.begin();
    const auto low =
        std::lower_bound(begin, gallery_.by_person.end(), person,
                         [&](std::int32_t at, std::int32_t who) { return person_at(at) < who; });
    const auto high =
        std::upper_bound(low, gallery_.by_person.end(), person,
                         [&](std::int32_t who, std::int32_t at) { return who < person_at(at); });
    return {static_cast<std::size_t>(low - begin), static_cast<std::size_t>(high - begin)};
}

void Pairs::count(IdentitySpans query, Span<std::int64_t> matches,
                  Span<std::int64_t> impostors) const {
    require_same("camera", query.camera.size, query.person.size);
    require_same("matches", matches.size, query.person.size);
    require_same("impostors", impostors.size, query.person.size);
    for (std::size_t i = 0; i < query.person.size; ++i) {
        const Range range = range_of(query.person[i]);
        const std::int32_t camera = query.camera[i];
        std::int64_t found = 0;
        for (std::size_t at = range.begin; at < range.end; ++at) {
            found += is_match(static_cast<std::size_t>(gallery_.by_person[at]), camera) ? 1 : 0;
        }
        std::size_t others = num_gallery() - (range.end - range.begin);
        if (same_camera_ == SameCamera::kSeparate) {
            const auto taken = std::equal_range(cameras_.begin(), cameras_.end(), camera);
            // Of those by the query's camera, the query's own person's are not among the others.
            others -= static_cast<std::size_t>(taken.second - taken.first);
            others += range.end - range.begin - static_cast<std::size_t>(found);
        }
        matches[i] = found;
        impostors[i] = static_cast<std::int64_t>(others);
    }
}

void Pairs::remove_others(std::int32_t person, std::int32_t camera, std::size_t first,
                          std::size_t count, std::uint64_t* words) const {
    const Range range = range_of(person);
    for (std::size_t at = range.begin; at < range.end; ++at) {
        const auto column = static_cast<std::size_t>(gallery_.by_person[at]);
        if (column < first || column >= first + count) continue;
        words[(column - first) / kWordBits] &= ~(std::uint64_t{1} << (column - first) % kWordBits);
    }
    if (same_camera_ != SameCamera::kSeparate) return;
    for (std::size_t j = 0; j < count; ++j) {
        const std::uint64_t leaves = gallery_.camera[first + j] == camera ? 1 : 0;
        words[j / kWordBits] &= ~(leaves << j % kWordBits);
    }
}

void Pairs::distances(PairKind kind, Matrix<const float> rows, Matrix<const float> columns,
                      IdentitySpans query, Span<double> out, const Workers& workers) const {
    const std::size_t width = rows.columns;
    require_same("columns", columns.rows, num_gallery());
    require_same("a row of columns", columns.columns, width);
    require_same("person", query.person.size, rows.rows);
    std::vector<std::int64_t> matches(rows.rows);
    std::vector<std::int64_t> impostors(rows.rows);
    count(query, {matches.data(), rows.rows}, {impostors.data(), rows.rows});
    const std::vector<std::int64_t>& counts = kind == PairKind::kMatches ? matches : impostors;
    std::vector<std::size_t> first(rows.rows + 1);
    for (std::size_t i = 0; i < rows.rows; ++i) {
        first[i + 1] = first[i] + static_cast<std::size_t>(counts[i]);
    }
    require_same("out", out.size, first.back());
    interruptible_for(rows.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            double* next = out.data + first[i];
            const auto add = [&](std::size_t column) {
                *next++ = std::sqrt(exact_distance(rows.row(i), columns.row(column), width,
                                                   Metric::kSquaredDistance));
            };
            const std::int32_t camera = query.camera[i];
            if (kind == PairKind::kImpostors) {
                for (std::size_t j = 0; j < num_gallery(); ++j) {
                    if (is_impostor(j, query.person[i], camera)) add(j);
                }
                continue;
            }
            const Range range = range_of(query.person[i]);
            for (std::size_t at = range.begin; at < range.end; ++at) {
                const auto column = static_cast<std::size_t>(gallery_.by_person[at]);
                if (is_match(column, camera)) add(column);
            }
        }
    });
}

}  // namespace mgn
