// SPDX-License-Identifier: Apache-2.0
// The three definitions of average precision, from the places of the matches alone.
#pragma once

#include <cstddef>
#include <vector>

#include "eval/ranking.h"

namespace mgn {

// One match of a query, and how many gallery pictures that are neither match nor junk stand where.
struct Place {
    double distance = 0.0;
    double closer = 0.0;       // strictly closer than the match
    double tied = 0.0;         // at the same distance
    double tied_before = 0.0;  // of those, the ones earlier in the gallery
};

// `places` in the order of the ranking. The rank of a match, from 1, matches before it included.
inline double rank_of(const std::vector<Place>& places, std::size_t index) {
    return static_cast<double>(index + 1) + places[index].closer + places[index].tied_before;
}

// Precision at each match is taken where its group of equal distances ends.
inline double precision_by_groups(const std::vector<Place>& places) {
    double sum = 0.0;
    for (std::size_t begin = 0, end = 0; begin < places.size(); begin = end) {
        while (end < places.size() && places[end].distance == places[begin].distance) ++end;
        const double found = static_cast<double>(end);
        const double seen = found + places[begin].closer + places[begin].tied;
        sum += static_cast<double>(end - begin) * (found / seen);
    }
    return sum / static_cast<double>(places.size());
}

inline double precision_at_hits(const std::vector<Place>& places) {
    double sum = 0.0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        sum += static_cast<double>(i + 1) / rank_of(places, i);
    }
    return sum / static_cast<double>(places.size());
}

// Each match adds the mean of the precision at it and just before it; before rank 1 that is 1.
inline double precision_by_trapezoids(const std::vector<Place>& places) {
    double sum = 0.0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const double rank = rank_of(places, i);
        const double before = rank > 1.0 ? static_cast<double>(i) / (rank - 1.0) : 1.0;
        sum += (before + static_cast<double>(i + 1) / rank) / 2.0;
    }
    return sum / static_cast<double>(places.size());
}

inline double average_precision(PrecisionRule rule, const std::vector<Place>& places) {
    if (rule == PrecisionRule::kSklearn) return precision_by_groups(places);
    return rule == PrecisionRule::kHits ? precision_at_hits(places)
                                        : precision_by_trapezoids(places);
}

}  // namespace mgn
