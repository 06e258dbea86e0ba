// SPDX-License-Identifier: Apache-2.0
// From a call to a task on a stream, or in the caller's own thread.
#include "simulator/streams/stream.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "simulator/core/abi.h"
#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/streams/streams.h"
#include "simulator/streams/trace.h"

namespace mgn::simulator {
namespace {

thread_local int callbacks_running = 0;

std::atomic<std::uint64_t> stream_ids{0};

// Sleeps in the caller's thread, looking now and then whether the device is still there.
aclError sleep_in_caller(const Device& device, Nanoseconds until) {
    constexpr Nanoseconds kLook = 5'000'000;
    for (;;) {
        if (device.lost.load(std::memory_order_relaxed)) return acl::kRtLostHeartbeat;
        const Nanoseconds now = now_ns();
        if (now >= until) return acl::kSuccess;
        const Nanoseconds next = std::min(until, now + kLook);
        timespec at{};
        at.tv_sec = static_cast<time_t>(next / 1'000'000'000);
        at.tv_nsec = static_cast<long>(next % 1'000'000'000);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
    }
}

// What the client can touch itself has its pages guarded instead.
bool is_raced(const Piece& piece, bool writes) {
    return piece.memory->place != Place::pinned && is_in_flight(piece, writes);
}

aclError check_unordered(const Call& call, const Task& task) {
    const auto raced = [](const std::vector<Piece>& pieces, bool writes) {
        return std::any_of(pieces.begin(), pieces.end(),
                           [writes](const Piece& piece) { return is_raced(piece, writes); });
    };
    const char* rule = nullptr;
    if (raced(task.reads, false)) rule = "buffer read before its task was done";
    if (raced(task.writes, true)) rule = "buffer rewritten in flight";
    if (rule == nullptr) return acl::kSuccess;
    return call.violation(acl::kRtParamInvalid, rule,
                          "no stream orders this call, and a task that is queued or running uses "
                          "the same device memory; synchronise first");
}

}  // namespace

Handles<Stream>& streams() {
    static auto* const kept =
        new Handles<Stream>(HandleKind::stream, "stream", "aclrtCreateStream");
    return *kept;
}

void begin_uses(const Task& task) {
    for (const Piece& piece : task.reads) begin_use(piece, false);
    for (const Piece& piece : task.writes) begin_use(piece, true);
}

void end_uses(const Task& task) {
    for (const Piece& piece : task.reads) end_use(piece, false);
    for (const Piece& piece : task.writes) end_use(piece, true);
}

std::shared_ptr<Stream> make_stream(const std::shared_ptr<Context>& context) {
    return std::make_shared<Stream>(context, context->device, ++stream_ids);
}

std::shared_ptr<Stream> find_stream(const Call& call, void* handle) {
    const auto context = current_context(call);
    if (context == nullptr) return nullptr;
    if (handle == nullptr) return context->default_stream;
    auto stream = streams().find(handle);
    if (stream == nullptr) {
        streams().refuse(call, handle, acl::kRtInvalidHandle);
        return nullptr;
    }
    if (stream->context.lock() != context) {
        call.violation(acl::kRtStreamContext, "wrong context",
                       "the stream belongs to another context than the current one");
        return nullptr;
    }
    return stream;
}

aclError push_entry(const Call& call, Stream& stream, Entry entry) {
    if (device_of(stream.device_id).lost)
        return call.fail(acl::kRtDriverError, "the device is lost");
    entry.forced = call.deferred_fault();
    const aclError code = stream.push(std::move(entry));
    if (code == acl::kSuccess) return code;
    return call.fail(code, "the stream takes no more tasks");
}

aclError submit_entry(const Call& call, void* stream, Entry entry) {
    const auto found = find_stream(call, stream);
    return found == nullptr ? call.code() : push_entry(call, *found, std::move(entry));
}

aclError submit(const Call& call, void* stream, Task task) {
    Entry entry;
    entry.task = std::move(task);
    return submit_entry(call, stream, std::move(entry));
}

aclError run_now(const Call& call, Task task) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    Device& device = device_of(context->device);
    if (device.lost) return call.fail(acl::kRtDriverError, "the device is lost");
    if (call.deferred_fault() != acl::kSuccess) {
        return call.fail(call.deferred_fault(), "failed on demand");
    }
    if (const aclError code = check_unordered(call, task)) return code;
    begin_uses(task);
    const auto sleep = [&device](Nanoseconds until) { return sleep_in_caller(device, until); };
    const Nanoseconds slow = slow_by_ns.load(std::memory_order_relaxed);
    Outcome outcome;
    if (slow != 0) outcome.code = sleep(now_ns() + slow);
    if (outcome.code == acl::kSuccess) outcome = run_task(device, task, now_ns(), slow, sleep);
    end_uses(task);
    if (trace_is_on.load(std::memory_order_relaxed)) {
        trace_task(task, context->device, 0, outcome, now_ns());
    }
    if (outcome.code == acl::kSuccess) return outcome.code;
    return call.fail(outcome.code, "the task failed on the device");
}

std::vector<std::shared_ptr<Stream>> all_streams() {
    std::vector<std::shared_ptr<Stream>> all = streams().all();
    for (const auto& context : contexts().all()) all.push_back(context->default_stream);
    return all;
}

std::size_t num_streams_of(const Context& context) {
    std::size_t count = 0;
    for (const auto& stream : streams().all()) {
        if (stream->context.lock().get() == &context) ++count;
    }
    return count;
}

void end_stream(Stream& stream, bool patient, aclError code) {
    // Work that cannot be interrupted (a client's callback) must not hold up whoever has no
    // patience.
    constexpr Nanoseconds kPatience = 2'000'000'000;
    if (!patient) stream.drop(code);
    const bool done = stream.wait(patient ? -1 : kPatience) != acl::kRtStreamSyncTimeout;
    stream.close(done);
    if (stream.handle != nullptr) ledger_released("stream", stream.handle);
    device_of(stream.device_id).streams -= 1;
}

void close_streams_of(const Context& context, bool patient, aclError code) {
    for (const auto& stream : streams().all()) {
        if (stream->context.lock().get() != &context) continue;
        if (streams().remove(stream->handle) != nullptr) end_stream(*stream, patient, code);
    }
}

bool any_stream_is_busy() {
    const auto all = all_streams();
    return std::any_of(all.begin(), all.end(),
                       [](const auto& stream) { return !stream->is_idle(); });
}

void wake_streams_of(std::uint32_t device) {
    for (const auto& stream : all_streams()) {
        if (stream->device_id == device) stream->wake();
    }
}

aclError synchronize_device(std::uint32_t device, Nanoseconds limit) {
    const Nanoseconds end = now_ns() + limit;
    aclError first = acl::kSuccess;
    for (const auto& stream : all_streams()) {
        if (stream->device_id != device) continue;
        const Nanoseconds left = limit < 0 ? limit : std::max<Nanoseconds>(0, end - now_ns());
        const aclError code = stream->wait(left);
        if (first == acl::kSuccess) first = code;
    }
    return first;
}

bool is_in_callback() { return callbacks_running != 0; }
InCallback::InCallback() { ++callbacks_running; }
InCallback::~InCallback() { --callbacks_running; }

aclError check_may_wait(const Call& call) {
    if (!is_in_callback()) return acl::kSuccess;
    return call.violation(acl::kRtInternalError, "wait inside a callback",
                          "a callback must not wait for the device: its stream may wait for it");
}

}  // namespace mgn::simulator
