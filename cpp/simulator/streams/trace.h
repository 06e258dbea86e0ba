// SPDX-License-Identifier: Apache-2.0
// What ran when: one record per task, while a trace is on. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "simulator/core/clock.h"
#include "simulator/streams/stream.h"

namespace mgn::simulator {

struct Outcome;

extern std::atomic<bool> trace_is_on;

void trace_task(const Task& task, std::uint32_t device, std::uint64_t stream,
                const Outcome& outcome, Nanoseconds now);

// Forgets what was recorded and begins; ends recording.
void start_trace();
void stop_trace();

// JSON lines: {"name", "engine", "device", "stream", "code", "start_s", "end_s", "done_s", "note"},
// in the order of completion. start and end are model time, done is when the host could see it;
// all count from the start of the trace. stream 0: a call that waited for its own task.
std::string trace_json();

}  // namespace mgn::simulator
