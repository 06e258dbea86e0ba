// SPDX-License-Identifier: Apache-2.0
// Splits independent rows over threads. The partition is fixed, so results cannot depend on timing.
// May be called from any thread; the first exception is rethrown.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace mgn {

// Calls body(begin, end) for `threads` consecutive ranges that cover [0, count).
template <typename Body>
void parallel_for(std::size_t count, std::size_t threads, Body body) {
    const std::size_t parts = std::max<std::size_t>(1, std::min(threads, count));
    if (parts == 1) {
        body(std::size_t{0}, count);
        return;
    }
    std::vector<std::exception_ptr> failures(parts);
    const auto run_part = [&](std::size_t part) {
        try {
            body(count * part / parts, count * (part + 1) / parts);
        } catch (...) {
            failures[part] = std::current_exception();
        }
    };
    std::vector<std::thread> workers;
    workers.reserve(parts - 1);
    for (std::size_t part = 1; part < parts; ++part) workers.emplace_back(run_part, part);
    run_part(0);
    for (std::thread& worker : workers) worker.join();
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

}  // namespace mgn
