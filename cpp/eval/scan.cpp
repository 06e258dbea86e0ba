// SPDX-License-Identifier: Apache-2.0
// Float32 values rule out almost every row, float64 decides among the rest. Each worker has lists
// of its own for the rows it has met; they are merged at the end, so that it does not matter which.
#include "eval/scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "common/errors.h"
#include "eval/loops.h"
#include "eval/screen.h"

namespace mgn {

namespace {

using Candidate = std::pair<double, std::int32_t>;  // orders by distance, then row

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Queries whose products with a chunk of rows are held at once (172 kB).
constexpr std::size_t kQueryGroup = 512;

// Rows between two looks at whether the caller wants to stop: a fraction of a millisecond for one
// query, and a fifth of a second for kQueryGroup of them. More queries look after each chunk.
constexpr std::size_t kGrain = 12 * kScanRows;

// Note [screening a scan]: u = 2^-24, q2 and r2 are the squared lengths, dot and square the float32
// sums of q.r and r.r, none of whose terms is rounded more than m times, g = m u / (1 - m u), and
// f, at most 2 width FLT_MIN, is what flushed underflows take from a sum. By Higham (Accuracy and
// Stability, 3.1)
//     |dot - q.r| <= g |q| |r| + f <= g (q2 + r2) / 2 + f  and  r2 >= (1 - g) square - f,
// so that the squared distance, q2 + r2 - 2 q.r, is at least
//     (1 - g) q2 + (1 - g)^2 square - 2 dot - 3 f.
// Where that is above the farthest listed distance the row is ruled out: dot < of_row + of_query,
// each half of what the one and the other contribute. They and their sum are rounded to float32,
// for which each is lowered by two of its own units before. The bound on g has a thousandth to
// spare, which covers what float64 rounds here and in the exact distance.
class Screen {
public:
    explicit Screen(std::size_t width) {
        const double terms = static_cast<double>(scan_roundings(width)) * kUnit;
        kept_ = terms < 0.5 ? 1.0 - 1.001 * terms / (1.0 - terms) : -1.0;
        flushed_ = 8.0 * static_cast<double>(width) *
                   static_cast<double>(std::numeric_limits<float>::min());
    }

    float of_row(float square) const {
        if (!std::isfinite(square)) return -std::numeric_limits<float>::infinity();
        return lowered(kept_ * kept_ * static_cast<double>(square) / 2.0);
    }

    // Rules nothing out where a partial sum could leave float32's range although `square` does not,
    // nor where sums are so long that the bound says nothing.
    float of_query(double query_square, double farthest) const {
        constexpr double kLargest = 1e38;
        if (!(query_square <= kLargest) || kept_ <= 0.0) {
            return -std::numeric_limits<float>::infinity();
        }
        return lowered((kept_ * query_square - flushed_ - farthest) / 2.0);
    }

private:
    static constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2.0;

    static float lowered(double value) { return round_down(value - 2.0 * kUnit * std::abs(value)); }

    double kept_;  // 1 - g
    double flushed_;
};

// What all workers look at.
struct Job {
    Matrix<const float> queries;
    std::vector<double> query_squares;
    std::vector<float> packed;  // empty where there are few queries
    const Segments& segments;
    std::vector<std::size_t> starts;  // of each piece, and the end of the last
    std::size_t first_row;
    Nearest lists;
    Screen screen;

    bool is_half() const { return segments.element == Element::kHalf; }

    double farthest_listed(std::size_t query) const {
        return lists.distances.row(query)[lists.distances.columns - 1];
    }
};

// Addresses of the rows [begin, end), which may lie in many pieces.
void list_rows(const Job& job, std::size_t begin, std::size_t end, std::vector<const void*>& out) {
    out.clear();
    const auto after = std::upper_bound(job.starts.begin(), job.starts.end(), begin);
    auto piece = static_cast<std::size_t>(after - job.starts.begin()) - 1;
    const std::size_t bytes =
        job.segments.width * (job.is_half() ? sizeof(std::uint16_t) : sizeof(float));
    for (std::size_t row = begin; row < end; ++piece) {
        const auto* const data = static_cast<const char*>(job.segments.pieces[piece].data);
        const std::size_t stop = std::min(end, job.starts[piece + 1]);
        for (; row < stop; ++row) out.push_back(data + (row - job.starts[piece]) * bytes);
    }
}

// One worker's lists, and its memory.
class Scanner {
public:
    explicit Scanner(const Job& job)
        : job_(job),
          nearest_(job.queries.rows),
          limits_(job.queries.rows),
          dots_(kScanRows * std::min(kQueryGroup, job.queries.rows)),
          squares_(kScanRows),
          scratch_(job.packed.empty() ? 0 : kernels().row_scratch),
          row_(job.is_half() ? job.queries.columns : 0) {
        for (std::size_t q = 0; q < limits_.size(); ++q) limit(q, kInfinity);
    }

    void scan(std::size_t begin, std::size_t end) {
        list_rows(job_, begin, end, rows_);
        for (std::size_t first = 0; first < rows_.size(); first += kScanRows) {
            for (std::size_t q = 0; q < job_.queries.rows; q += kQueryGroup) {
                multiply(first, q);
                settle(begin, first, q);
            }
        }
    }

    const std::vector<Candidate>& nearest(std::size_t query) const { return nearest_[query]; }

private:
    std::size_t rows_from(std::size_t first) const {
        return std::min(kScanRows, rows_.size() - first);
    }
    std::size_t queries_from(std::size_t first) const {
        return std::min(kQueryGroup, job_.queries.rows - first);
    }

    void multiply(std::size_t first, std::size_t first_query) {
        const std::size_t width = job_.queries.columns;
        Scan scan{};
        scan.queries = job_.queries.row(first_query);
        scan.num_queries = queries_from(first_query);
        scan.rows = rows_.data() + first;
        scan.num_rows = rows_from(first);
        scan.num_listed = rows_.size() - first;
        scan.width = width;
        scan.dots = dots_.data();
        scan.squares = squares_.data();
        scan.scratch = scratch_.data();
        const ScanKernels& level = kernels().scan;
        if (job_.packed.empty()) {
            (job_.is_half() ? level.halves : level.floats)(scan);
        } else {
            scan.packed = job_.packed.data() + first_query * width;
            (job_.is_half() ? level.packed_halves : level.packed_floats)(scan);
        }
    }

    void settle(std::size_t begin, std::size_t first, std::size_t first_query) {
        const std::size_t count = queries_from(first_query);
        for (std::size_t r = 0; r < rows_from(first); ++r) {
            const float* const dots = dots_.data() + r * count;
            const float* const limits = limits_.data() + first_query;
            const float own = job_.screen.of_row(squares_[r]);
            // A NaN is ruled out by no comparison: the exact distance will say what it is.
            unsigned close = 0;
            for (std::size_t q = 0; q < count; ++q) close += dots[q] < own + limits[q] ? 0U : 1U;
            if (close == 0) continue;
            const float* const row = widened(rows_[first + r]);
            const auto number = static_cast<std::int32_t>(job_.first_row + begin + first + r);
            for (std::size_t q = 0; q < count; ++q) {
                if (!(dots[q] < own + limits[q])) consider(first_query + q, row, number);
            }
        }
    }

    const float* widened(const void* row) {
        if (!job_.is_half()) return static_cast<const float*>(row);
        kernels().scan.to_floats(static_cast<const std::uint16_t*>(row), row_.size(), row_.data());
        return row_.data();
    }

    void consider(std::size_t query, const float* row, std::int32_t number) {
        const Matrix<const float>& queries = job_.queries;
        const double distance =
            exact_distance(queries.row(query), row, queries.columns, Metric::kSquaredDistance);
        if (!std::isfinite(distance)) return;
        std::vector<Candidate>& heap = nearest_[query];
        const Candidate candidate(distance, number);
        if (heap.size() == job_.lists.distances.columns) {
            if (!(candidate < heap.front())) return;
            std::pop_heap(heap.begin(), heap.end());
            heap.pop_back();
        }
        heap.push_back(candidate);
        std::push_heap(heap.begin(), heap.end());
        if (heap.size() == job_.lists.distances.columns) limit(query, heap.front().first);
    }

    void limit(std::size_t query, double farthest) {
        limits_[query] = job_.screen.of_query(job_.query_squares[query],
                                              std::min(farthest, job_.farthest_listed(query)));
    }

    const Job& job_;
    std::vector<std::vector<Candidate>> nearest_;  // heaps, the farthest in front
    std::vector<float> limits_;
    std::vector<const void*> rows_;
    std::vector<float> dots_;  // [rows, queries] of one chunk and group
    std::vector<float> squares_;
    std::vector<float> scratch_;
    std::vector<float> row_;
};

// As many scanners as threads at most; which of them meets a row makes no difference.
class Scanners {
public:
    explicit Scanners(const Job& job) : job_(job) {}

    void scan(std::size_t begin, std::size_t end) {
        std::unique_ptr<Scanner> scanner = take();
        scanner->scan(begin, end);
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.push_back(std::move(scanner));
    }

    // Once no thread scans any more.
    void merge_into(std::size_t query, Nearest lists) const {
        const std::size_t depth = lists.columns.columns;
        std::int32_t* const rows = lists.columns.row(query);
        double* const distances = lists.distances.row(query);
        std::vector<Candidate> all;
        for (std::size_t k = 0; k < depth && rows[k] >= 0; ++k) {
            all.emplace_back(distances[k], rows[k]);
        }
        for (const auto& scanner : idle_) {
            const std::vector<Candidate>& nearest = scanner->nearest(query);
            all.insert(all.end(), nearest.begin(), nearest.end());
        }
        const std::size_t kept = std::min(depth, all.size());
        std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end());
        for (std::size_t k = 0; k < kept; ++k) std::tie(distances[k], rows[k]) = all[k];
    }

private:
    std::unique_ptr<Scanner> take() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!idle_.empty()) {
                std::unique_ptr<Scanner> scanner = std::move(idle_.back());
                idle_.pop_back();
                return scanner;
            }
        }
        return std::make_unique<Scanner>(job_);
    }

    const Job& job_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Scanner>> idle_;
};

std::vector<std::size_t> starts_of(const Segments& segments) {
    std::vector<std::size_t> starts{0};
    starts.reserve(segments.pieces.size() + 1);
    for (const Segments::Piece& piece : segments.pieces) {
        starts.push_back(starts.back() + piece.rows);
    }
    return starts;
}

void require_numbers(std::size_t first_row, std::size_t rows) {
    constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
    if (first_row <= kMost && rows <= kMost + 1 - first_row) return;
    throw InvalidInput(std::to_string(rows) + " rows from number " + std::to_string(first_row) +
                       " on, expected the last one's number to be at most " +
                       std::to_string(kMost));
}

std::vector<float> pack(Matrix<const float> queries) {
    const ScanKernels& level = kernels().scan;
    if (queries.rows <= level.few_queries) return {};
    const std::size_t panels = (queries.rows + kQueryPanel - 1) / kQueryPanel;
    std::vector<float> packed(panels * kQueryPanel * queries.columns);
    level.pack_queries(queries.data, queries.rows, queries.columns, packed.data());
    return packed;
}

}  // namespace

void scan_nearest(Matrix<const float> queries, const Segments& segments, std::size_t first_row,
                  Nearest lists, const Workers& workers) {
    Job job{queries,
            std::vector<double>(queries.rows),
            {},
            segments,
            starts_of(segments),
            first_row,
            lists,
            Screen(queries.columns)};
    const std::size_t rows = job.starts.back();
    require_numbers(first_row, rows);
    if (queries.rows == 0 || rows == 0) return;
    squared_lengths(queries, {job.query_squares.data(), queries.rows}, 1);
    job.packed = pack(queries);
    Scanners scanners(job);
    const std::size_t grain = queries.rows <= kQueryGroup ? kGrain : kScanRows;
    const Workers busy{std::min(workers.threads, 1 + rows / kScanRows), workers.stop_requested};
    interruptible_for(rows, busy, grain,
                      [&](std::size_t begin, std::size_t end) { scanners.scan(begin, end); });
    for (std::size_t q = 0; q < queries.rows; ++q) scanners.merge_into(q, lists);
}

}  // namespace mgn
