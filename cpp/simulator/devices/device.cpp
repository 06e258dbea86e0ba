// SPDX-License-Identifier: Apache-2.0
// The devices and their clocks.
#include "simulator/devices/device.h"

#include <algorithm>
#include <array>

namespace mgn::simulator {

std::atomic<Nanoseconds> slow_by_ns{0};
std::atomic<Nanoseconds> execute_limit_ns{0};
std::atomic<Nanoseconds> wait_limit_ns{0};

Nanoseconds Engine::reserve(Nanoseconds ready, Nanoseconds duration) {
    const std::lock_guard lock(mutex_);
    const Nanoseconds start = std::max(ready, free_at_);
    free_at_ = start + duration;
    return start;
}

void Engine::correct(Nanoseconds planned, Nanoseconds real) {
    const std::lock_guard lock(mutex_);
    // Time that others have taken behind this task stays theirs.
    if (free_at_ == planned || free_at_ < real) free_at_ = real;
}

Device& device_of(std::uint32_t id) {
    static auto* const all = [] {
        auto* const made = new std::array<Device, kMostDevices>;
        for (std::uint32_t i = 0; i < kMostDevices; ++i) (*made)[i].id = i;
        return made;
    }();
    return all->at(id);
}

bool take_one(std::atomic<std::uint32_t>& counter, std::uint32_t amount, std::uint32_t limit) {
    std::uint32_t now = counter.load();
    do {
        if (now + amount > limit) return false;
    } while (!counter.compare_exchange_weak(now, now + amount));
    return true;
}

namespace {
std::atomic<std::uint64_t> random_state{0};
}  // namespace

void seed_uniform(std::uint64_t seed) { random_state.store(seed); }

double uniform() {
    // splitmix64 (Steele et al. 2014): a counter and a hash, so that threads need no lock.
    std::uint64_t z = random_state.fetch_add(0x9E3779B97F4A7C15u) + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

}  // namespace mgn::simulator
