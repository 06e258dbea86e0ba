// SPDX-License-Identifier: Apache-2.0
// The process's one AscendCL: found and initialised at first use, its devices' contexts, its
// errors. Any thread. Rules of the vendor's kept here, and how:
// - aclInit once per process; a repeat by someone else is success, and then not ours to end:
// `owner_`.
// - nothing of AscendCL is called after aclFinalize: every owner holds its Device, every Device its
//   Runtime, and stop() refuses while a Device lives.
// - no call from a static destructor: the Runtime is never destroyed, only stopped.
// - every call under the right current context: ContextScope.
// - no use after fork: every entry compares the process (require_own_process).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "ascend/api.h"
#include "common/errors.h"

namespace mgn::ascend {

class Device;

// A call that failed where nothing may be thrown: its name, and its code or 0.
struct Answer {
    const char* call = "";
    aclError code = kSuccess;
};

class Runtime : public std::enable_shared_from_this<Runtime> {
public:
    // Starts AscendCL if it is not started. Throws RuntimeUnavailable, DeviceError, or InvalidInput
    // in a child of fork.
    static std::shared_ptr<Runtime> get();

    // The device's context of ours; made at first use, gone with the last user. Throws as get().
    static std::shared_ptr<Device> open_device(std::int32_t id);

    // Throws InvalidInput in a child of fork. Before any lock, which the fork may have left locked.
    static void require_own_process();
    static bool is_own_process() noexcept;

    // Where to search from now on. Throws InvalidInput while AscendCL is started.
    static void set_search(Search search);

    // Ends what we started, for whoever has joined since too; does nothing if nothing is started.
    // Throws InvalidInput while a device is in use.
    static void stop();

    // For the end of the process: gives back our own use of what we started, if nothing is in use
    // and CANN counts its users; nothing can be started again. Otherwise nothing is released from
    // here on: another library may have joined, the driver frees it all, and calls from exit
    // handlers would be less safe than none.
    static void leave() noexcept;

    // False in a child of fork and while the process is ending: then nothing of AscendCL may be
    // called.
    bool may_call() const noexcept;

    const Api& api() const noexcept { return api_; }

    // Calls and throws DeviceError where the code is not 0.
    template <typename... Formal, typename... Actual>
    void call(const Function<aclError(Formal...)>& function, Actual... arguments) const {
        const aclError code = function(arguments...);
        if (code != kSuccess) throw error(function.name, code);
    }

    // The thread's context, null where there is none; what AscendCL says of that.
    Answer current_context(aclrtContext& context) const noexcept;

    // The error of a call that just failed in this thread, with the vendor's own text.
    DeviceError error(const char* call, aclError code) const;

    // Takes the text of what failed in this thread and is no failure to us, so that it does not
    // stand in the next error.
    void forget_failure() const noexcept { api_.recent_error(); }

    // For functions without a code that answered as they do to a bad argument.
    DeviceError refusal(const char* call) const { return error(call, kFailure); }

private:
    Runtime(Api api, bool owner, pid_t process)
        : api_(std::move(api)), owner_(owner), process_(process) {}
    struct Global;
    static Global& global();
    static std::shared_ptr<Runtime> started(Global& state);
    static std::shared_ptr<Runtime> start(const Search& search);
    static std::shared_ptr<Runtime> take_unused();

    const Api api_;
    const bool owner_;
    const pid_t process_;
    friend class Device;
    std::shared_ptr<Device> device(std::int32_t id);

    std::mutex mutex_;  // guards the others
    std::map<std::int32_t, std::weak_ptr<Device>> devices_;
    int num_devices_ = 0;  // whose context is not destroyed yet
};

struct MemoryInfo {
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
};

// One device's context. Everything that lives on the device holds it.
class Device {
public:
    Device(std::shared_ptr<Runtime> runtime, std::int32_t id);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const Runtime& runtime() const noexcept { return *runtime_; }
    const Api& api() const noexcept { return runtime_->api(); }
    aclrtContext context() const noexcept { return context_; }

    // An RC board: CPU and NPU share their memory, so nothing has to be copied.
    bool shares_memory() const noexcept { return shares_memory_; }

    // Of the whole device, whoever uses it; none where CANN does not tell. Throws DeviceError.
    std::optional<MemoryInfo> memory() const;

private:
    const std::shared_ptr<Runtime> runtime_;
    aclrtContext context_ = nullptr;
    bool shares_memory_ = false;
};

// While it lives, the device's context is the thread's current one; then the one before is again,
// for the sake of other libraries in the process.
class ContextScope {
public:
    // Throws DeviceError.
    explicit ContextScope(const Device& device);
    // Goes on as far as possible; `failure` says what did not work.
    ContextScope(const Device& device, Answer& failure) noexcept;
    ~ContextScope();
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

private:
    Answer enter() noexcept;

    const Device& device_;
    aclrtContext before_ = nullptr;
};

// Collects what fails while things are released in this thread; without one, standard error is
// told.
class FailedReleases {
public:
    FailedReleases();
    ~FailedReleases();
    FailedReleases(const FailedReleases&) = delete;
    FailedReleases& operator=(const FailedReleases&) = delete;

    static void note(const DeviceError& failure) noexcept;
    void throw_first() const;

private:
    FailedReleases* const outer_;
    std::optional<DeviceError> first_;
};

}  // namespace mgn::ascend
