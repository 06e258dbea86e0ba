// SPDX-License-Identifier: Apache-2.0
// The client's streams by handle, and the way onto one. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "simulator/core/handles.h"
#include "simulator/devices/context.h"
#include "simulator/streams/worker.h"

namespace mgn::simulator {

Handles<Stream>& streams();

// A stream that no handle leads to yet. Its share of the device's limit is the caller's business.
std::shared_ptr<Stream> make_stream(const std::shared_ptr<Context>& context);

// The stream of a handle, null being the current context's default stream. Null, with the code to
// return in call.code(): no context, a stale handle, a stream of another context.
std::shared_ptr<Stream> find_stream(const Call& call, void* handle);

// As `submit`, for what carries gates or guards.
aclError submit_entry(const Call& call, void* stream, Entry entry);

// As `submit_entry` for a stream that is found already.
aclError push_entry(const Call& call, Stream& stream, Entry entry);

// The client's and the default ones.
std::vector<std::shared_ptr<Stream>> all_streams();

std::size_t num_streams_of(const Context& context);

// Takes the client's streams of the context away and ends their threads: after their tasks where
// `patient`, else tasks end with the code.
void close_streams_of(const Context& context, bool patient, aclError code);

// Ends one stream that no handle leads to any more.
void end_stream(Stream& stream, bool patient, aclError code);

bool any_stream_is_busy();

// A device was lost: whoever sleeps on it looks again.
void wake_streams_of(std::uint32_t device);

// Waits for all streams of the device; as Stream::wait.
aclError synchronize_device(std::uint32_t device, Nanoseconds limit);

// A callback of the client's runs in this thread; it must not wait for the device.
bool is_in_callback();
class InCallback {
public:
    InCallback();
    ~InCallback();
};

// A violation inside a callback, else 0.
aclError check_may_wait(const Call& call);

}  // namespace mgn::simulator
