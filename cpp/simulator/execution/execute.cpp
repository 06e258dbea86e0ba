// SPDX-License-Identifier: Apache-2.0
// Exported functions that execute a model, and the handle with their timeouts.
#include <cstring>

#include "simulator/execution/execution.h"
#include "simulator/streams/streams.h"

namespace mgn::acl {

struct aclmdlExecConfigHandle {
    std::int32_t stream_timeout_ms = -1;
    std::int32_t event_timeout_ms = -1;
};

}  // namespace mgn::acl

using namespace mgn::acl;
using namespace mgn::simulator;

extern "C" aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, std::int32_t timeout);

namespace {

Registry<aclmdlExecConfigHandle>& exec_configs() {
    static auto* const registry = new Registry<aclmdlExecConfigHandle>("config");
    return *registry;
}

// A checked execution, or the code to return.
aclError make_execution(const Call& call, std::uint32_t id, const aclmdlDataset* input,
                        aclmdlDataset* output, Mode mode, std::shared_ptr<Execution>& execution) {
    if (const aclError code = datasets().check(call, input, "input")) return code;
    if (const aclError code = datasets().check(call, output, "output")) return code;
    ModelHeld model = model_in_context(call, id, "executed");
    if (model == nullptr) return call.code();
    execution = std::make_shared<Execution>(call, std::move(model));
    return execution->bind(*input, *output, mode);
}

aclError execute_on_stream(const Call& call, std::uint32_t id, const aclmdlDataset* input,
                           aclmdlDataset* output, Mode mode, aclrtStream stream) {
    std::shared_ptr<Execution> execution;
    aclError code = make_execution(call, id, input, output, mode, execution);
    if (code == kSuccess) code = execution->enter(mode, stream);
    if (code != kSuccess) return code;
    Entry entry;
    entry.task = Execution::task(execution);
    entry.guards = execution->guards();
    execution.reset();  // the task alone keeps it, so that it ends when the task does
    return submit_entry(call, stream, std::move(entry));
}

aclError check_exec_config(const Call& call, const aclmdlExecConfigHandle* handle) {
    return exec_configs().check(call, handle, "handle");
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclError aclmdlExecute(std::uint32_t modelId, const aclmdlDataset* input, aclmdlDataset* output) {
    const Call call("aclmdlExecute");
    std::shared_ptr<Execution> execution;
    aclError code = make_execution(call, modelId, input, output, Mode::sync, execution);
    // The internal stream is no other call's, so two such calls at once never share one.
    if (code == kSuccess) code = execution->enter(Mode::sync, execution.get());
    if (code != kSuccess) return code;
    Task task = Execution::task(execution);
    execution.reset();
    return run_now(call, std::move(task));
}

aclError aclmdlExecuteAsync(std::uint32_t modelId, const aclmdlDataset* input,
                            aclmdlDataset* output, aclrtStream stream) {
    return execute_on_stream(Call("aclmdlExecuteAsync"), modelId, input, output, Mode::async,
                             stream);
}

aclError aclmdlExecuteV2(std::uint32_t modelId, const aclmdlDataset* input, aclmdlDataset* output,
                         aclrtStream stream, const aclmdlExecConfigHandle* handle) {
    const Call call("aclmdlExecuteV2");
    aclError code = check_exec_config(call, handle);
    if (code != kSuccess) return code;
    const std::int32_t timeout = handle->stream_timeout_ms;
    code = execute_on_stream(call, modelId, input, output, Mode::sync, stream);
    return code == kSuccess ? aclrtSynchronizeStreamWithTimeout(stream, timeout) : code;
}

aclError aclmdlExecuteAsyncV2(std::uint32_t modelId, const aclmdlDataset* input,
                              aclmdlDataset* output, aclrtStream stream,
                              const aclmdlExecConfigHandle* handle) {
    const Call call("aclmdlExecuteAsyncV2");
    if (const aclError code = check_exec_config(call, handle)) return code;
    return execute_on_stream(call, modelId, input, output, Mode::async, stream);
}

aclmdlExecConfigHandle* aclmdlCreateExecConfigHandle() {
    return exec_configs().add(Call("aclmdlCreateExecConfigHandle"),
                              std::make_unique<aclmdlExecConfigHandle>());
}

aclError aclmdlDestroyExecConfigHandle(const aclmdlExecConfigHandle* handle) {
    return exec_configs().destroy(ReleaseCall("aclmdlDestroyExecConfigHandle"), handle, "handle");
}

aclError aclmdlSetExecConfigOpt(aclmdlExecConfigHandle* handle, aclmdlExecConfigAttr attr,
                                const void* attrValue, std::size_t valueSize) {
    const Call call("aclmdlSetExecConfigOpt");
    if (const aclError code = check_exec_config(call, handle)) return code;
    const bool is_known = attr == ACL_MDL_STREAM_SYNC_TIMEOUT || attr == ACL_MDL_EVENT_SYNC_TIMEOUT;
    std::int32_t timeout_ms = 0;
    if (!is_known || attrValue == nullptr || valueSize != sizeof timeout_ms) {
        return call.fail(kInvalidParam, "attribute " + std::to_string(static_cast<int>(attr)) +
                                            " with " + std::to_string(valueSize) +
                                            " bytes; expected one of the timeouts, an int32");
    }
    std::memcpy(&timeout_ms, attrValue, sizeof timeout_ms);
    if (timeout_ms < -1) {
        return call.fail(kInvalidParam, "the timeout is " + std::to_string(timeout_ms) +
                                            ", expected -1 or milliseconds");
    }
    (attr == ACL_MDL_STREAM_SYNC_TIMEOUT ? handle->stream_timeout_ms : handle->event_timeout_ms) =
        timeout_ms;
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
