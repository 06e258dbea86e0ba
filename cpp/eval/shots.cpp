// SPDX-License-Identifier: Apache-2.0
// Strangers are assigned to the first match that they stand before; going through the matches in
// order, the pictures of each person before the match are counted. They decide how likely the one
// drawn of the person stands before it, since any of them is drawn as likely: people are drawn
// independently, so that the match's rank is one more than a sum of independent chances.
#include "eval/shots.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "common/errors.h"
#include "eval/draws.h"
#include "eval/loops.h"
#include "eval/precision.h"

namespace mgn {

namespace {

constexpr std::size_t kGrain = 8;  // rows between two looks at whether the caller wants to stop

// A stranger's picture: the first match it stands before, and the first it is not farther than.
struct Stranger {
    std::size_t group;
    std::size_t before;
    std::size_t within;
};

// Precision of a ranking with one match, `before` strangers before it and `within` not farther.
double lone_precision(PrecisionRule rule, std::size_t before, std::size_t within) {
    const double rank = static_cast<double>(before + 1);
    if (rule == PrecisionRule::kSklearn) return 1.0 / static_cast<double>(within + 1);
    if (rule == PrecisionRule::kHits || before == 0) return 1.0 / rank;
    return 1.0 / (2.0 * rank);
}

}  // namespace

// One query at a time; keeps its scratch memory between queries.
template <typename T>
class RowShooter {
public:
    explicit RowShooter(const ShotRanker& ranker)
        : ranker_(ranker),
          settings_(ranker.settings_),
          matches_(ranker.gallery_, ranker.settings_.same_camera),
          before_(ranker.group_begin_.size() - 1),
          within_(before_.size()) {}

    template <typename Settle>
    void rank(const T* row, double margin, Settle settle, std::int32_t person, std::int32_t camera,
              std::size_t query, std::size_t number, ShotResults out) {
        const QueryResults& of = out.query;
        of.average_precision[query] = std::numeric_limits<double>::quiet_NaN();
        of.inverse_negative_penalty[query] = std::numeric_limits<double>::quiet_NaN();
        of.first_match[query] = 0;
        ranks_ = {out.ranks.row(query), out.ranks.columns};
        std::fill(ranks_.begin(), ranks_.end(), 0.0);
        if (!matches_.find(person, camera, margin, settle) || !collect(row, settle)) {
            of.first_match[query] = -1;
            return;
        }
        if (matches_.sorted.empty()) return;
        precision_ = penalty_ = 0.0;
        if (settings_.shots == Shots::kDrawn) choose_matches(number);
        places_.clear();
        sweep();
        finish();
        of.first_match[query] = 1;
        of.average_precision[query] = precision_;
        of.inverse_negative_penalty[query] = penalty_;
    }

private:
    // False if there is a NaN.
    template <typename Settle>
    bool collect(const T* row, Settle settle) {
        strangers_.clear();
        const std::size_t columns = ranker_.gallery_.person.size();
        words_.resize(words_for(columns));
        const T last =
            matches_.upper.empty() ? -std::numeric_limits<T>::infinity() : matches_.upper.back();
        kernels_.mark_within(row, columns, last, words_.data());
        for (std::size_t w = 0; w < words_.size(); ++w) {
            for (std::uint64_t word = words_[w]; word != 0; word &= word - 1) {
                const std::size_t j =
                    w * kWordBits + static_cast<std::size_t>(__builtin_ctzll(word));
                if (row[j] != row[j]) return false;
                if (!matches_.upper.empty()) place(row[j], j, settle);
            }
        }
        return true;
    }

    template <typename Settle>
    void place(T value, std::size_t column, Settle settle) {
        if (matches_.is_same_person(column) || matches_.is_removed(column)) return;
        const auto at = std::lower_bound(matches_.upper.begin(), matches_.upper.end(), value);
        const auto window = static_cast<std::size_t>(at - matches_.upper.begin());
        const std::size_t group = ranker_.group_[column];
        if (value < matches_.lower[window]) {
            strangers_.push_back({group, matches_.first[window], matches_.first[window]});
            return;
        }
        const double distance = settle(column);
        const std::vector<Settled>& sorted = matches_.sorted;
        const auto index_of = [&](std::int32_t position) {
            const Settled own{distance, position};
            return static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), own) -
                                            sorted.begin());
        };
        const std::size_t within = index_of(std::numeric_limits<std::int32_t>::min());
        if (within == sorted.size()) return;
        strangers_.push_back({group, index_of(static_cast<std::int32_t>(column)), within});
    }

    // Each draw's match is chosen before the draw's people are.
    void choose_matches(std::size_t number) {
        streams_.clear();
        chosen_.assign(matches_.sorted.size(), std::vector<std::size_t>());
        for (std::size_t draw = 0; draw < settings_.draws; ++draw) {
            streams_.emplace_back(settings_.seed, number, draw);
            chosen_[streams_.back().below(matches_.sorted.size())].push_back(draw);
        }
    }

    // Goes through the matches, nearest first, with the people before each counted.
    void sweep() {
        const std::size_t count = matches_.sorted.size();
        by_before_.assign(count + 1, std::vector<std::size_t>());
        by_within_.assign(count + 1, std::vector<std::size_t>());
        for (const Stranger& stranger : strangers_) {
            by_before_[stranger.before].push_back(stranger.group);
            by_within_[stranger.within].push_back(stranger.group);
        }
        std::size_t num_before = 0;
        std::size_t num_within = 0;
        for (std::size_t match = 0; match < count; ++match) {
            for (const std::size_t group : by_within_[match]) {
                if (within_[group]++ == 0) touch(group);
            }
            for (const std::size_t group : by_before_[match]) ++before_[group];
            num_before += by_before_[match].size();
            num_within += by_within_[match].size();
            if (settings_.shots == Shots::kExpected) expect();
            if (settings_.shots == Shots::kDrawn) draw(match);
            if (settings_.shots == Shots::kEveryMatch) note(match, num_before, num_within);
        }
        for (const std::size_t group : touched_) before_[group] = within_[group] = 0;
        touched_.clear();
        pictures_.clear();
    }

    // Counts the person's pictures that are in the ranking, once per query.
    void touch(std::size_t group) {
        const std::size_t begin = ranker_.group_begin_[group];
        const std::size_t end = ranker_.group_begin_[group + 1];
        std::size_t removed = 0;
        for (std::size_t at = begin; matches_.removes_strangers() && at < end; ++at) {
            const auto column = static_cast<std::size_t>(ranker_.gallery_.by_person[at]);
            removed += matches_.is_removed(column) ? 1 : 0;
        }
        touched_.push_back(group);
        pictures_.push_back(end - begin - removed);
    }

    void expect() {
        bool any_ties = false;
        counts_.reset();
        for (std::size_t k = 0; k < touched_.size(); ++k) {
            const std::size_t closer = before_[touched_[k]];
            any_ties = any_ties || closer != within_[touched_[k]];
            if (closer > 0) counts_.add({closer, pictures_[k]});
        }
        const bool by_ties = any_ties && settings_.rule == PrecisionRule::kSklearn;
        counts_.for_each([&](std::size_t before, double probability) {
            if (before < ranks_.size) ranks_[before] += probability;
            penalty_ += probability / static_cast<double>(before + 1);
            if (!by_ties) {
                precision_ += probability * lone_precision(settings_.rule, before, before);
            }
        });
        if (!by_ties) return;
        counts_.reset();
        for (std::size_t k = 0; k < touched_.size(); ++k) {
            counts_.add({within_[touched_[k]], pictures_[k]});
        }
        counts_.for_each([&](std::size_t within, double probability) {
            precision_ += probability / static_cast<double>(within + 1);
        });
    }

    void draw(std::size_t match) {
        for (const std::size_t number : chosen_[match]) {
            std::size_t before = 0;
            std::size_t within = 0;
            for (std::size_t k = 0; k < touched_.size(); ++k) {
                // Which of the person's pictures, counted from the nearest.
                const std::size_t drawn = streams_[number].below(pictures_[k]);
                before += drawn < before_[touched_[k]] ? 1 : 0;
                within += drawn < within_[touched_[k]] ? 1 : 0;
            }
            if (before < ranks_.size) ++ranks_[before];
            penalty_ += 1.0 / static_cast<double>(before + 1);
            precision_ += lone_precision(settings_.rule, before, within);
        }
    }

    void note(std::size_t match, std::size_t before, std::size_t within) {
        if (before < ranks_.size) ++ranks_[before];
        places_.push_back({matches_.sorted[match].first, static_cast<double>(before),
                           static_cast<double>(within - before), 0.0});
    }

    // Sums become means over draws or matches. Where every match counts, precision and penalty are
    // those of the whole ranking: no match is removed.
    void finish() {
        const bool drawn = settings_.shots == Shots::kDrawn;
        const auto terms = static_cast<double>(drawn ? settings_.draws : matches_.sorted.size());
        for (double& rank : ranks_) rank /= terms;
        if (settings_.shots == Shots::kEveryMatch) {
            precision_ = average_precision(settings_.rule, places_);
            penalty_ = static_cast<double>(places_.size()) / rank_of(places_, places_.size() - 1);
        } else {
            precision_ /= terms;
            penalty_ /= terms;
        }
    }

    const ShotRanker& ranker_;
    const ShotSettings& settings_;
    const CompareKernels<T>& kernels_ = compare_kernels<T>();
    Matches<T> matches_;
    std::vector<std::uint64_t> words_;
    std::vector<Stranger> strangers_;
    std::vector<std::vector<std::size_t>> by_before_;  // groups, by the match
    std::vector<std::vector<std::size_t>> by_within_;
    std::vector<std::size_t> before_;  // by group: pictures before the match
    std::vector<std::size_t> within_;  // by group: pictures not farther than the match
    std::vector<std::size_t> touched_;
    std::vector<std::size_t> pictures_;  // of each touched person, in the ranking
    std::vector<DrawStream> streams_;
    std::vector<std::vector<std::size_t>> chosen_;  // draws, by the match
    CountDistribution counts_;
    std::vector<Place> places_;
    Span<double> ranks_;
    double precision_ = 0.0;
    double penalty_ = 0.0;
};

ShotRanker::ShotRanker(IdentitySpans gallery, ShotSettings settings)
    : gallery_(gallery), settings_(settings), group_(gallery_.person.size()) {
    if (settings.shots == Shots::kDrawn && settings.draws == 0) {
        throw InvalidInput("draws is 0, expected at least 1");
    }
    const std::vector<std::int32_t>& order = gallery_.by_person;
    const auto person = [&](std::size_t at) {
        return gallery_.person[static_cast<std::size_t>(order[at])];
    };
    for (std::size_t at = 0; at < order.size(); ++at) {
        if (at == 0 || person(at) != person(at - 1)) group_begin_.push_back(at);
        group_[static_cast<std::size_t>(order[at])] = group_begin_.size() - 1;
    }
    group_begin_.push_back(order.size());
}

void ShotRanker::check(std::size_t rows, std::size_t columns, IdentitySpans query,
                       ShotResults out) const {
    const bool fits = columns == group_.size() && query.person.size == rows &&
                      query.camera.size == rows && out.ranks.rows == rows;
    if (fits) return;
    throw InvalidInput("distances has " + std::to_string(rows) + " rows and " +
                       std::to_string(columns) + " columns, expected one row for each of " +
                       std::to_string(query.person.size) + " queries and of " +
                       std::to_string(out.ranks.rows) + " rows of ranks, and one column for each " +
                       "of " + std::to_string(group_.size()) + " gallery pictures");
}

template <typename T>
void ShotRanker::rank_distances(Matrix<const T> distances, std::size_t first_query,
                                IdentitySpans query, ShotResults out,
                                const Workers& workers) const {
    check(distances.rows, distances.columns, query, out);
    interruptible_for(distances.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        RowShooter<T> shooter(*this);
        for (std::size_t i = begin; i < end; ++i) {
            const GivenRow<T> settle{distances.row(i)};
            shooter.rank(distances.row(i), 0.0, settle, query.person[i], query.camera[i], i,
                         first_query + i, out);
        }
    });
}

template void ShotRanker::rank_distances(Matrix<const float>, std::size_t, IdentitySpans,
                                         ShotResults, const Workers&) const;
template void ShotRanker::rank_distances(Matrix<const double>, std::size_t, IdentitySpans,
                                         ShotResults, const Workers&) const;

void ShotRanker::rank_screened(const Screened& block, std::size_t first_query, IdentitySpans query,
                               ShotResults out, const Workers& workers) const {
    check(block.values.rows, block.values.columns, query, out);
    interruptible_for(block.values.rows, workers, kGrain, [&](std::size_t begin, std::size_t end) {
        RowShooter<float> shooter(*this);
        for (std::size_t i = begin; i < end; ++i) {
            const ScreenedRow settle{block, i};
            shooter.rank(block.values.row(i), block.margin(i), settle, query.person[i],
                         query.camera[i], i, first_query + i, out);
        }
    });
}

}  // namespace mgn
