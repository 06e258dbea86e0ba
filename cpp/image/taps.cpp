// SPDX-License-Identifier: Apache-2.0
// The order of every operation on doubles here is Pillow's: the weights' last bits depend on it.
#include "image/taps.h"

#include <algorithm>
#include <cmath>

namespace mgn::image {
namespace {

constexpr std::size_t kGroup = 4;

// Keys' cubic with a = -0.5.
double bicubic(double x) {
    constexpr double a = -0.5;
    x = std::fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

double triangle(double x) {
    x = std::fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

// A filter's curve, which is zero from `support` on to either side.
struct Curve {
    double (*at)(double x);
    double support;
};

Curve curve_of(Filter filter) {
    return filter == Filter::kBilinear ? Curve{triangle, 1.0} : Curve{bicubic, 2.0};
}

std::int32_t to_fixed_point(double weight) {
    const double scaled = weight * (1 << kWeightBits);
    return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

// The filter at one scale.
struct Window {
    Curve curve;
    double scale;
    double widened;  // when shrinking, never narrowed
    double narrowing;
    double support;

    Window(Filter filter, std::size_t input_size, std::size_t output_size)
        : curve(curve_of(filter)),
          scale(static_cast<double>(input_size) / static_cast<double>(output_size)),
          widened(std::max(scale, 1.0)),
          narrowing(1.0 / widened),
          support(curve.support * widened) {}

    double center(std::size_t output) const { return (static_cast<double>(output) + 0.5) * scale; }
    std::size_t begin(std::size_t output) const {
        const auto low = static_cast<std::int64_t>(center(output) - support + 0.5);
        return static_cast<std::size_t>(std::max(low, std::int64_t{0}));
    }
    std::size_t end(std::size_t output, std::size_t input_size) const {
        return std::min(static_cast<std::size_t>(center(output) + support + 0.5), input_size);
    }
};

// Writes the weights of input positions [begin, end), normalised to a sum of 1.
void fill_weights(const Window& window, double center, std::size_t begin, std::size_t end,
                  double* exact, std::int32_t* weights) {
    const std::size_t count = end - begin;
    double sum = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
        const double offset = static_cast<double>(k + begin) - center + 0.5;
        exact[k] = window.curve.at(offset * window.narrowing);
        sum += exact[k];
    }
    for (std::size_t k = 0; k < count; ++k) {
        weights[k] = to_fixed_point(sum != 0.0 ? exact[k] / sum : exact[k]);
    }
}

}  // namespace

Taps make_taps(std::size_t input_size, std::size_t output_size, Filter filter) {
    const Window window(filter, input_size, output_size);
    std::size_t most = 1;
    for (std::size_t i = 0; i < output_size; ++i) {
        most = std::max(most, window.end(i, input_size) - window.begin(i));
    }
    Taps taps;
    taps.input_size = input_size;
    taps.output_size = output_size;
    taps.stride = (most + kGroup - 1) / kGroup * kGroup;
    taps.first.resize(output_size);
    taps.weights.assign(output_size * taps.stride, 0);
    // At the far edge the window is moved back so that zero weights do not reach beyond the input.
    const std::size_t last_first = input_size > taps.stride ? input_size - taps.stride : 0;
    std::vector<double> exact(most);
    for (std::size_t i = 0; i < output_size; ++i) {
        const std::size_t begin = window.begin(i);
        const std::size_t first = std::min(begin, last_first);
        taps.first[i] = static_cast<std::uint32_t>(first);
        fill_weights(window, window.center(i), begin, window.end(i, input_size), exact.data(),
                     taps.weights.data() + i * taps.stride + (begin - first));
    }
    return taps;
}

}  // namespace mgn::image
