// SPDX-License-Identifier: Apache-2.0
// Cuts one side of the product into a part per thread; each part packs for itself. Columns cost
// more to pack than rows, so that they are cut unless there are few.
#include "eval/multiply.h"

#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "eval/loops.h"

namespace mgn {

namespace {

// Columns are packed again for every so many rows.
constexpr std::size_t kRowGrain = 2048;

std::string shape(std::size_t rows, std::size_t columns) {
    return "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
}

}  // namespace

std::vector<float> Scratch::take(std::size_t size) {
    std::vector<float> buffer;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!idle_.empty()) {
            buffer = std::move(idle_.back());
            idle_.pop_back();
        }
    }
    if (buffer.size() < size) buffer.resize(size);
    return buffer;
}

void Scratch::give_back(std::vector<float> buffer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(buffer));
}

bool has_product() { return kernels().multiply != nullptr; }

void multiply(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
              Scratch& scratch, const Workers& workers) {
    const Kernels& level = kernels();
    if (level.multiply == nullptr) {
        throw InvalidInput(
            "this SIMD level has no product of its own, expected numpy's to be used");
    }
    if (rows.columns != columns.columns || out.rows != rows.rows || out.columns != columns.rows) {
        throw InvalidInput("out is " + shape(out.rows, out.columns) + " for rows " +
                           shape(rows.rows, rows.columns) + " and columns " +
                           shape(columns.rows, columns.columns) + ", expected " +
                           shape(rows.rows, columns.rows) + " and rows of one width");
    }
    const bool by_rows = rows.rows > 2 * columns.rows;
    const std::size_t count = by_rows ? rows.rows : columns.rows;
    const std::size_t grain = by_rows ? kRowGrain : level.column_scratch;
    interruptible_for(count, workers, grain, [&](std::size_t begin, std::size_t end) {
        std::vector<float> buffer =
            scratch.take(level.row_scratch + level.column_scratch * rows.columns);
        Rectangle part{rows.data,    rows.rows,     columns.data,
                       columns.rows, rows.columns,  out.data,
                       out.columns,  buffer.data(), buffer.data() + level.row_scratch};
        if (by_rows) {
            part.rows = rows.row(begin);
            part.num_rows = end - begin;
            part.out = out.row(begin);
        } else {
            part.columns = columns.row(begin);
            part.num_columns = end - begin;
            part.out = out.data + begin;
        }
        level.multiply(part);
        scratch.give_back(std::move(buffer));
    });
}

}  // namespace mgn
