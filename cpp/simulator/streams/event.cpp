// SPDX-License-Identifier: Apache-2.0
// The client's events by handle, from their creation to their end.
#include "simulator/streams/event.h"

#include <string>
#include <utility>
#include <vector>

#include "simulator/core/abi.h"
#include "simulator/core/generations.h"
#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

Handles<Event>& events() {
    static auto* const kept = new Handles<Event>(HandleKind::event, "event", "aclrtCreateEvent");
    return *kept;
}

constexpr std::uint32_t kAllFlags =
    acl::kEventSync | acl::kEventCaptureStreamProgress | acl::kEventTimeLine;

aclError create(const Call& call, void** handle, std::uint32_t flags, bool is_ex, bool with_flag) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (handle == nullptr) return call.fail(acl::kInvalidParam, "the event's address is null");
    const std::uint32_t known =
        with_flag ? find_generation(settings().cann)->event_flags : kAllFlags;
    if (flags == 0 || (flags & ~known) != 0) {
        return call.fail(acl::kRtParamInvalid,
                         "flag is " + std::to_string(flags) + ", CANN " + settings().cann +
                             " knows the bits " + std::to_string(known));
    }
    if (const aclError code = check_device(call, *context)) return code;
    auto event = std::make_shared<Event>();
    event->context = context;
    event->device = context->device;
    event->flags = flags;
    event->is_ex = is_ex;
    event->needs_reset = with_flag && !is_ex && (flags & acl::kEventSync) != 0;
    event->handle = events().next();
    events().add(event->handle, event);
    ledger_created("event", event->handle, 0, call.name());
    *handle = event->handle;
    return acl::kSuccess;
}

void give_up(Event& event) {
    std::shared_ptr<Gate> next;
    {
        const std::lock_guard lock(event.mutex);
        next = std::exchange(event.next, nullptr);
        if (event.has_resource) device_of(event.device).events -= 1;
        event.has_resource = false;
    }
    if (next != nullptr) next->open(now_ns(), acl::kRtInternalError);
    ledger_released("event", event.handle);
}

}  // namespace

std::shared_ptr<Event> find_event(const Call& call, const void* handle) {
    if (current_context(call) == nullptr) return nullptr;
    if (handle == nullptr) {
        call.fail(acl::kInvalidParam, "the event is null");
        return nullptr;
    }
    auto event = events().find(handle);
    if (event != nullptr) return event;
    events().refuse(call, handle, acl::kRtInvalidHandle);
    return nullptr;
}

aclError check_event_context(const Call& call, const Event& event) {
    const auto current = current_context(call);
    if (current == nullptr) return call.code();
    if (event.context.lock() == current) return acl::kSuccess;
    return call.violation(acl::kRtStreamContext, "wrong context",
                          "the event belongs to another context than the current one");
}

aclError check_flag(const Call& call, const Event& event, std::uint32_t flag, const char* name) {
    if ((event.flags & flag) != 0) return acl::kSuccess;
    return call.fail(acl::kRtParamInvalid, std::string("the event was made without ") + name);
}

aclError refuse_ex(const Call& call, const Event& event) {
    if (!event.is_ex) return acl::kSuccess;
    return call.fail(acl::kRtFeatureNotSupported,
                     "events of aclrtCreateEventExWithFlag do not work here");
}

bool is_complete(Event& event) {
    const std::lock_guard lock(event.mutex);
    return event.last == nullptr ? event.is_ex : event.last->is_open();
}

std::size_t num_events_of(const Context& context) {
    std::size_t count = 0;
    for (const auto& event : events().all()) {
        if (event->context.lock().get() == &context) ++count;
    }
    return count;
}

void drop_events_of(const Context& context) {
    for (const auto& event : events().all()) {
        if (event->context.lock().get() != &context) continue;
        if (events().remove(event->handle) != nullptr) give_up(*event);
    }
}

}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtCreateEvent(aclrtEvent* event) {
    return create(Call("aclrtCreateEvent"), event, kAllFlags, false, false);
}

aclError aclrtCreateEventWithFlag(aclrtEvent* event, std::uint32_t flag) {
    return create(Call("aclrtCreateEventWithFlag"), event, flag, false, true);
}

aclError aclrtCreateEventExWithFlag(aclrtEvent* event, std::uint32_t flag) {
    return create(Call("aclrtCreateEventExWithFlag"), event, flag, true, true);
}

aclError aclrtDestroyEvent(aclrtEvent handle) {
    const ReleaseCall call("aclrtDestroyEvent");
    const auto event = find_event(call, handle);
    if (event == nullptr) return call.code();
    if (const aclError code = check_event_context(call, *event)) return code;
    if (events().remove(handle) == nullptr) return call.fail(kRtInvalidHandle, "destroyed already");
    bool in_flight = false;
    {
        const std::lock_guard lock(event->mutex);
        in_flight = event->next != nullptr || (event->last != nullptr && !event->last->is_open());
    }
    give_up(*event);
    if (in_flight && !device_of(event->device).lost) {
        return call.violation(kRtParamInvalid, "event destroyed in flight",
                              "its record is not complete, or somebody waits for one");
    }
    return call.fault();
}

}  // extern "C"
#pragma GCC visibility pop
