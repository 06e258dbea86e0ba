// SPDX-License-Identifier: Apache-2.0
// Sums run in the order in which a dense float32 program adds them, so that both agree to rounding.
#include "eval/rerank.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/errors.h"

namespace mgn {

namespace {

// Rows between two looks at whether the caller wants to stop; fewer of long lists, the work for
// which grows with their length's square.
constexpr std::size_t kGrain = 64;

std::size_t grain_for(std::size_t k1) { return k1 < 50 ? kGrain : k1 < 500 ? 8 : 1; }

std::size_t index_of(std::int32_t picture) { return static_cast<std::size_t>(picture); }

// Half of k1, an exact half to the even neighbour, as numpy rounds; the picture itself on top.
std::size_t half_depth(std::size_t k1) {
    const std::size_t half = k1 / 2;
    return half + (k1 % 2 == 1 && half % 2 == 1 ? 1 : 0) + 1;
}

const float* embedding_of(const Neighbourhood& near, std::int32_t picture) {
    const std::size_t at = index_of(picture);
    return at < near.query.rows ? near.query.row(at) : near.gallery.row(at - near.query.rows);
}

double normalised(const Neighbourhood& near, std::size_t row, double distance) {
    const double value = distance / static_cast<double>(near.scale[row]);
    return near.squared_again ? value * value : value;
}

// Normalised distance from `picture` to a member, which need not be among its nearest.
double distance_between(const Neighbourhood& near, std::int32_t picture, std::int32_t member) {
    const std::size_t row = index_of(picture);
    const std::int32_t* const listed = near.nearest.row(row);
    const std::int32_t* const end = listed + near.nearest.columns;
    const std::int32_t* const found = std::find(listed, end, member);
    if (found != end) return normalised(near, row, near.distances.row(row)[found - listed]);
    return normalised(near, row,
                      exact_distance(embedding_of(near, picture), embedding_of(near, member),
                                     near.query.columns, near.metric));
}

}  // namespace

Encoding::Encoding(std::size_t num_queries, std::size_t num_gallery, std::size_t k1, std::size_t k2)
    : num_queries_(num_queries),
      num_gallery_(num_gallery),
      k1_(k1),
      k2_(k2),
      encoded_(num_queries + num_gallery),
      expanded_(num_queries + num_gallery) {
    if (k1 > 0 && k2 > 0) return;
    throw InvalidInput("k1 is " + std::to_string(k1) + " and k2 is " + std::to_string(k2) +
                       ", expected at least 1");
}

void Encoding::check(const Neighbourhood& near, std::size_t begin, std::size_t end) const {
    const std::size_t count = encoded_.size();
    const std::size_t depth = std::min(std::max(k1_ + 1, k2_), count);
    const bool fits = begin <= end && end <= count && near.nearest.rows == count &&
                      near.distances.rows == count && near.nearest.columns >= depth &&
                      near.distances.columns == near.nearest.columns && near.scale.size == count &&
                      near.query.rows == num_queries_ && near.gallery.rows == num_gallery_ &&
                      near.query.columns == near.gallery.columns;
    if (!fits) {
        throw InvalidInput("rows " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
                           std::to_string(near.nearest.rows) + " lists of " +
                           std::to_string(near.nearest.columns) + " neighbours, expected up to " +
                           std::to_string(count) + " lists of " + std::to_string(depth) +
                           " or more, and embeddings of as many pictures");
    }
    for (std::size_t at = 0; at < count * near.nearest.columns; ++at) {
        const std::int32_t picture = near.nearest.data[at];
        if (picture >= 0 && index_of(picture) < count) continue;
        throw InvalidInput("a neighbour is number " + std::to_string(picture) + ", expected 0 to " +
                           std::to_string(count - 1));
    }
}

void Encoding::relate(const Neighbourhood& near, std::size_t begin, std::size_t end,
                      const Workers& workers) {
    check(near, begin, end);
    const std::size_t depth = std::min(k1_ + 1, near.nearest.columns);
    places_.resize(near.nearest.rows * depth);
    interruptible_for(
        end - begin, workers, grain_for(k1_), [&](std::size_t first, std::size_t last) {
            for (std::size_t i = begin + first; i < begin + last; ++i) {
                const std::int32_t* const forward = near.nearest.row(i);
                for (std::size_t k = 0; k < depth; ++k) {
                    const std::int32_t* const backward = near.nearest.row(index_of(forward[k]));
                    const std::int32_t* const found =
                        std::find(backward, backward + depth, static_cast<std::int32_t>(i));
                    places_[i * depth + k] = static_cast<std::int32_t>(found - backward);
                }
            }
        });
}

// The first `depth` neighbours that have the picture among their own first `depth`, in order.
void Encoding::reciprocal(const Neighbourhood& near, std::int32_t picture, std::size_t depth,
                          Members& out) const {
    const std::size_t stride = std::min(k1_ + 1, near.nearest.columns);
    const std::int32_t* const forward = near.nearest.row(index_of(picture));
    const std::int32_t* const places = places_.data() + index_of(picture) * stride;
    const std::size_t length = std::min(depth, stride);
    out.clear();
    for (std::size_t k = 0; k < length; ++k) {
        if (index_of(places[k]) < length) out.push_back(forward[k]);
    }
}

// A neighbour's own set joins if more than two thirds of it are already in the unexpanded set.
Encoding::Members Encoding::expanded_set(const Neighbourhood& near, std::int32_t picture) const {
    Members base;
    reciprocal(near, picture, k1_ + 1, base);
    std::sort(base.begin(), base.end());
    Members expanded = base;
    Members candidate;
    for (const std::int32_t member : base) {
        reciprocal(near, member, half_depth(k1_), candidate);
        const auto shared = std::count_if(candidate.begin(), candidate.end(), [&](std::int32_t x) {
            return std::binary_search(base.begin(), base.end(), x);
        });
        if (3 * static_cast<std::size_t>(shared) <= 2 * candidate.size()) continue;
        expanded.insert(expanded.end(), candidate.begin(), candidate.end());
    }
    std::sort(expanded.begin(), expanded.end());
    expanded.erase(std::unique(expanded.begin(), expanded.end()), expanded.end());
    return expanded;
}

// exp(-distance), scaled to sum 1. Shifting by the least distance changes nothing but overflow.
Encoding::Vector Encoding::weigh(const Neighbourhood& near, std::int32_t picture,
                                 const Members& members) const {
    Vector vector;
    if (members.empty()) return vector;
    std::vector<double> weights;
    weights.reserve(members.size());
    for (const std::int32_t member : members) {
        weights.push_back(distance_between(near, picture, member));
    }
    const double least = *std::min_element(weights.begin(), weights.end());
    double sum = 0.0;
    for (double& weight : weights) {
        weight = std::exp(least - weight);
        sum += weight;
    }
    vector.reserve(members.size());
    for (std::size_t k = 0; k < members.size(); ++k) {
        vector.push_back({members[k], static_cast<float>(weights[k] / sum)});
    }
    return vector;
}

void Encoding::encode(const Neighbourhood& near, std::size_t begin, std::size_t end,
                      const Workers& workers) {
    check(near, begin, end);
    if (places_.empty()) throw InvalidInput("nothing was related, expected relate() first");
    const std::size_t grain = grain_for(k1_);
    interruptible_for(end - begin, workers, grain, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = begin + first; i < begin + last; ++i) {
            const auto picture = static_cast<std::int32_t>(i);
            encoded_[i] = weigh(near, picture, expanded_set(near, picture));
        }
    });
}

void Encoding::expand(const Neighbourhood& near, std::size_t begin, std::size_t end,
                      const Workers& workers) {
    check(near, begin, end);
    const std::size_t depth = std::min(k2_, near.nearest.columns);
    interruptible_for(end - begin, workers, kGrain, [&](std::size_t first, std::size_t last) {
        std::vector<float> sums(encoded_.size(), 0.0F);
        Members touched;
        for (std::size_t i = begin + first; i < begin + last; ++i) {
            touched.clear();
            for (std::size_t k = 0; k < depth; ++k) {
                for (const Entry& entry : encoded_[index_of(near.nearest.row(i)[k])]) {
                    touched.push_back(entry.picture);
                    sums[index_of(entry.picture)] += entry.weight;
                }
            }
            std::sort(touched.begin(), touched.end());
            touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
            expanded_[i].clear();
            expanded_[i].reserve(touched.size());
            for (const std::int32_t picture : touched) {
                const float mean = sums[index_of(picture)] / static_cast<float>(depth);
                expanded_[i].push_back({picture, mean});
                sums[index_of(picture)] = 0.0F;
            }
        }
    });
}

void Encoding::index() {
    if (k2_ == 1) expanded_ = std::move(encoded_);
    encoded_ = std::vector<Vector>();
    places_ = std::vector<std::int32_t>();
    inverted_.assign(expanded_.size(), Vector());
    for (std::size_t g = 0; g < num_gallery_; ++g) {
        for (const Entry& entry : expanded_[num_queries_ + g]) {
            inverted_[index_of(entry.picture)].push_back(
                {static_cast<std::int32_t>(g), entry.weight});
        }
    }
    expanded_.resize(num_queries_);
}

void Encoding::blend(Matrix<float> block, std::size_t first_query, double original_weight,
                     const Workers& workers) const {
    if (inverted_.empty() || first_query + block.rows > num_queries_ ||
        block.columns != num_gallery_) {
        throw InvalidInput("block of queries " + std::to_string(first_query) + " to " +
                           std::to_string(first_query + block.rows) + " by " +
                           std::to_string(block.columns) + " gallery pictures, expected up to " +
                           std::to_string(num_queries_) + " by " + std::to_string(num_gallery_) +
                           ", after index()");
    }
    const auto kept = static_cast<float>(original_weight);
    const auto replaced = static_cast<float>(1.0 - original_weight);
    interruptible_for(block.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        std::vector<float> minima(num_gallery_);
        for (std::size_t i = begin; i < end; ++i) {
            std::fill(minima.begin(), minima.end(), 0.0F);
            for (const Entry& own : expanded_[first_query + i]) {
                for (const Entry& other : inverted_[index_of(own.picture)]) {
                    minima[index_of(other.picture)] += std::min(own.weight, other.weight);
                }
            }
            float* const row = block.row(i);
            for (std::size_t g = 0; g < num_gallery_; ++g) {
                const float jaccard = 1.0F - minima[g] / (2.0F - minima[g]);
                row[g] = jaccard * replaced + row[g] * kept;
            }
        }
    });
}

}  // namespace mgn
