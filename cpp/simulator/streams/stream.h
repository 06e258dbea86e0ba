// SPDX-License-Identifier: Apache-2.0
// Streams: one thread each, tasks in the order of submission, really later. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simulator/core/call.h"
#include "simulator/devices/device.h"
#include "simulator/memory/memory.h"

namespace mgn::simulator {

struct Task {
    std::string name;  // of the call that queued it, for the trace and for messages
    Occupies occupies = Occupies::none;
    double duration_s = 0;  // model time; ignored without time model
    // Runs on the stream's thread, without any lock of the simulator. An error surfaces at the
    // next synchronise of the stream.
    std::function<aclError()> run;
    std::vector<Piece> reads;
    std::vector<Piece> writes;
    std::string trace_note;  // "batch 8", shown in the trace
};

// Queues on the client's stream handle (null: the current context's default stream). Checks that
// there is a current context and that the stream is live and belongs to it; 0 or the code to
// return.
aclError submit(const Call& call, void* stream, Task task);

// As `submit`, at once and ordered with no stream: device memory that a queued task uses meanwhile
// is a violation. The task's code.
aclError run_now(const Call& call, Task task);

}  // namespace mgn::simulator
