// SPDX-License-Identifier: Apache-2.0
// The packed matrix product, for levels whose struct `Level` has vectors. Note [product blocks]:
// columns are packed once per kColumnBlock of them (4 MB at width 2048, in the outer cache), rows
// per kRowBlock and kDepth (a quarter of a megabyte, in the second), so that a panel of columns
// stays in the nearest cache while all rows of a block pass by it. Rows keep their order in memory
// but get a stride that is no power of two, or all rows of a tile would share one cache set.
#pragma once

#include <cstddef>

#include "eval/loops.h"

namespace mgn {

namespace {

constexpr std::size_t kTileRows = Level::kTileRows;
constexpr std::size_t kVectors = 2;
constexpr std::size_t kTileColumns = kVectors * Level::kFloats;
constexpr std::size_t kDepth = kSumBlock;
constexpr std::size_t kRowStride = kDepth + 16;
constexpr std::size_t kRowBlock = kTileRows * (224 / kTileRows);
constexpr std::size_t kColumnBlock = 512;

std::size_t least(std::size_t a, std::size_t b) { return a < b ? a : b; }

// One tile of the result: up to kTileRows x kTileColumns.
struct Tile {
    float* out;
    std::size_t stride;
    std::size_t rows;
    std::size_t columns;
    bool first;  // nothing is in `out` yet
};

void store_part(const Tile& tile, std::size_t row, const typename Level::Vector (&sums)[kVectors]) {
    float values[kTileColumns];
    for (std::size_t v = 0; v < kVectors; ++v) Level::store(values + v * Level::kFloats, sums[v]);
    float* const out = tile.out + row * tile.stride;
    for (std::size_t j = 0; j < tile.columns; ++j) {
        out[j] = tile.first ? values[j] : out[j] + values[j];
    }
}

void store_row(const Tile& tile, std::size_t row, const typename Level::Vector (&sums)[kVectors]) {
    if (tile.columns < kTileColumns) return store_part(tile, row, sums);
    float* const out = tile.out + row * tile.stride;
    for (std::size_t v = 0; v < kVectors; ++v) {
        float* const at = out + v * Level::kFloats;
        Level::store(at, tile.first ? sums[v] : Level::add(Level::load(at), sums[v]));
    }
}

typedef typename Level::Vector Sums[kTileRows][kVectors];

// One term of every row by a panel's columns.
[[gnu::always_inline]] inline void add_term(const float* rows, const float* columns, Sums& sums) {
    const auto left = Level::load(columns);
    const auto right = Level::load(columns + Level::kFloats);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) {
        const auto value = Level::broadcast(rows + r * kRowStride);
        sums[r][0] = Level::multiply_add(value, left, sums[r][0]);
        sums[r][1] = Level::multiply_add(value, right, sums[r][1]);
    }
}

// The same of a term that is lane kLane of each row's register.
template <typename L, int kLane>
[[gnu::always_inline]] inline void add_lane(const typename L::Vector (&rows)[kTileRows],
                                            const float* columns, Sums& sums) {
    const auto left = L::load(columns + kLane * kTileColumns);
    const auto right = L::load(columns + kLane * kTileColumns + L::kFloats);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) {
        sums[r][0] = L::template multiply_add_lane<kLane>(rows[r], left, sums[r][0]);
        sums[r][1] = L::template multiply_add_lane<kLane>(rows[r], right, sums[r][1]);
    }
}

// Four terms at a time, where a level multiplies by a lane of a register, so that one load of a row
// serves four. Returns how many terms are done.
template <typename L>
[[gnu::always_inline]] inline std::size_t add_by_lanes(const float* rows, const float* columns,
                                                       std::size_t depth, Sums& sums) {
    std::size_t k = 0;
    if constexpr (L::kByLanes) {
        for (; k + 4 <= depth; k += 4) {
            typename L::Vector four[kTileRows];
#pragma GCC unroll 16
            for (std::size_t r = 0; r < kTileRows; ++r)
                four[r] = L::load(rows + r * kRowStride + k);
            const float* const panel = columns + k * kTileColumns;
            add_lane<L, 0>(four, panel, sums);
            add_lane<L, 1>(four, panel, sums);
            add_lane<L, 2>(four, panel, sums);
            add_lane<L, 3>(four, panel, sums);
        }
    }
    return k;
}

// Adds kSumChunk terms at most to the tile's totals, [kTileRows, kTileColumns].
void multiply_chunk(const float* rows, const float* columns, std::size_t depth, float* totals,
                    bool first) {
    Sums sums;
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) sums[r][0] = sums[r][1] = Level::zero();
    std::size_t k = add_by_lanes<Level>(rows, columns, depth, sums);
    for (; k < depth; ++k) add_term(rows + k, columns + k * kTileColumns, sums);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) {
        for (std::size_t v = 0; v < kVectors; ++v) {
            float* const at = totals + r * kTileColumns + v * Level::kFloats;
            Level::store(at, first ? sums[r][v] : Level::add(Level::load(at), sums[r][v]));
        }
    }
}

void multiply_tile(const float* rows, const float* columns, std::size_t depth, const Tile& tile) {
    alignas(64) float totals[kTileRows * kTileColumns];
    for (std::size_t k = 0; k < depth; k += kSumChunk) {
        multiply_chunk(rows + k, columns + k * kTileColumns, least(kSumChunk, depth - k), totals,
                       k == 0);
    }
    for (std::size_t r = 0; r < tile.rows; ++r) {
        typename Level::Vector sums[kVectors];
        for (std::size_t v = 0; v < kVectors; ++v) {
            sums[v] = Level::load(totals + r * kTileColumns + v * Level::kFloats);
        }
        store_row(tile, r, sums);
    }
}

// One panel, [width, kTileColumns]; columns that do not exist are 0.
void pack_panel(const float* columns, std::size_t count, std::size_t width, float* out) {
    constexpr std::size_t kSquare = Level::kFloats;
    std::size_t done = 0;
    if (count >= kTileColumns) {
        for (; done + kSquare <= width; done += kSquare) {
            for (std::size_t j = 0; j < kTileColumns; j += kSquare) {
                Level::transpose(columns + j * width + done, width, out + done * kTileColumns + j,
                                 kTileColumns);
            }
        }
    }
    for (std::size_t k = done; k < width; ++k) {
        for (std::size_t j = 0; j < kTileColumns; ++j) {
            out[k * kTileColumns + j] = j < count ? columns[j * width + k] : 0.0F;
        }
    }
}

void pack_columns(const float* columns, std::size_t count, std::size_t width, float* out) {
    for (std::size_t j = 0; j < count; j += kTileColumns) {
        pack_panel(columns + j * width, count - j, width, out + j * width);
    }
}

// kRowBlock rows at most, filled up with zeros to whole tiles.
void pack_rows(const float* rows, std::size_t count, std::size_t width, std::size_t depth,
               float* out) {
    for (std::size_t r = 0; r < count; ++r) {
        __builtin_memcpy(out + r * kRowStride, rows + r * width, depth * sizeof(float));
    }
    for (std::size_t r = count; r % kTileRows != 0; ++r) {
        __builtin_memset(out + r * kRowStride, 0, depth * sizeof(float));
    }
}

struct Block {
    std::size_t first_row, num_rows, first_column, num_columns, first_term, depth;
};

// Columns as pack_columns left them.
void multiply_block(const Rectangle& all, const float* panels, const Block& block) {
    for (std::size_t j = 0; j < block.num_columns; j += kTileColumns) {
        const float* const panel = panels + j * all.width + block.first_term * kTileColumns;
        for (std::size_t i = 0; i < block.num_rows; i += kTileRows) {
            const Tile tile{
                all.out + (block.first_row + i) * all.out_stride + block.first_column + j,
                all.out_stride, least(kTileRows, block.num_rows - i),
                least(kTileColumns, block.num_columns - j), block.first_term == 0};
            multiply_tile(all.row_scratch + i * kRowStride, panel, block.depth, tile);
        }
    }
}

void multiply(const Rectangle& all) {
    for (std::size_t j = 0; j < all.num_columns; j += kColumnBlock) {
        const std::size_t columns = least(kColumnBlock, all.num_columns - j);
        pack_columns(all.columns + j * all.width, columns, all.width, all.column_scratch);
        for (std::size_t i = 0; i < all.num_rows; i += kRowBlock) {
            const std::size_t rows = least(kRowBlock, all.num_rows - i);
            for (std::size_t k = 0; k < all.width; k += kDepth) {
                const std::size_t depth = least(kDepth, all.width - k);
                pack_rows(all.rows + i * all.width + k, rows, all.width, depth, all.row_scratch);
                multiply_block(all, all.column_scratch, {i, rows, j, columns, k, depth});
            }
        }
    }
}

constexpr Kernels with_product(Kernels kernels) {
    kernels.multiply = &multiply;
    kernels.row_scratch = kRowBlock * kRowStride;
    kernels.column_scratch = kColumnBlock;
    return kernels;
}

}  // namespace

}  // namespace mgn
