// SPDX-License-Identifier: Apache-2.0
// A stream: a queue and the thread that works it off, which starts with the first task.
// Lock order: a stream's lock is taken with no other lock held, and only locks marked "taken last"
// are taken under it. None is held while a task, a callback or a listener runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "simulator/core/clock.h"
#include "simulator/devices/context.h"
#include "simulator/devices/device.h"
#include "simulator/memory/guard.h"
#include "simulator/streams/gate.h"
#include "simulator/streams/stream.h"

namespace mgn::simulator {

// A task and what the runtime part ties to it.
struct Entry {
    Task task;
    std::shared_ptr<Gate> before;     // the task waits for it
    Nanoseconds before_limit = 0;     // for so long; 0 is forever
    std::shared_ptr<Gate> after;      // it is not done before this opens
    std::shared_ptr<Gate> opens;      // opened when it is done
    std::vector<Guard> guards;        // ended when it is done
    aclError forced = acl::kSuccess;  // ends so, without running
    Nanoseconds submitted = 0;
    Nanoseconds slowed = 0;  // what mgnsim_slow_stream asked for when it was submitted
    std::uint64_t sequence = 0;
};

// How a task ended, in model time.
struct Outcome {
    aclError code = acl::kSuccess;
    Nanoseconds start = 0;
    Nanoseconds end = 0;
};

// Sleeps until a time; the code of what interrupted it, or 0.
using Sleep = std::function<aclError(Nanoseconds until)>;

// Runs the task on the device's engine no earlier than `ready`, and returns at its model end. It
// has been slowed by so much already, which counts against aclrtSetOpExecuteTimeOut.
Outcome run_task(Device& device, Task& task, Nanoseconds ready, Nanoseconds slowed,
                 const Sleep& sleep);

// The task is queued; it has ended.
void begin_uses(const Task& task);
void end_uses(const Task& task);

class Stream : public std::enable_shared_from_this<Stream> {
public:
    Stream(std::weak_ptr<Context> owner, std::uint32_t device, std::uint64_t id)
        : context(std::move(owner)), device_id(device), id_(id) {}

    const std::weak_ptr<Context> context;
    const std::uint32_t device_id;
    void* handle = nullptr;  // null: a default stream

    std::uint64_t id() const noexcept { return id_; }

    // Queues; the entry's `opens` learns where it is opened from. The code to return where the
    // stream takes no more.
    aclError push(Entry entry);

    // Until everything submitted so far is done, or for `limit` (negative: forever). The code of
    // the first failure since the last wait, 507046, or 0.
    aclError wait(Nanoseconds limit);

    bool is_idle();

    // The failure of a task up to this one that no client was told of yet; forgotten by this.
    aclError take_error(std::uint64_t sequence);

    // Ends what is queued with the code, without running it; what runs is not slept out.
    void drop(aclError code);

    // As `drop`, waits for the end, and whoever else waits is told the code.
    void abort(aclError code);

    // No more tasks; the thread ends. Waits for it unless it is the caller or `patient` is false.
    void close(bool patient);

    // Lets the thread look again at what it waits for (a gate, a lost device).
    void wake();

private:
    void work();
    Outcome perform(Entry& entry);
    aclError pass(Gate& gate, const Entry& entry);
    aclError sleep_until(Nanoseconds until, std::uint64_t sequence);
    aclError interruption(std::uint64_t sequence) const;
    void finish(Entry& entry, const Outcome& outcome);

    const std::uint64_t id_;
    std::mutex mutex_;
    std::condition_variable wake_;  // the thread waits: for tasks, gates, time
    std::condition_variable done_;  // hosts wait
    std::deque<Entry> queue_;
    std::thread thread_;
    bool closed_ = false;
    bool asleep_ = false;                      // the thread waits for tasks
    int waiting_ = 0;                          // hosts that wait
    std::atomic<std::uint64_t> submitted_{0};  // written with the lock held, read without by
    std::atomic<std::uint64_t> completed_{0};  // who spins before it sleeps
    std::uint64_t drop_until_ = 0;             // tasks up to this one end with drop_code_
    aclError drop_code_ = acl::kSuccess;
    std::uint64_t aborts_ = 0;
    aclError error_ = acl::kSuccess;
    std::uint64_t error_sequence_ = 0;
    bool stopped_ = false;  // a failure under ACL_STOP_ON_FAILURE
    Nanoseconds time_ = 0;  // model end of the last task; the thread's own
};

}  // namespace mgn::simulator
