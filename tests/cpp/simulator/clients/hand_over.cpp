// SPDX-License-Identifier: Apache-2.0
// Hands data from thread to thread by the means that cpp/ has in headers, as fast as they go, and
// counts what arrived too late: on a CPU that reorders loads and stores, as AArch64 may, a barrier
// that is missing shows here. `control` has no barrier, so its count says whether this CPU shows
// any. Each line: the means, the rounds, and how many were stale.
// Usage: hand_over ROUNDS
#include <atomic>
#include <memory>
#include <thread>

#include "stale.h"
#include "eval/interruptible.h"
#include "simulator/streams/gate.h"

namespace {

// Each value on a cache line of its own, whose stores may become visible in any order.
struct alignas(64) Line {
    std::atomic<std::uint64_t> value{0};
};
constexpr std::size_t kLines = 16;

struct Payload {
    Line lines[kLines];

    void write(std::uint64_t round) {
        for (Line& line : lines) line.value.store(round, std::memory_order_relaxed);
    }
    // Whether a value is older than that round; last first, as the writer began with the first.
    bool is_stale(std::uint64_t round) const {
        for (std::size_t line = kLines; line-- > 0;) {
            if (lines[line].value.load(std::memory_order_relaxed) < round) return true;
        }
        return false;
    }
};

// The writer is at most one round ahead, so that the two are always at it together.
template <typename Publish, typename Arrived>
std::uint64_t pass_messages(std::uint64_t rounds, const Publish& publish, const Arrived& arrived) {
    auto payload = std::make_unique<Payload>();
    std::atomic<std::uint64_t> read{0};
    std::thread writer([&] {
        for (std::uint64_t round = 1; round <= rounds; ++round) {
            while (read.load(std::memory_order_relaxed) + 1 < round) std::this_thread::yield();
            payload->write(round);
            publish(round);
        }
    });
    std::uint64_t stale = 0;
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        while (!arrived(round)) std::this_thread::yield();
        stale += payload->is_stale(round);
        read.store(round, std::memory_order_relaxed);
    }
    writer.join();
    return stale;
}

void try_control(std::uint64_t rounds) {
    Line flag;
    tell("control", rounds,
         pass_messages(
             rounds,
             [&](std::uint64_t round) { flag.value.store(round, std::memory_order_relaxed); },
             [&](std::uint64_t round) {
                 return flag.value.load(std::memory_order_relaxed) >= round;
             }));
}

void try_gates(std::uint64_t rounds) {
    std::vector<mgn::simulator::Gate> gates(rounds + 1);
    std::uint64_t wrong = 0;
    const std::uint64_t stale = pass_messages(
        rounds,
        [&](std::uint64_t round) {
            gates[round].open(static_cast<mgn::simulator::Nanoseconds>(round), 0);
        },
        [&](std::uint64_t round) {
            if (!gates[round].is_open()) return false;
            wrong += static_cast<std::uint64_t>(gates[round].time()) != round;
            return true;
        });
    tell("gate", rounds, stale + wrong);
}

// What workers wrote is read as soon as the call returns.
void try_workers(std::uint64_t rounds) {
    constexpr std::size_t kCount = 64;
    std::vector<std::uint64_t> numbers(kCount);
    std::uint64_t stale = 0;
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        mgn::interruptible_for(kCount, mgn::Workers{2}, 8, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) numbers[i] = round;
        });
        for (const std::uint64_t number : numbers) stale += number != round;
    }
    tell("workers", rounds, stale);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const auto rounds = static_cast<std::uint64_t>(std::atoll(argv[1]));
    try_control(rounds);
    try_gates(rounds);
    try_workers(rounds / 20);  // each starts two threads
    return 0;
}
