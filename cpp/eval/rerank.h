// SPDX-License-Identifier: Apache-2.0
// k-reciprocal re-ranking on sparse vectors: Zhong et al., Re-ranking Person Re-identification with
// k-reciprocal Encoding, CVPR 2017. Pictures are numbered queries first, then gallery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/span.h"
#include "eval/interruptible.h"
#include "eval/screen.h"

namespace mgn {

// What an encoding needs of all N pictures; borrowed for the length of a call.
struct Neighbourhood {
    Matrix<const std::int32_t> nearest;  // [N, K] among all N, nearest first, the picture included
    Matrix<const double> distances;      // [N, K], theirs
    Span<const float> scale;             // [N], what a picture's distances are divided by
    Matrix<const float> query;           // [Q, D]
    Matrix<const float> gallery;         // [G, D]
    Metric metric = Metric::kUnitRows;
    bool squared_again = false;  // the quotients are squared
};

// Call order: relate() every row range, encode() every row range, expand() every row range unless
// k2 is 1, index(), then blend(). Only blend() may run in several threads at once. Results depend
// on neither ranges nor threads. All but index() may throw Cancelled.
class Encoding {
public:
    // Throws InvalidInput for k1 or k2 of 0.
    Encoding(std::size_t num_queries, std::size_t num_gallery, std::size_t k1, std::size_t k2);

    // Where each picture stands in the lists of its neighbours. Throws InvalidInput as encode().
    void relate(const Neighbourhood& near, std::size_t begin, std::size_t end,
                const Workers& workers);

    // The weights of each picture's expanded k-reciprocal set. Throws InvalidInput where a shape,
    // a range or a neighbour's number does not fit, or nothing was related.
    void encode(const Neighbourhood& near, std::size_t begin, std::size_t end,
                const Workers& workers);

    // Local query expansion: the mean of the vectors of the k2 nearest pictures.
    void expand(const Neighbourhood& near, std::size_t begin, std::size_t end,
                const Workers& workers);

    // Ends the building: the inverted lists over the gallery.
    void index();

    // block [b, G] holds normalised distances of queries first_query, first_query + 1, ...; it
    // becomes (1 - original_weight) * Jaccard distance + original_weight * block.
    void blend(Matrix<float> block, std::size_t first_query, double original_weight,
               const Workers& workers) const;

private:
    struct Entry {
        std::int32_t picture;
        float weight;
    };
    using Vector = std::vector<Entry>;  // ascending by picture
    using Members = std::vector<std::int32_t>;

    void check(const Neighbourhood& near, std::size_t begin, std::size_t end) const;
    void reciprocal(const Neighbourhood& near, std::int32_t picture, std::size_t depth,
                    Members& out) const;
    Members expanded_set(const Neighbourhood& near, std::int32_t picture) const;
    Vector weigh(const Neighbourhood& near, std::int32_t picture, const Members& members) const;

    std::size_t num_queries_;
    std::size_t num_gallery_;
    std::size_t k1_;
    std::size_t k2_;
    // [N, k1 + 1]: the picture's place in the list of its k-th neighbour; k1 + 1 for none.
    std::vector<std::int32_t> places_;
    std::vector<Vector> encoded_;
    std::vector<Vector> expanded_;
    std::vector<Vector> inverted_;  // by picture: gallery pictures whose vector holds it
};

}  // namespace mgn
