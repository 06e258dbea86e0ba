// SPDX-License-Identifier: Apache-2.0
// Time in nanoseconds of the monotonic clock, which model time shares. Any thread.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

namespace mgn::simulator {

using Nanoseconds = std::int64_t;

inline Nanoseconds now_ns() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

inline std::chrono::steady_clock::time_point time_point_of(Nanoseconds at) {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at));
}

inline Nanoseconds to_ns(double seconds) { return std::llround(seconds * 1e9); }

inline double to_s(Nanoseconds time) { return static_cast<double>(time) * 1e-9; }

}  // namespace mgn::simulator
