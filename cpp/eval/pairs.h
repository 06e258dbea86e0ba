// SPDX-License-Identifier: Apache-2.0
// Pairs of a query and a gallery picture: matches and impostors (pictures of other persons), junk
// left out, and their Euclidean distances. Knows nothing of rates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/matches.h"

namespace mgn {

// Throws InvalidInput, with both numbers, where they differ.
void require_same(const char* what, std::size_t found, std::size_t expected);

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

}  // namespace mgn
