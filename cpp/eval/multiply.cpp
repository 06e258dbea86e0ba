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

struct Product {
    Matrix<const float> rows;
    Matrix<const float> columns;
    Matrix<float> out;
};

void check(const Product& product) {
    const auto& [rows, columns, out] = product;
    if (rows.columns == columns.columns && out.rows == rows.rows && out.columns == columns.rows) {
        return;
    }
    throw InvalidInput("out is " + shape(out.rows, out.columns) + " for rows " +
                       shape(rows.rows, rows.columns) + " and columns " +
                       shape(columns.rows, columns.columns) + ", expected " +
                       shape(rows.rows, columns.rows) + " and rows of one width");
}

void multiply_with(void (*kernel)(const Rectangle&), const Product& product, Scratch& scratch,
                   const Workers& workers) {
    if (kernel == nullptr) {
        throw InvalidInput(
            "this SIMD level has no product of its own, expected numpy's to be used");
    }
    check(product);
    const auto& [rows, columns, out] = product;
    const bool by_rows = rows.rows > 2 * columns.rows;
    const std::size_t count = by_rows ? rows.rows : columns.rows;
    const std::size_t grain = by_rows ? kRowGrain : kernels().column_scratch;
    const auto run = [&, &rows = rows, &columns = columns, &out = out](std::size_t begin,
                                                                       std::size_t end) {
        std::vector<float> buffer = scratch.take(scratch_elements(rows.columns));
        Rectangle part{rows.data,    rows.rows,     columns.data,
                       columns.rows, rows.columns,  out.data,
                       out.columns,  buffer.data(), buffer.data() + kernels().row_scratch};
        if (by_rows) {
            part.rows = rows.row(begin);
            part.num_rows = end - begin;
            part.out = out.row(begin);
        } else {
            part.columns = columns.row(begin);
            part.num_columns = end - begin;
            part.out = out.data + begin;
        }
        kernel(part);
        scratch.give_back(std::move(buffer));
    };
    interruptible_for(count, workers, grain, run);
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

bool has_bfloat16_product() { return kernels().multiply_pairs != nullptr; }

std::size_t scratch_elements(std::size_t width) {
    return kernels().row_scratch + kernels().column_scratch * width;
}

void multiply(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
              Scratch& scratch, const Workers& workers) {
    multiply_with(kernels().multiply, {rows, columns, out}, scratch, workers);
}

void multiply_bfloat16(Matrix<const float> rows, Matrix<const float> columns, Matrix<float> out,
                       Scratch& scratch, const Workers& workers) {
    multiply_with(kernels().multiply_pairs, {rows, columns, out}, scratch, workers);
}

}  // namespace mgn
