// SPDX-License-Identifier: Apache-2.0
// The calls that count_instructions.py counts. Each is made twice, with a call of `boundary` in
// front, between and behind: what runs between the last two is one call that finds its plans and
// memory ready. Their names go to stdout in that order. An answer that differs from the scalar
// level's ends the program.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "common/half.h"
#include "eval/loops.h"
#include "image/resize.h"
#include "image/resize_pack.h"

extern "C" [[gnu::noinline]] void boundary() { asm volatile("" ::: "memory"); }

namespace {

using mgn::image::Kind;
using mgn::image::Layout;

constexpr std::size_t kInput[] = {128, 64};
constexpr std::size_t kOutput[] = {384, 128};
constexpr std::size_t kBytes = kOutput[0] * kOutput[1] * mgn::image::kChannels;
constexpr std::size_t kWidth = 2048;
constexpr std::size_t kValues = 8192;
constexpr std::size_t kWindows = 16;

using Call = std::function<void()>;
using Check = std::function<bool()>;

void count(const std::string& name, const Call& call, const Check& right) {
    boundary();
    call();
    boundary();
    call();
    boundary();
    if (!right()) {
        std::fprintf(stderr, "%s: not the answer of the scalar level\n", name.c_str());
        std::exit(1);
    }
    std::puts(name.c_str());
}

// What the counter must find: nothing, and two instructions a round.
[[gnu::noinline]] void rounds(std::uint64_t left) {
    asm volatile("1: subs %0, %0, #1\n b.ne 1b" : "+r"(left)::"cc");
}

void count_known() {
    const auto always = [] { return true; };
    count("nothing", [] {}, always);
    count("1000 rounds", [] { rounds(1000); }, always);
    count("2000 rounds", [] { rounds(2000); }, always);
}

std::vector<float> random_floats(std::size_t count) {
    static std::mt19937 random(0);
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(random()) * 0x1p-31F - 1.0F;
    return values;
}

template <typename T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Whole lines of 64 bytes, as a batch has them.
struct Buffer {
    alignas(64) std::array<std::uint8_t, kBytes * sizeof(float)> bytes{};
};

struct Picture {
    std::vector<std::uint8_t> bytes;
    mgn::image::ConstPixels pixels;

    Picture() : bytes(kInput[0] * kInput[1] * mgn::image::kChannels) {
        std::mt19937 random(1);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
        pixels = {bytes.data(), kInput[0], kInput[1]};
    }
};

void count_resize(const Picture& picture) {
    static Buffer out, expected;
    const auto resize = [&](Buffer& to, mgn::Simd level) {
        mgn::image::resize(picture.pixels, {to.bytes.data(), kOutput[0], kOutput[1]},
                           mgn::image::Filter::kBicubic, level);
    };
    resize(expected, mgn::Simd::kScalar);
    count("resize", [&] { resize(out, mgn::simd_level()); },
          [&] { return out.bytes == expected.bytes; });
}

void count_resize_pack(const Picture& picture, const char* name, Kind kind, Layout layout) {
    static Buffer plain, mirrored, expected, expected_mirrored;
    const mgn::image::Normalisation of_mgn = {
        255.0F, {0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
    const auto fill = [&](Buffer& to, Buffer& to_mirrored, mgn::Simd level) {
        mgn::image::resize_pack(picture.pixels, kOutput[0], kOutput[1],
                                mgn::image::Filter::kBicubic,
                                {{kind, layout, mgn::image::Colour::kRgb},
                                 to.bytes.data(),
                                 to_mirrored.bytes.data()},
                                of_mgn, level);
    };
    fill(expected, expected_mirrored, mgn::Simd::kScalar);
    count(name, [&] { fill(plain, mirrored, mgn::simd_level()); },
          [&] {
              return plain.bytes == expected.bytes && mirrored.bytes == expected_mirrored.bytes;
          });
}

void count_image() {
    const Picture picture;
    count_resize(picture);
    count_resize_pack(picture, "resize + pack, float32 both", Kind::kFloat32, Layout::kPlanes);
    count_resize_pack(picture, "resize + pack, float16 both", Kind::kFloat16, Layout::kPlanes);
    count_resize_pack(picture, "resize + pack, uint8 both", Kind::kUint8, Layout::kPixels);
}

void count_loops() {
    const mgn::Kernels& level = mgn::kernels();
    const mgn::Kernels& scalar = mgn::scalar_kernels();
    const std::vector<float> a = random_floats(kWidth), b = random_floats(kWidth);
    double dot = 0.0;
    count("dot of 2048", [&] { dot = level.dot(a.data(), b.data(), kWidth); },
          [&] { return dot == scalar.dot(a.data(), b.data(), kWidth); });

    const std::vector<float> values = random_floats(kValues);
    std::vector<std::uint64_t> words(kValues / mgn::kWordBits), expected_words = words;
    scalar.narrow.mark_within(values.data(), kValues, 0.25F, expected_words.data());
    count("mark_within of 8192",
          [&] { level.narrow.mark_within(values.data(), kValues, 0.25F, words.data()); },
          [&] { return same(words, expected_words); });

    const std::vector<float> lower = random_floats(kWindows);
    std::vector<float> upper = lower;
    for (float& bound : upper) bound += 0.25F;
    std::vector<std::uint32_t> counts(2 * kWindows), expected_counts = counts;
    const auto around = [&](const mgn::Kernels& of, std::vector<std::uint32_t>& out) {
        of.narrow.count_around(values.data(), mgn::kWordBits, lower.data(), upper.data(), kWindows,
                               out.data(), out.data() + kWindows);
    };
    around(scalar, expected_counts);
    count("count_around of 64 x 16", [&] { around(level, counts); },
          [&] { return same(counts, expected_counts); });
}

std::vector<std::uint16_t> to_halves(const std::vector<float>& values) {
    std::vector<std::uint16_t> halves(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) halves[i] = mgn::float_to_half(values[i]);
    return halves;
}

void count_to_floats() {
    const std::vector<std::uint16_t> halves = to_halves(random_floats(kValues));
    std::vector<float> out(kValues), expected(kValues);
    mgn::scalar_kernels().scan.to_floats(halves.data(), kValues, expected.data());
    count("to_floats of 8192",
          [&] { mgn::kernels().scan.to_floats(halves.data(), kValues, out.data()); },
          [&] { return same(out, expected); });
}

// Whether a sum of products is as near to the exact one as scan_roundings promises.
bool is_near(const float* query, const std::uint16_t* row, float found) {
    double sum = 0.0, magnitude = 0.0;
    for (std::size_t k = 0; k < kWidth; ++k) {
        const double term =
            static_cast<double>(query[k]) * static_cast<double>(mgn::half_to_float(row[k]));
        sum += term;
        magnitude += std::fabs(term);
    }
    const double most = static_cast<double>(mgn::scan_roundings(kWidth)) * 0x1p-24 * magnitude;
    return std::fabs(static_cast<double>(found) - sum) <= 1.001 * most;
}

// As scan.cpp asks for it.
void count_scan(const std::string& name, std::size_t num_queries) {
    const mgn::ScanKernels& level = mgn::kernels().scan;
    const std::vector<std::uint16_t> halves = to_halves(random_floats(mgn::kScanRows * kWidth));
    const std::vector<float> queries = random_floats(num_queries * kWidth);
    std::vector<const void*> rows(mgn::kScanRows);
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = halves.data() + r * kWidth;
    const bool is_packed = num_queries > level.few_queries;
    std::vector<float> packed(is_packed ? mgn::kQueryPanel * kWidth : 0);
    if (is_packed) level.pack_queries(queries.data(), num_queries, kWidth, packed.data());
    std::vector<float> dots(mgn::kScanRows * num_queries), squares(mgn::kScanRows),
        scratch(mgn::kernels().row_scratch);
    const mgn::Scan scan = {queries.data(), packed.data(), num_queries, rows.data(),
                            rows.size(),    rows.size(),   kWidth,      dots.data(),
                            squares.data(), scratch.data()};
    count(name, [&] { (is_packed ? level.packed_halves : level.halves)(scan); },
          [&] {
              bool near = true;
              for (std::size_t r = 0; r < rows.size(); ++r) {
                  const std::uint16_t* const row = halves.data() + r * kWidth;
                  std::vector<float> own(kWidth);
                  mgn::halves_to_floats(row, kWidth, own.data());
                  near = near && is_near(own.data(), row, squares[r]);
                  for (std::size_t q = 0; q < num_queries; ++q) {
                      const float* const query = queries.data() + q * kWidth;
                      near = near && is_near(query, row, dots[r * num_queries + q]);
                  }
              }
              return near;
          });
}

}  // namespace

int main() {
    count_known();
    count_image();
    count_loops();
    count_to_floats();
    count_scan("scan of 84 halves, 1 query", 1);
    count_scan("scan of 84 halves, 8 queries", 8);
}
