// SPDX-License-Identifier: Apache-2.0
// The C functions that record events, ask for them and wait for them.
#include <algorithm>
#include <string>
#include <utility>

#include "simulator/core/abi.h"
#include "simulator/devices/chip.h"
#include "simulator/streams/event.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

// The gate that this record opens, in place of the last one; null where call.code() says why not.
std::shared_ptr<Gate> begin_record(const Call& call, Event& event) {
    const std::lock_guard lock(event.mutex);
    if (event.needs_reset && event.was_waited) {
        call.violation(acl::kRtParamInvalid, "event recorded again without reset",
                       "a stream waits for it; aclrtResetEvent comes first");
        return nullptr;
    }
    if (!event.has_resource) {
        if (!take_one(device_of(event.device).events, 1, most_events())) {
            call.fail(acl::kRtNoEvent, "all " + std::to_string(most_events()) +
                                           " events of the device are recorded");
            return nullptr;
        }
        event.has_resource = true;
    }
    event.last =
        event.next != nullptr ? std::exchange(event.next, nullptr) : std::make_shared<Gate>();
    return event.last;
}

// With the event's lock held: the last record, or the one to come; null for an Ex event without
// one.
std::shared_ptr<Gate> gate_to_wait_for(Event& event) {
    if (event.last != nullptr || event.is_ex) return event.last;
    if (event.next == nullptr) event.next = std::make_shared<Gate>();
    return event.next;
}

aclError wait_on_host(const Call& call, const void* handle, Nanoseconds limit) {
    const auto event = find_event(call, handle);
    if (event == nullptr) return call.code();
    if (const aclError code = check_may_wait(call)) return code;
    std::shared_ptr<Gate> gate;
    {
        const std::lock_guard lock(event->mutex);
        gate = gate_to_wait_for(*event);
    }
    if (gate == nullptr) return acl::kSuccess;
    if (!gate->wait(limit)) {
        return call.fail(acl::kRtEventSyncTimeout,
                         "the event is not complete after " + std::to_string(to_s(limit)) + " s");
    }
    const auto stream = gate->stream.lock();
    const aclError failed = stream == nullptr ? acl::kSuccess : stream->take_error(gate->sequence);
    aclError code = failed != acl::kSuccess ? failed : gate->code();
    if (code == acl::kSuccess && device_of(event->device).lost) code = acl::kRtLostHeartbeat;
    if (code == acl::kSuccess) return code;
    return call.fail(code, "a task before the event failed");
}

aclError check_not_lost(const Call& call, const Event& event) {
    if (!device_of(event.device).lost) return acl::kSuccess;
    return call.fail(acl::kRtDriverError, "the device is lost");
}

// What the two queries of the past have in common.
std::shared_ptr<Event> find_classic(const Call& call, const void* handle, const void* out) {
    auto event = find_event(call, handle);
    if (event == nullptr) return nullptr;
    if (out == nullptr) {
        call.fail(acl::kInvalidParam, "the status's address is null");
        return nullptr;
    }
    if (refuse_ex(call, *event) != acl::kSuccess) return nullptr;
    return check_not_lost(call, *event) == acl::kSuccess ? event : nullptr;
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtRecordEvent(aclrtEvent handle, aclrtStream stream) {
    const Call call("aclrtRecordEvent");
    const auto event = find_event(call, handle);
    if (event == nullptr) return call.code();
    const auto on = find_stream(call, stream);
    if (on == nullptr) return call.code();
    if (const aclError code = check_event_context(call, *event)) return code;
    const auto gate = begin_record(call, *event);
    if (gate == nullptr) return call.code();
    Entry entry;
    entry.task.name = call.name();
    entry.opens = gate;
    const aclError code = push_entry(call, *on, std::move(entry));
    if (code != kSuccess) gate->open(now_ns(), code);
    return code;
}

aclError aclrtResetEvent(aclrtEvent handle, aclrtStream stream) {
    const Call call("aclrtResetEvent");
    const auto event = find_event(call, handle);
    if (event == nullptr) return call.code();
    if (const aclError code = check_event_context(call, *event)) return code;
    if (const aclError code = refuse_ex(call, *event)) return code;
    if (const aclError code = check_flag(call, *event, kEventSync, "ACL_EVENT_SYNC")) return code;
    Entry entry;
    entry.task.name = call.name();
    if (const aclError code = submit_entry(call, stream, std::move(entry))) return code;
    const std::lock_guard lock(event->mutex);
    event->last = nullptr;
    event->was_waited = false;
    return kSuccess;
}

aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent handle) {
    const Call call("aclrtStreamWaitEvent");
    const auto event = find_event(call, handle);
    if (event == nullptr) return call.code();
    const auto on = find_stream(call, stream);
    if (on == nullptr) return call.code();
    if (const aclError code = check_event_context(call, *event)) return code;
    if (const aclError code = check_flag(call, *event, kEventSync, "ACL_EVENT_SYNC")) return code;
    Entry entry;
    entry.task.name = call.name();
    entry.before_limit = wait_limit_ns.load();
    {
        const std::lock_guard lock(event->mutex);
        entry.before = gate_to_wait_for(*event);
        if (!event->is_ex) {
            entry.opens = std::make_shared<Gate>();
            event->waits.erase(std::remove_if(event->waits.begin(), event->waits.end(),
                                              [](const auto& wait) { return wait->is_open(); }),
                               event->waits.end());
            event->waits.push_back(entry.opens);
            event->was_waited = true;
        }
    }
    const auto passed = entry.opens;
    const aclError code = push_entry(call, *on, std::move(entry));
    if (code != kSuccess && passed != nullptr) passed->open(now_ns(), code);
    return code;
}

aclError aclrtQueryEvent(aclrtEvent handle, aclrtEventStatus* status) {
    const Call call("aclrtQueryEvent");
    const auto event = find_classic(call, handle, status);
    if (event == nullptr) return call.code();
    *status = is_complete(*event) ? ACL_EVENT_STATUS_COMPLETE : ACL_EVENT_STATUS_NOT_READY;
    return kSuccess;
}

aclError aclrtQueryEventWaitStatus(aclrtEvent handle, aclrtEventWaitStatus* status) {
    const Call call("aclrtQueryEventWaitStatus");
    const auto event = find_classic(call, handle, status);
    if (event == nullptr) return call.code();
    const std::lock_guard lock(event->mutex);
    const bool passed = std::all_of(event->waits.begin(), event->waits.end(),
                                    [](const auto& wait) { return wait->is_open(); });
    *status = passed ? ACL_EVENT_WAIT_STATUS_COMPLETE : ACL_EVENT_WAIT_STATUS_NOT_READY;
    return kSuccess;
}

aclError aclrtQueryEventStatus(aclrtEvent handle, aclrtEventRecordedStatus* status) {
    const Call call("aclrtQueryEventStatus");
    const auto event = find_event(call, handle);
    if (event == nullptr) return call.code();
    if (status == nullptr) return call.fail(kInvalidParam, "the status's address is null");
    aclError code = kSuccess;
    if ((event->flags & kEventTimeLine) == 0) {  // before CANN 7.0 no flag says more
        code = check_flag(call, *event, kEventCaptureStreamProgress,
                          "ACL_EVENT_CAPTURE_STREAM_PROGRESS");
    }
    if (code == kSuccess) code = check_not_lost(call, *event);
    if (code != kSuccess) return code;
    *status = is_complete(*event) ? ACL_EVENT_RECORDED_STATUS_COMPLETE
                                  : ACL_EVENT_RECORDED_STATUS_NOT_READY;
    return kSuccess;
}

aclError aclrtSynchronizeEvent(aclrtEvent event) {
    return wait_on_host(Call("aclrtSynchronizeEvent"), event, -1);
}

aclError aclrtSynchronizeEventWithTimeout(aclrtEvent event, std::int32_t timeout) {
    const Call call("aclrtSynchronizeEventWithTimeout");
    if (call.is_stopped()) return call.fault();
    if (timeout < -1) return call.fail(kRtParamInvalid, "the timeout is below -1");
    return wait_on_host(call, event, timeout < 0 ? -1 : Nanoseconds{timeout} * 1'000'000);
}

aclError aclrtSetOpWaitTimeout(std::uint32_t timeout) {
    const Call call("aclrtSetOpWaitTimeout");
    if (current_context(call) == nullptr) return call.code();
    wait_limit_ns = Nanoseconds{timeout} * 1'000'000'000;
    return kSuccess;
}

aclError aclrtEventElapsedTime(float* ms, aclrtEvent start, aclrtEvent end) {
    const Call call("aclrtEventElapsedTime");
    const auto first = find_event(call, start);
    const auto second = first == nullptr ? nullptr : find_event(call, end);
    if (second == nullptr) return call.code();
    if (ms == nullptr) return call.fail(kInvalidParam, "the time's address is null");
    for (const auto& event : {first, second}) {
        if (check_flag(call, *event, kEventTimeLine, "ACL_EVENT_TIME_LINE") != kSuccess) {
            return kRtEventTimestampInvalid;
        }
    }
    std::shared_ptr<Gate> gates[2];
    for (const int i : {0, 1}) {
        Event& event = i == 0 ? *first : *second;
        const std::lock_guard lock(event.mutex);
        gates[i] = event.last;
        if (gates[i] == nullptr) return call.fail(kRtInternalError, "an event was not recorded");
    }
    if (!gates[0]->is_open() || !gates[1]->is_open()) {
        return call.fail(kRtEventTimestampInvalid, "an event is not complete yet");
    }
    if (gates[0]->stream_id != gates[1]->stream_id) {
        return call.violation(kRtParamInvalid, "time between two streams",
                              "the two events were recorded on different streams");
    }
    *ms = static_cast<float>(to_s(gates[1]->time() - gates[0]->time()) * 1000);
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
