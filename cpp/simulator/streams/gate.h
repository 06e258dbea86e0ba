// SPDX-License-Identifier: Apache-2.0
// Something that happens once: a stream passed an event's record, a callback returned. Streams and
// host threads wait for it. Any thread; no lock is held while listeners are told.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "simulator/core/call.h"
#include "simulator/core/clock.h"

namespace mgn::simulator {

class Stream;

class Gate {
public:
    // Where it is opened from, for errors and for aclrtEventElapsedTime; read once it is open.
    std::weak_ptr<Stream> stream;
    std::uint64_t stream_id = 0;
    std::uint64_t sequence = 0;  // of the task that opens it

    bool is_open() const noexcept { return open_.load(std::memory_order_acquire); }

    // What follows is fixed once it is open.
    Nanoseconds time() const noexcept { return time_; }
    aclError code() const noexcept { return code_; }

    void open(Nanoseconds time, aclError code) {
        std::vector<std::function<void()>> told;
        {
            const std::lock_guard lock(mutex_);
            if (is_open()) return;
            time_ = time;
            code_ = code;
            open_.store(true, std::memory_order_release);
            told.swap(listeners_);
        }
        opened_.notify_all();
        for (const auto& tell : told) tell();
    }

    // Calls `tell` once it opens; false, and no call, if it is open already.
    bool listen(std::function<void()> tell) {
        const std::lock_guard lock(mutex_);
        if (is_open()) return false;
        listeners_.push_back(std::move(tell));
        return true;
    }

    // Blocks the host; false where the time ran out. A negative time is forever.
    bool wait(Nanoseconds limit) {
        std::unique_lock lock(mutex_);
        const auto done = [this] { return is_open(); };
        if (limit < 0) {
            opened_.wait(lock, done);
            return true;
        }
        return opened_.wait_until(lock, time_point_of(now_ns() + limit), done);
    }

private:
    std::mutex mutex_;  // taken last
    std::condition_variable opened_;
    std::atomic<bool> open_{false};
    Nanoseconds time_ = 0;
    aclError code_ = acl::kSuccess;
    std::vector<std::function<void()>> listeners_;
};

}  // namespace mgn::simulator
