// SPDX-License-Identifier: Apache-2.0
// The thread of a stream: takes one task after the other, in model time and in real time.
#include "simulator/streams/worker.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <system_error>

#include "simulator/core/abi.h"
#include "simulator/core/settings.h"
#include "simulator/streams/exception_info.h"
#include "simulator/streams/trace.h"

namespace mgn::simulator {
namespace {

// Waking a thread takes longer than a small task, so both sides look for a while before they sleep,
// letting others have the core in between. Measured on two cores of an EPYC: three small tasks and
// a synchronise take 4 microseconds instead of 24.
template <typename Done>
void spin_until(const Done& done) {
    constexpr Nanoseconds kLongest = 20'000;
    constexpr int kLooksPerTime = 4;
    const Nanoseconds end = now_ns() + kLongest;
    do {
        for (int look = 0; look < kLooksPerTime; ++look) {
            if (done()) return;
            sched_yield();  // the other side may need this very core
        }
    } while (now_ns() < end);
}

// Signals are for the threads of the client, except those that a thread causes itself.
void block_signals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
        sigdelset(&blocked, own);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
}

}  // namespace

Outcome run_task(Device& device, Task& task, Nanoseconds ready, Nanoseconds slowed,
                 const Sleep& sleep) {
    const Settings& machine = settings();
    const bool timed = machine.timing && task.occupies != Occupies::none;
    Nanoseconds duration = 0;
    if (timed) {
        const double spread = machine.jitter == 0 ? 1 : 1 + machine.jitter * (2 * uniform() - 1);
        duration = to_ns(task.duration_s * spread);
    }
    const Nanoseconds limit = execute_limit_ns.load(std::memory_order_relaxed);
    const bool too_long =
        limit != 0 && task.occupies == Occupies::compute && duration + slowed > limit;
    if (too_long) duration = limit;
    Outcome outcome{acl::kSuccess, ready, ready + duration};
    if (timed) {
        outcome.start = device.engine(task.occupies).reserve(ready, duration);
        outcome.end = outcome.start + duration;
    }
    const Nanoseconds began = timed ? now_ns() : 0;
    if (too_long) {
        outcome.code = acl::kRtAicoreTimeout;
    } else if (task.run) {
        outcome.code = task.run();
    }
    if (!timed) return outcome;
    // Work that takes longer than the model's time takes its own. A thread that only woke up late
    // catches up instead, so that a busy engine keeps the model's rate.
    const Nanoseconds worked = now_ns() - began;
    if (worked > duration) {
        device.engine(task.occupies).correct(outcome.end, outcome.start + worked);
        outcome.end = outcome.start + worked;
    }
    if (const aclError interrupted = sleep(outcome.end); interrupted != acl::kSuccess) {
        outcome.code = interrupted;
        device.engine(task.occupies).correct(outcome.end, now_ns());
    }
    return outcome;
}

aclError Stream::push(Entry entry) {
    entry.submitted = now_ns();
    entry.slowed = slow_by_ns.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (closed_) return acl::kRtInvalidHandle;
    if (stopped_) return error_ != acl::kSuccess ? error_ : acl::kRtInternalError;
    if (!thread_.joinable()) {
        try {
            thread_ = std::thread([self = shared_from_this()] { self->work(); });
        } catch (const std::system_error&) {
            return acl::kRtNoStream;
        }
    }
    begin_uses(entry.task);
    entry.sequence = submitted_ + 1;
    if (entry.opens != nullptr) {
        entry.opens->stream = weak_from_this();
        entry.opens->stream_id = id_;
        entry.opens->sequence = entry.sequence;
    }
    queue_.push_back(std::move(entry));
    ++submitted_;  // the thread may be looking for this without the lock
    if (asleep_) wake_.notify_one();
    return acl::kSuccess;
}

aclError Stream::wait(Nanoseconds limit) {
    std::unique_lock lock(mutex_);
    const std::uint64_t target = submitted_;
    const std::uint64_t aborts = aborts_;
    const auto done = [&] { return completed_ >= target; };
    if (limit != 0 && !done()) {
        lock.unlock();
        spin_until(done);
        lock.lock();
    }
    ++waiting_;
    bool in_time = true;
    if (limit < 0) {
        done_.wait(lock, done);
    } else {
        in_time = done_.wait_until(lock, time_point_of(now_ns() + limit), done);
    }
    --waiting_;
    if (!in_time) return acl::kRtStreamSyncTimeout;
    if (aborts != aborts_) return drop_code_;
    const aclError code = error_;
    if (!stopped_) error_ = acl::kSuccess;
    return code;
}

bool Stream::is_idle() {
    const std::lock_guard lock(mutex_);
    return completed_ == submitted_;
}

aclError Stream::take_error(std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    if (error_ == acl::kSuccess || error_sequence_ > sequence) return acl::kSuccess;
    const aclError code = error_;
    if (!stopped_) error_ = acl::kSuccess;
    return code;
}

void Stream::drop(aclError code) {
    const std::lock_guard lock(mutex_);
    drop_until_ = submitted_;
    drop_code_ = code;
    wake_.notify_all();
}

void Stream::abort(aclError code) {
    drop(code);
    std::unique_lock lock(mutex_);
    ++aborts_;
    const std::uint64_t target = drop_until_;
    ++waiting_;
    done_.wait(lock, [&] { return completed_ >= target; });
    --waiting_;
    if (error_sequence_ <= target) error_ = acl::kSuccess;
}

void Stream::close(bool patient) {
    std::thread ending;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        ending = std::move(thread_);
        wake_.notify_all();
    }
    if (!ending.joinable()) return;
    if (patient && ending.get_id() != std::this_thread::get_id()) {
        ending.join();
    } else {
        ending.detach();
    }
}

void Stream::wake() {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
}

// With the lock held.
aclError Stream::interruption(std::uint64_t sequence) const {
    if (sequence <= drop_until_) return drop_code_;
    if (device_of(device_id).lost.load(std::memory_order_relaxed)) return acl::kRtLostHeartbeat;
    return acl::kSuccess;
}

// The end is not slept through: a sleep ends some tens of microseconds late, a share of a small
// batch.
aclError Stream::sleep_until(Nanoseconds until, std::uint64_t sequence) {
    constexpr Nanoseconds kOversleep = 25'000;
    aclError code = acl::kSuccess;
    {
        std::unique_lock lock(mutex_);
        const Nanoseconds wake_at = until - kOversleep;
        wake_.wait_until(lock, time_point_of(wake_at), [&] {
            code = interruption(sequence);
            return code != acl::kSuccess || now_ns() >= wake_at;
        });
    }
    if (code != acl::kSuccess) return code;
    while (now_ns() < until) continue;
    const std::lock_guard lock(mutex_);
    return interruption(sequence);
}

// Until the gate is open; the code of what came in between.
aclError Stream::pass(Gate& gate, const Entry& entry) {
    if (gate.is_open()) return acl::kSuccess;
    if (!gate.listen([self = weak_from_this()] {
            if (const auto stream = self.lock()) stream->wake();
        })) {
        return acl::kSuccess;
    }
    std::unique_lock lock(mutex_);
    aclError code = acl::kSuccess;
    const auto passable = [&] {
        code = interruption(entry.sequence);
        return code != acl::kSuccess || gate.is_open();
    };
    if (entry.before_limit == 0) {
        wake_.wait(lock, passable);
    } else if (!wake_.wait_until(lock, time_point_of(now_ns() + entry.before_limit), passable)) {
        return acl::kRtWaitTimeout;
    }
    return code;
}

Outcome Stream::perform(Entry& entry) {
    Nanoseconds ready = std::max(entry.submitted, time_);
    aclError code = acl::kSuccess;
    if (entry.before != nullptr) {
        code = pass(*entry.before, entry);
        if (code == acl::kSuccess) ready = std::max(ready, entry.before->time());
    }
    const double share = settings().task_delay_s;
    const Nanoseconds delay = entry.slowed + (share == 0 ? 0 : to_ns(share * uniform()));
    if (code == acl::kSuccess && delay != 0) {
        code = sleep_until(now_ns() + delay, entry.sequence);
        ready = std::max(ready, now_ns());
    }
    if (code == acl::kSuccess) {
        const std::lock_guard lock(mutex_);
        code = interruption(entry.sequence);
    }
    if (code == acl::kSuccess) code = entry.forced;
    if (code != acl::kSuccess) return {code, ready, std::max(ready, now_ns())};
    const auto sleep = [this, &entry](Nanoseconds until) {
        return sleep_until(until, entry.sequence);
    };
    Outcome outcome = run_task(device_of(device_id), entry.task, ready, entry.slowed, sleep);
    if (entry.after != nullptr) {
        const aclError passed = pass(*entry.after, entry);
        if (passed != acl::kSuccess) outcome.code = passed;
        outcome.end = std::max(outcome.end, entry.after->time());
    }
    return outcome;
}

void Stream::finish(Entry& entry, const Outcome& outcome) {
    time_ = outcome.end;
    if (trace_is_on.load(std::memory_order_relaxed)) {
        trace_task(entry.task, device_id, id_, outcome, now_ns());
    }
    end_uses(entry.task);
    const std::shared_ptr<Gate> opens = std::move(entry.opens);
    const std::uint64_t sequence = entry.sequence;
    const aclError code = outcome.code;
    if (code != acl::kSuccess) {
        tell_exception(device_id, id_, sequence, code);
        const auto owner = context.lock();
        const std::lock_guard lock(mutex_);
        if (error_ == acl::kSuccess) {
            error_ = code;
            error_sequence_ = sequence;
        }
        if (owner != nullptr && owner->stops_on_failure) {
            stopped_ = true;
            drop_until_ = submitted_;
            drop_code_ = code;
        }
    }
    entry = Entry();  // guards and memory go before any thread learns that it is done
    // An error is known before its event is: aclrtSynchronizeEvent asks for it.
    if (opens != nullptr) opens->open(outcome.end, code);
    const std::lock_guard lock(mutex_);
    completed_ = sequence;
    if (waiting_ != 0) done_.notify_all();
}

void Stream::work() {
    block_signals();
    // By default the system rounds sleeps up by 50 microseconds, which is a share of a small batch.
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    for (;;) {
        Entry entry;
        spin_until([this] { return submitted_ != completed_; });
        {
            std::unique_lock lock(mutex_);
            asleep_ = true;
            wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
            asleep_ = false;
            if (queue_.empty()) return;
            entry = std::move(queue_.front());
            queue_.pop_front();
        }
        const Outcome outcome = perform(entry);
        finish(entry, outcome);
    }
}

}  // namespace mgn::simulator
