// SPDX-License-Identifier: Apache-2.0
// The C functions of streams and of waiting for them.
#include <string>
#include <utility>

#include "simulator/core/abi.h"
#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/devices/chip.h"
#include "simulator/streams/callbacks.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

constexpr Nanoseconds kForever = -1;

// Milliseconds as the C functions take them; a code where they are out of range.
aclError read_timeout(const Call& call, std::int32_t timeout, Nanoseconds& limit) {
    if (timeout < -1) {
        return call.fail(acl::kRtParamInvalid,
                         "the timeout is " + std::to_string(timeout) + ", expected -1 or more");
    }
    limit = timeout < 0 ? kForever : Nanoseconds{timeout} * 1'000'000;
    return acl::kSuccess;
}

aclError create(const Call& call, void** handle) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (handle == nullptr) return call.fail(acl::kInvalidParam, "the stream's address is null");
    if (const aclError code = check_device(call, *context)) return code;
    const std::uint32_t limit = most_streams();
    if (!take_one(device_of(context->device).streams, 1, limit)) {
        return call.fail(acl::kRtNoStream,
                         "all " + std::to_string(limit) + " streams of the device are taken");
    }
    const auto stream = make_stream(context);
    stream->handle = streams().next();
    streams().add(stream->handle, stream);
    ledger_created("stream", stream->handle, 0, call.name());
    *handle = stream->handle;
    return acl::kSuccess;
}

aclError destroy(const Call& call, void* handle, bool patient) {
    if (call.is_stopped()) return call.fault();
    if (handle == nullptr) return call.fail(acl::kInvalidParam, "the stream is null");
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    if (const aclError code = check_may_wait(call)) return code;
    if (streams().remove(handle) == nullptr) {
        return call.fail(acl::kRtInvalidHandle, "destroyed already");
    }
    const bool subscribed = forget_subscription(*stream);
    end_stream(*stream, patient, acl::kRtStreamAbort);
    if (subscribed) {
        return call.violation(acl::kRtParamInvalid, "stream destroyed while subscribed",
                              "aclrtUnSubscribeReport comes first");
    }
    return call.fault();
}

// What a wait came to, with the lost device's code before everything else.
aclError tell(const Call& call, std::uint32_t device, aclError code) {
    if (device_of(device).lost) code = acl::kRtLostHeartbeat;
    if (code == acl::kSuccess) return code;
    if (code == acl::kRtStreamSyncTimeout) return call.fail(code, "tasks are still running");
    return call.fail(code, "a task failed");
}

aclError synchronize(const Call& call, void* handle, std::int32_t timeout) {
    if (call.is_stopped()) return call.fault();
    Nanoseconds limit = kForever;
    if (const aclError code = read_timeout(call, timeout, limit)) return code;
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    if (const aclError code = check_may_wait(call)) return code;
    return tell(call, stream->device_id, stream->wait(limit));
}

aclError synchronize_all(const Call& call, std::int32_t timeout) {
    if (call.is_stopped()) return call.fault();
    Nanoseconds limit = kForever;
    if (const aclError code = read_timeout(call, timeout, limit)) return code;
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (const aclError code = check_may_wait(call)) return code;
    return tell(call, context->device, synchronize_device(context->device, limit));
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtCreateStream(aclrtStream* stream) {
    return create(Call("aclrtCreateStream"), stream);
}

aclError aclrtCreateStreamWithConfig(aclrtStream* stream, std::uint32_t priority,
                                     std::uint32_t flag) {
    const Call call("aclrtCreateStreamWithConfig");
    if (call.is_stopped()) return call.fault();
    if (priority > 7) return call.fail(kRtParamInvalid, "the priority is above 7");
    if ((flag & ~(kStreamFastLaunch | kStreamFastSync)) != 0) {
        return call.fail(kRtParamInvalid,
                         "flag is " + std::to_string(flag) + ", expected a combination of 1 and 2");
    }
    return create(call, stream);
}

aclError aclrtDestroyStream(aclrtStream stream) {
    return destroy(ReleaseCall("aclrtDestroyStream"), stream, true);
}

aclError aclrtDestroyStreamForce(aclrtStream stream) {
    return destroy(ReleaseCall("aclrtDestroyStreamForce"), stream, false);
}

aclError aclrtSetStreamFailureMode(aclrtStream handle, std::uint64_t mode) {
    const Call call("aclrtSetStreamFailureMode");
    if (call.is_stopped()) return call.fault();
    if (mode != kContinueOnFailure && mode != kStopOnFailure) {
        return call.fail(kRtParamInvalid, "the mode is " + std::to_string(mode));
    }
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    if (stream->handle == nullptr) {
        return call.fail(kRtFeatureNotSupported, "the default stream has no failure mode");
    }
    if (const auto context = stream->context.lock()) {
        context->stops_on_failure = mode == kStopOnFailure;
    }
    return kSuccess;
}

aclError aclrtStreamQuery(aclrtStream handle, aclrtStreamStatus* status) {
    const Call call("aclrtStreamQuery");
    if (call.is_stopped()) return call.fault();
    if (status == nullptr) return call.fail(kInvalidParam, "the status's address is null");
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    if (device_of(stream->device_id).lost) return call.fail(kRtDriverError, "the device is lost");
    *status = stream->is_idle() ? ACL_STREAM_STATUS_COMPLETE : ACL_STREAM_STATUS_NOT_READY;
    return kSuccess;
}

aclError aclrtStreamAbort(aclrtStream handle) {
    const Call call("aclrtStreamAbort");
    const auto stream = find_stream(call, handle);
    if (stream == nullptr) return call.code();
    if (!chip().can_abort_streams) {
        return call.fail(kRtFeatureNotSupported, settings().soc_version + " cannot abort streams");
    }
    if (const aclError code = check_may_wait(call)) return code;
    stream->abort(kRtStreamAbort);
    return kSuccess;
}

aclError aclrtSynchronizeStream(aclrtStream stream) {
    return synchronize(Call("aclrtSynchronizeStream"), stream, -1);
}

aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, std::int32_t timeout) {
    return synchronize(Call("aclrtSynchronizeStreamWithTimeout"), stream, timeout);
}

aclError aclrtSynchronizeDevice() { return synchronize_all(Call("aclrtSynchronizeDevice"), -1); }

aclError aclrtSynchronizeDeviceWithTimeout(std::int32_t timeout) {
    return synchronize_all(Call("aclrtSynchronizeDeviceWithTimeout"), timeout);
}

aclError aclrtGetStreamAvailableNum(std::uint32_t* count) {
    const Call call("aclrtGetStreamAvailableNum");
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (count == nullptr) return call.fail(kInvalidParam, "the count's address is null");
    *count = most_streams() - device_of(context->device).streams.load();
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
