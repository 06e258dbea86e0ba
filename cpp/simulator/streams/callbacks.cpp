// SPDX-License-Identifier: Apache-2.0
// Host callbacks: a stream hands them to the thread that subscribed to it, which runs them inside
// aclrtProcessReport. No lock is held while one runs.
#include "simulator/streams/callbacks.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "simulator/core/abi.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

struct Pending {
    acl::aclrtCallback function = nullptr;
    void* data = nullptr;
    std::uint64_t stream = 0;
    std::shared_ptr<Gate> returned;  // opened when the function has returned
};

// One subscribed thread; shared, because it may wait while another thread unsubscribes it.
struct Dispatcher {
    std::uint32_t device = 0;
    std::set<std::uint64_t> streams;
    std::deque<Pending> pending;
    std::condition_variable arrived;
};

constexpr std::size_t kMostThreads = 1024;

struct Report {
    std::mutex mutex;  // taken last
    std::map<std::uint64_t, std::shared_ptr<Dispatcher>> threads;
    std::map<std::uint64_t, std::uint64_t> thread_of_stream;
};

Report& report() {
    static Report* const kept = new Report;
    return *kept;
}

// With the lock held: takes the stream from its thread; the callbacks that will never run.
std::deque<Pending> unsubscribe(Report& all, std::uint64_t stream) {
    std::deque<Pending> orphans;
    const auto found = all.thread_of_stream.find(stream);
    if (found == all.thread_of_stream.end()) return orphans;
    const auto thread = all.threads.find(found->second);
    all.thread_of_stream.erase(found);
    Dispatcher& dispatcher = *thread->second;
    std::deque<Pending> others;
    for (Pending& one : dispatcher.pending) {
        (one.stream == stream ? orphans : others).push_back(std::move(one));
    }
    dispatcher.pending.swap(others);
    dispatcher.streams.erase(stream);
    if (dispatcher.streams.empty()) {
        dispatcher.arrived.notify_all();
        all.threads.erase(thread);
    }
    return orphans;
}

void let_go(const std::deque<Pending>& orphans) {
    for (const Pending& one : orphans) one.returned->open(now_ns(), acl::kRtInternalError);
}

// Runs on the stream's thread.
aclError hand_over(Pending one) {
    Report& all = report();
    const std::lock_guard lock(all.mutex);
    const auto stream = all.thread_of_stream.find(one.stream);
    if (stream == all.thread_of_stream.end()) {
        one.returned->open(now_ns(), acl::kRtStreamNoCallback);
        return acl::kRtStreamNoCallback;
    }
    Dispatcher& dispatcher = *all.threads.at(stream->second);
    dispatcher.pending.push_back(std::move(one));
    dispatcher.arrived.notify_one();
    return acl::kSuccess;
}

void run(const Pending& one) {
    {
        const InCallback inside;
        one.function(one.data);
    }
    one.returned->open(now_ns(), acl::kSuccess);
}

}  // namespace

bool forget_subscription(const Stream& stream) {
    Report& all = report();
    std::deque<Pending> orphans;
    {
        const std::lock_guard lock(all.mutex);
        if (all.thread_of_stream.count(stream.id()) == 0) return false;
        orphans = unsubscribe(all, stream.id());
    }
    let_go(orphans);
    return true;
}

void forget_callbacks() {
    Report& all = report();
    std::deque<Pending> orphans;
    {
        const std::lock_guard lock(all.mutex);
        while (!all.thread_of_stream.empty()) {
            for (Pending& one : unsubscribe(all, all.thread_of_stream.begin()->first)) {
                orphans.push_back(std::move(one));
            }
        }
    }
    let_go(orphans);
}

}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtSubscribeReport(std::uint64_t thread, aclrtStream handle) {
    const Call call("aclrtSubscribeReport");
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    Report& all = report();
    const std::lock_guard lock(all.mutex);
    if (all.thread_of_stream.count(stream->id()) != 0) {
        return call.fail(kRtStreamSubscribe, "the stream is subscribed already");
    }
    if (all.threads.count(thread) == 0 && all.threads.size() >= kMostThreads) {
        return call.fail(kRtOverLimit, "1024 threads are subscribed already");
    }
    std::shared_ptr<Dispatcher>& dispatcher = all.threads[thread];
    if (dispatcher == nullptr) {
        dispatcher = std::make_shared<Dispatcher>();
        dispatcher->device = stream->device_id;
    }
    if (dispatcher->device != stream->device_id) {
        return call.fail(kRtThreadSubscribe, "the thread is subscribed on another device");
    }
    dispatcher->streams.insert(stream->id());
    all.thread_of_stream[stream->id()] = thread;
    return kSuccess;
}

aclError aclrtUnSubscribeReport(std::uint64_t thread, aclrtStream handle) {
    const ReleaseCall call("aclrtUnSubscribeReport");
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    std::deque<Pending> orphans;
    {
        Report& all = report();
        const std::lock_guard lock(all.mutex);
        const auto found = all.thread_of_stream.find(stream->id());
        if (found == all.thread_of_stream.end() || found->second != thread) {
            return call.fail(kRtThreadSubscribe, "the thread is not subscribed to the stream");
        }
        orphans = unsubscribe(all, stream->id());
    }
    let_go(orphans);
    if (!orphans.empty()) {
        return call.violation(kRtParamInvalid, "unsubscribed with callbacks pending",
                              std::to_string(orphans.size()) + " callback(s) will never run");
    }
    return call.fault();
}

aclError aclrtProcessReport(std::int32_t timeout) {
    const Call call("aclrtProcessReport");
    if (call.is_stopped()) return call.fault();
    if (timeout == 0 || timeout < -1) {
        return call.fail(kInvalidParam, "the timeout is " + std::to_string(timeout) +
                                            ", expected -1 or milliseconds");
    }
    if (current_context(call) == nullptr) return call.code();
    Report& all = report();
    std::deque<Pending> taken;
    {
        std::unique_lock lock(all.mutex);
        const auto own = all.threads.find(static_cast<std::uint64_t>(pthread_self()));
        if (own == all.threads.end()) {
            return call.fail(kRtThreadSubscribe, "this thread is subscribed to no stream");
        }
        const std::shared_ptr<Dispatcher> dispatcher = own->second;
        const auto ready = [&] {
            return !dispatcher->pending.empty() || dispatcher->streams.empty();
        };
        if (timeout < 0) {
            dispatcher->arrived.wait(lock, ready);
        } else {
            const Nanoseconds until = now_ns() + Nanoseconds{timeout} * 1'000'000;
            dispatcher->arrived.wait_until(lock, time_point_of(until), ready);
        }
        taken.swap(dispatcher->pending);
    }
    if (taken.empty()) return call.fail(kRtReportTimeout, "no callback came");
    for (const Pending& one : taken) run(one);
    return kSuccess;
}

aclError aclrtLaunchCallback(aclrtCallback function, void* data, aclrtCallbackBlockType block,
                             aclrtStream handle) {
    const Call call("aclrtLaunchCallback");
    if (call.is_stopped()) return call.fault();
    if (function == nullptr) return call.fail(kInvalidParam, "the callback is null");
    if (block != ACL_CALLBACK_NO_BLOCK && block != ACL_CALLBACK_BLOCK) {
        return call.fail(kInvalidParam, "the block type is " + std::to_string(block));
    }
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    {
        Report& all = report();
        const std::lock_guard lock(all.mutex);
        if (all.thread_of_stream.count(stream->id()) == 0) {
            return call.fail(kRtStreamNoCallback, "no thread is subscribed to the stream");
        }
    }
    Pending one{function, data, stream->id(), std::make_shared<Gate>()};
    Entry entry;
    entry.task.name = call.name();
    if (block == ACL_CALLBACK_BLOCK) entry.after = one.returned;
    entry.task.run = [one] { return hand_over(one); };
    return push_entry(call, *stream, std::move(entry));
}

aclError aclrtLaunchHostFunc(aclrtStream stream, aclrtHostFunc function, void* arguments) {
    const Call call("aclrtLaunchHostFunc");
    if (call.is_stopped()) return call.fault();
    if (function == nullptr) return call.fail(kInvalidParam, "the function is null");
    Task task;
    task.name = call.name();
    task.run = [function, arguments] {
        const InCallback inside;
        function(arguments);
        return kSuccess;
    };
    return submit(call, stream, std::move(task));
}

}  // extern "C"
#pragma GCC visibility pop
