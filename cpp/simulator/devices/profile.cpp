// SPDX-License-Identifier: Apache-2.0
// The Ascend310P3 profile and the copy rates.
#include "simulator/devices/profile.h"

#include <iterator>

#include "simulator/core/settings.h"

namespace mgn::simulator {

namespace {

struct Point {
    double batch;
    double images_per_s;
    double seconds() const { return batch / images_per_s; }
};

// Published for the recipe's tuned model (310P3, one chip, interface rate).
constexpr Point kPublished[] = {{1, 640.829},  {4, 1453.49},  {8, 1519.17},
                                {16, 1388.27}, {32, 1367.63}, {64, 1364.84}};

// No figure is published for this card's copies. Assumed: PCIe 3.0 x16 as such cards reach it with
// page-locked memory.
constexpr double kCopyBytesPerS = 10e9;

}  // namespace

double compute_s(std::uint64_t batch) {
    const auto images = static_cast<double>(batch);
    const Point& last = kPublished[std::size(kPublished) - 1];
    if (images >= last.batch) return images / last.images_per_s;
    std::size_t above = 1;
    while (kPublished[above].batch < images) ++above;
    const Point& low = kPublished[above - 1];
    const Point& high = kPublished[above];
    const double share = (images - low.batch) / (high.batch - low.batch);
    return low.seconds() + share * (high.seconds() - low.seconds());
}

double copy_in_s(std::size_t bytes) {
    const double chosen = settings().copy_in_bytes_per_s;
    return static_cast<double>(bytes) / (chosen > 0 ? chosen : kCopyBytesPerS);
}

double copy_out_s(std::size_t bytes) {
    const double chosen = settings().copy_out_bytes_per_s;
    return static_cast<double>(bytes) / (chosen > 0 ? chosen : kCopyBytesPerS);
}

}  // namespace mgn::simulator
