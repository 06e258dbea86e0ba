// SPDX-License-Identifier: Apache-2.0
// parallel_for for work that may take seconds: asks now and then whether the caller wants to stop.
// Only the calling thread asks, because only it may talk to the interpreter, and it does no work
// itself, so that it is free to ask however long a row takes.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "common/errors.h"

namespace mgn {

// True if the work is no longer wanted.
using StopRequested = std::function<bool()>;

struct Workers {
    std::size_t threads = 1;
    StopRequested stop_requested = nullptr;  // empty: never asked
};

// Calls body(begin, end) for ranges of at most `grain` that cover [0, count); each thread has one
// consecutive part of them. Throws Cancelled once the caller wants to stop; what the body wrote is
// then incomplete.
template <typename Body>
void interruptible_for(std::size_t count, const Workers& workers, std::size_t grain, Body body) {
    constexpr std::chrono::milliseconds kInterval(50);
    const std::size_t parts = std::max<std::size_t>(1, std::min(workers.threads, count));
    std::atomic<bool> stop{false};
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t running = parts;
    std::exception_ptr failure;
    const auto run_part = [&](std::size_t part) {
        std::exception_ptr thrown;
        try {
            const std::size_t end = count * (part + 1) / parts;
            for (std::size_t i = count * part / parts; i < end && !stop; i += grain) {
                body(i, std::min(end, i + grain));
            }
        } catch (...) {
            thrown = std::current_exception();
            stop = true;
        }
        const std::lock_guard<std::mutex> lock(mutex);
        if (thrown && !failure) failure = thrown;
        --running;
        ended.notify_one();
    };
    std::vector<std::thread> threads;
    threads.reserve(parts);
    for (std::size_t part = 0; part < parts; ++part) threads.emplace_back(run_part, part);
    bool cancelled = false;
    {
        std::unique_lock<std::mutex> lock(mutex);
        while (!ended.wait_for(lock, kInterval, [&] { return running == 0; })) {
            if (cancelled || !workers.stop_requested) continue;
            lock.unlock();  // the question may wait for the interpreter's lock
            cancelled = workers.stop_requested();
            if (cancelled) stop = true;
            lock.lock();
        }
    }
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
    if (cancelled) throw Cancelled();
}

}  // namespace mgn
