// SPDX-License-Identifier: Apache-2.0
// A device: its engines in model time, what of it is in use, whether it was lost. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "simulator/core/clock.h"

namespace mgn::simulator {

// What a task occupies. Tasks of one engine of one device run one after the other in model time,
// whatever their streams; `none` costs nothing.
enum class Occupies { none, copy_in, copy_out, compute };

// Runs one task at a time, in the order in which they reach the head of their streams.
class Engine {
public:
    // Occupies the engine for the duration from `ready` on, or from when it is free; its start.
    Nanoseconds reserve(Nanoseconds ready, Nanoseconds duration);

    // The task that was to end at `planned` ended at `real`.
    void correct(Nanoseconds planned, Nanoseconds real);

private:
    std::mutex mutex_;  // taken last
    Nanoseconds free_at_ = 0;
};

struct Device {
    std::uint32_t id = 0;
    Engine engines[3];  // copy_in, copy_out, compute
    std::atomic<std::uint64_t> memory_used{0};
    std::atomic<std::uint32_t> streams{0};  // default and internal ones too
    std::atomic<std::uint32_t> events{0};   // recorded ones
    std::atomic<bool> lost{false};

    Engine& engine(Occupies what) { return engines[static_cast<int>(what) - 1]; }
};

constexpr std::uint32_t kMostDevices = 64;

// Never gone; `id` is below kMostDevices.
Device& device_of(std::uint32_t id);

// Counts one more up to the limit; false where it is reached.
bool take_one(std::atomic<std::uint32_t>& counter, std::uint32_t amount, std::uint32_t limit);

// Every further task takes this much longer.
extern std::atomic<Nanoseconds> slow_by_ns;

// A compute task that takes longer fails; 0 is forever (aclrtSetOpExecuteTimeOut).
extern std::atomic<Nanoseconds> execute_limit_ns;

// A stream waits this long for an event; 0 is forever (aclrtSetOpWaitTimeout).
extern std::atomic<Nanoseconds> wait_limit_ns;

// Uniform in [0, 1), seeded by the settings.
double uniform();
void seed_uniform(std::uint64_t seed);

}  // namespace mgn::simulator
