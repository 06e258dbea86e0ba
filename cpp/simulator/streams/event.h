// SPDX-License-Identifier: Apache-2.0
// Events. Each record is a gate of its own, so that whoever waits is tied to the record that came
// before, as a later one replaces the gate and not what is waited for. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "simulator/devices/context.h"
#include "simulator/streams/gate.h"

namespace mgn::simulator {

using Gates = std::vector<std::shared_ptr<Gate>>;

struct Event {
    std::weak_ptr<Context> context;
    std::uint32_t device = 0;
    std::uint32_t flags = 0;
    bool is_ex = false;
    bool needs_reset = false;  // made with kEventSync alone: one wait, then a reset
    void* handle = nullptr;
    std::mutex mutex;            // taken last
    std::shared_ptr<Gate> last;  // of the last record; null before it, and after a reset
    std::shared_ptr<Gate> next;  // what waits for a record that is yet to come
    Gates waits;                 // opened when a stream has passed its wait
    bool was_waited = false;
    bool has_resource = false;
};

// Null, with the code to return in call.code(), where the handle is not a live event; any context
// will do.
std::shared_ptr<Event> find_event(const Call& call, const void* handle);

// 0, or the code to return, with its text: the event is of another context; it lacks a flag; it is
// of the Ex kind.
aclError check_event_context(const Call& call, const Event& event);
aclError check_flag(const Call& call, const Event& event, std::uint32_t flag, const char* name);
aclError refuse_ex(const Call& call, const Event& event);

// Whether the last record is complete; without one, an Ex event is.
bool is_complete(Event& event);

std::size_t num_events_of(const Context& context);

// The context ends: its events go.
void drop_events_of(const Context& context);

}  // namespace mgn::simulator
