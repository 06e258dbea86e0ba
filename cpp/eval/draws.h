// SPDX-License-Identifier: Apache-2.0
// How many of several independent people stand before a match, when each does with a probability of
// his own: exactly, by adding one after the other, and at random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mgn {

// `closer` of a person's `pictures` stand before the match; one of the pictures is drawn.
struct Chance {
    std::size_t closer;
    std::size_t pictures;
};

// probabilities[n]: that n of the people stand before the match. All terms are positive, so that
// nothing cancels; sure ones only shift.
class CountDistribution {
public:
    void reset() {
        shift_ = 0;
        probabilities_.assign(1, 1.0);
    }

    void add(Chance chance) {
        if (chance.closer == chance.pictures) return void(++shift_);
        const double before =
            static_cast<double>(chance.closer) / static_cast<double>(chance.pictures);
        const double after = static_cast<double>(chance.pictures - chance.closer) /
                             static_cast<double>(chance.pictures);
        const std::size_t size = probabilities_.size();
        next_.resize(size + 1);
        next_[0] = probabilities_[0] * after;
        for (std::size_t n = 1; n < size; ++n) {
            next_[n] = probabilities_[n] * after + probabilities_[n - 1] * before;
        }
        next_[size] = probabilities_[size - 1] * before;
        probabilities_.swap(next_);
    }

    // Calls visit(number of people before the match, its probability) in ascending order.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (std::size_t n = 0; n < probabilities_.size(); ++n) {
            visit(n + shift_, probabilities_[n]);
        }
    }

private:
    std::size_t shift_ = 0;
    std::vector<double> probabilities_;
    std::vector<double> next_;
};

// A stream of random numbers for one draw of one query: independent of all others, whatever the
// order in which they are taken. SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
class DrawStream {
public:
    DrawStream(std::uint64_t seed, std::uint64_t query, std::uint64_t draw)
        : state_(mix(mix(mix(seed) + query) + draw)) {}

    // A whole number below `bound`, 1 to 2^32 - 1, all equally likely (Lemire, ACM TOMACS 2019).
    std::size_t below(std::size_t bound) {
        const std::uint64_t range = bound;
        std::uint64_t product = (next() >> 32) * range;
        const std::uint64_t surplus = (std::uint64_t{1} << 32) % range;
        while ((product & 0xffffffffU) < surplus) product = (next() >> 32) * range;
        return static_cast<std::size_t>(product >> 32);
    }

private:
    static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;

    static std::uint64_t mix(std::uint64_t value) {
        value += kStep;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
        return value ^ (value >> 31);
    }

    std::uint64_t next() {
        const std::uint64_t value = mix(state_);
        state_ += kStep;
        return value;
    }

    std::uint64_t state_;
};

}  // namespace mgn
