// SPDX-License-Identifier: Apache-2.0
// Note [candidates]: a picture's candidates are those whose rough value lies within two margins of
// the depth-th smallest met so far, one margin for each of the two values. They are settled in
// float64 at the end, all at once, or as soon as more of them lie that close than there is room
// for (equal pictures); from then on nothing beyond the depth-th settled one, and a margin, gets
// in. The farthest pictures are found as the nearest of negated distances.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "eval/screen.h"

namespace mgn {

// Lists of the `depth` best others of each picture; a picture belongs to one thread at a time. A
// Settler has margin(picture), expect(other), and exact(picture, other) in float64.
class CandidateLists {
public:
    using Settled = std::pair<double, std::int32_t>;
    enum class Best { kSmallest, kLargest };

    CandidateLists(std::size_t count, std::size_t depth, Best best)
        : depth_(depth),
          capacity_(capacity_for(depth)),
          sign_(best == Best::kSmallest ? 1.0F : -1.0F),
          keys_(count * capacity_),
          numbers_(count * capacity_),
          listed_(count),
          limits_(count, sign_ * std::numeric_limits<float>::infinity()),
          ran_out_(count),
          settled_(count) {}

    // Bytes that lists of so many pictures take.
    static std::size_t bytes_for(std::size_t count, std::size_t depth) {
        const std::size_t per_candidate = sizeof(float) + sizeof(std::int32_t);
        const std::size_t per_picture =
            sizeof(std::size_t) + sizeof(float) + 1 + sizeof(std::vector<Settled>);
        return count * (capacity_for(depth) * per_candidate + per_picture);
    }

    // By picture: what a value must not be beyond to get in.
    const float* limits() const { return limits_.data(); }

    template <typename Settler>
    void append(std::size_t picture, float value, std::size_t other, const Settler& settler) {
        const float key = sign_ * value;
        if (key > sign_ * limits_[picture]) return;
        std::size_t& listed = listed_[picture];
        keys_[picture * capacity_ + listed] = key;
        numbers_[picture * capacity_ + listed] = static_cast<std::int32_t>(other);
        ++listed;
        if (listed == capacity_) prune(picture, settler);
    }

    // Best first: all that was appended, or the `depth` best of it, as (exact key, number).
    template <typename Settler>
    const std::vector<Settled>& settle(std::size_t picture, const Settler& settler) {
        if (listed_[picture] > depth_) prune(picture, settler);
        settle_listed(picture, settler);
        return settled_[picture];
    }

    // Gives a settled list's memory back.
    void release(std::size_t picture) { settled_[picture] = std::vector<Settled>(); }

    // Pictures for whose candidates there was no room.
    std::size_t num_crowded() const {
        return static_cast<std::size_t>(std::count(ran_out_.begin(), ran_out_.end(), 1));
    }

    template <typename Settler>
    void settle_listed(std::size_t picture, const Settler& settler) {
        std::vector<Settled>& settled = settled_[picture];
        const std::int32_t* const numbers = numbers_.data() + picture * capacity_;
        for (std::size_t k = 0; k < listed_[picture]; ++k) {
            if (k + 1 < listed_[picture]) settler.expect(numbers[k + 1]);
            const double exact = settler.exact(picture, numbers[k]);
            settled.emplace_back(static_cast<double>(sign_) * exact, numbers[k]);
        }
        listed_[picture] = 0;
        const auto end =
            settled.begin() + static_cast<std::ptrdiff_t>(std::min(depth_, settled.size()));
        std::partial_sort(settled.begin(), end, settled.end());
        settled.erase(end, settled.end());
        if (settled.size() == depth_) limit(picture, settled.back().first, settler.margin(picture));
    }

private:
    // Room beyond the depth, so that lists are pruned once in so many candidates.
    static std::size_t capacity_for(std::size_t depth) {
        return depth + std::min<std::size_t>(depth, 256) + 24;
    }

    void limit(std::size_t picture, double key, double margin) {
        const float bound = std::min(sign_ * limits_[picture], round_up(key + margin));
        limits_[picture] = sign_ * bound;
    }

    template <typename Settler>
    void prune(std::size_t picture, const Settler& settler) {
        float* const keys = keys_.data() + picture * capacity_;
        std::int32_t* const numbers = numbers_.data() + picture * capacity_;
        const std::size_t count = listed_[picture];
        std::vector<float> ordered(keys, keys + count);
        const auto kth = ordered.begin() + static_cast<std::ptrdiff_t>(depth_ - 1);
        std::nth_element(ordered.begin(), kth, ordered.end());
        limit(picture, static_cast<double>(*kth), 2.0 * settler.margin(picture));
        std::size_t kept = 0;
        for (std::size_t k = 0; k < count; ++k) {
            if (keys[k] > sign_ * limits_[picture]) continue;
            keys[kept] = keys[k];
            numbers[kept++] = numbers[k];
        }
        listed_[picture] = kept;
        if (capacity_ - kept >= (capacity_ - depth_) / 2) return;
        ran_out_[picture] = 1;
        settle_listed(picture, settler);
    }

    std::size_t depth_;
    std::size_t capacity_;
    float sign_;  // a key is sign * value: the smallest keys are the best
    // By picture: candidates not yet settled.
    std::vector<float> keys_;            // [N, capacity]
    std::vector<std::int32_t> numbers_;  // [N, capacity]
    std::vector<std::size_t> listed_;
    std::vector<float> limits_;
    std::vector<std::uint8_t> ran_out_;
    std::vector<std::vector<Settled>> settled_;  // empty unless room ran out
};

}  // namespace mgn
