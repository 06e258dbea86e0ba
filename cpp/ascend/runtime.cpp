// SPDX-License-Identifier: Apache-2.0
// The one Runtime, its devices and their contexts, under two locks. Knows nothing of models and
// lanes; they hold their Device. Any thread, of the process that started it.
#include "ascend/runtime.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <utility>

#include "ascend/error_names.h"

namespace mgn::ascend {

struct Runtime::Global {
    std::mutex mutex;  // guards the others
    Search search;
    std::shared_ptr<Runtime> runtime;
    std::atomic<pid_t> process{0};  // that started it; read without the lock, which a fork may hold
    std::atomic<bool> leaving{false};
};

// Never destroyed: static destructors run when the vendor's library may be gone.
Runtime::Global& Runtime::global() {
    static Global* const state = new Global;
    return *state;
}

namespace {

thread_local FailedReleases* innermost = nullptr;
thread_local aclrtContext left_current = nullptr;  // the last context of ours in this thread

}  // namespace

bool Runtime::is_own_process() noexcept {
    const pid_t starter = global().process;
    return starter == 0 || starter == getpid();
}

void Runtime::require_own_process() {
    if (is_own_process()) return;
    throw InvalidInput("AscendCL was started by process " + std::to_string(global().process) +
                       " and this is its child " + std::to_string(getpid()) +
                       "; start processes by 'spawn', or open the first session after the fork");
}

std::shared_ptr<Runtime> Runtime::start(const Search& search) {
    Api api = load_api(search);
    const aclError code = api.init(nullptr);
    const bool repeated = code == kRepeatInitialize;
    std::shared_ptr<Runtime> runtime(new Runtime(std::move(api), !repeated, getpid()));
    if (code != kSuccess && !repeated) throw runtime->error(runtime->api_.init.name, code);
    if (repeated) runtime->forget_failure();
    return runtime;
}

// The running one, started where it is not. The state's mutex is held.
std::shared_ptr<Runtime> Runtime::started(Global& state) {
    if (state.leaving) throw InvalidInput("the process is ending; AscendCL is not used any more");
    if (!state.runtime) {
        state.runtime = start(state.search);
        state.process = getpid();
    }
    return state.runtime;
}

std::shared_ptr<Runtime> Runtime::get() {
    require_own_process();
    Global& state = global();
    const std::lock_guard<std::mutex> lock(state.mutex);
    return started(state);
}

std::shared_ptr<Device> Runtime::open_device(std::int32_t id) {
    require_own_process();
    Global& state = global();
    const std::lock_guard<std::mutex> lock(state.mutex);  // so that no thread stops it in between
    return started(state)->device(id);
}

void Runtime::set_search(Search search) {
    require_own_process();
    Global& state = global();
    const std::lock_guard<std::mutex> lock(state.mutex);
    if (state.runtime) {
        throw InvalidInput("AscendCL is started from " + state.runtime->api_.libraries.front() +
                           "; close all sessions and stop it before another library is chosen");
    }
    state.search = std::move(search);
}

// The running one, forgotten; null if none is. Throws as stop(). The state's mutex is held.
std::shared_ptr<Runtime> Runtime::take_unused() {
    Global& state = global();
    if (!state.runtime) return nullptr;
    {
        const std::lock_guard<std::mutex> devices(state.runtime->mutex_);
        if (state.runtime->num_devices_ != 0) {
            throw InvalidInput(
                "a device is in use; close all sessions, and let go of what `lane.input` "
                "gave, before AscendCL is stopped");
        }
    }
    state.process = 0;
    return std::exchange(state.runtime, nullptr);
}

void Runtime::stop() {
    require_own_process();
    const std::lock_guard<std::mutex> lock(global().mutex);
    const std::shared_ptr<Runtime> runtime = take_unused();
    if (!runtime) return;
    std::uint64_t users = 0;
    if (runtime->owner_) {
        runtime->call(runtime->api_.finalize);
    } else if (runtime->api_.finalize_reference.is_loaded()) {
        runtime->call(runtime->api_.finalize_reference, &users);  // a repeated start counts too
    }
}

void Runtime::leave() noexcept {
    try {
        require_own_process();
        const std::lock_guard<std::mutex> lock(global().mutex);
        const std::shared_ptr<Runtime> runtime = take_unused();
        if (runtime && runtime->api_.finalize_reference.is_loaded()) {
            std::uint64_t users = 0;
            runtime->api_.finalize_reference(&users);
        }
    } catch (const std::exception&) {
        // Something is in use: it is left to the driver.
    }
    global().leaving = true;
}

bool Runtime::may_call() const noexcept { return !global().leaving && process_ == getpid(); }

std::shared_ptr<Device> Runtime::device(std::int32_t id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::weak_ptr<Device>& known = devices_[id];
    std::shared_ptr<Device> device = known.lock();
    if (!device) {
        device = std::make_shared<Device>(shared_from_this(), id);
        known = device;
        ++num_devices_;
    }
    return device;
}

// A code of the caller's kind (1xxxxx) means that no context is current; any other is a failure.
Answer Runtime::current_context(aclrtContext& context) const noexcept {
    const aclError code = api_.current_context(&context);
    if (code == kSuccess) return {};
    context = nullptr;
    if (code / 100000 != 1) return {api_.current_context.name, code};
    forget_failure();
    return {};
}

DeviceError Runtime::error(const char* call, aclError code) const {
    const char* const text = api_.recent_error();  // this thread's, and cleared by asking
    std::string detail = text == nullptr ? "" : text;
    const std::string name = error_name(code);
    const std::string remedy = error_remedy(code);
    std::string message = std::string(call) + " failed with " + std::to_string(code);
    if (!name.empty()) message += " (" + name + ")";
    if (!remedy.empty()) message += ": " + remedy;
    if (!detail.empty()) message += "\n" + detail;
    return DeviceError(message, call, code, std::move(detail), is_out_of_memory(code));
}

Device::Device(std::shared_ptr<Runtime> runtime, std::int32_t id) : runtime_(std::move(runtime)) {
    aclrtContext before = nullptr;
    const Answer answer = runtime_->current_context(before);
    if (answer.code != kSuccess) throw runtime_->error(answer.call, answer.code);
    runtime_->call(api().create_context, &context_, id);
    aclrtRunMode mode = ACL_HOST;
    const aclError code = api().run_mode(&mode);
    std::optional<DeviceError> failure;
    if (code != kSuccess) {
        failure = runtime_->error(api().run_mode.name, code);
        if (api().destroy_context(context_) != kSuccess) runtime_->forget_failure();
    }
    // Creating made ours the current one.
    if (before != nullptr && before != left_current && api().set_context(before) != kSuccess) {
        runtime_->forget_failure();
    }
    if (failure) throw *failure;
    shares_memory_ = mode == ACL_DEVICE;
}

Device::~Device() {
    if (!runtime_->may_call()) return;
    const aclError code = api().destroy_context(context_);
    if (code != kSuccess) FailedReleases::note(runtime_->error(api().destroy_context.name, code));
    const std::lock_guard<std::mutex> lock(runtime_->mutex_);
    --runtime_->num_devices_;
}

// A chip without HBM answers for it with its DDR, or that it has 0 of 0, or by a refusal.
std::optional<MemoryInfo> Device::memory() const {
    const auto& ask = api().memory_info;
    if (!ask.is_loaded()) return std::nullopt;
    const ContextScope scope(*this);
    MemoryInfo info;
    const aclError code = ask(ACL_HBM_MEM, &info.free_bytes, &info.total_bytes);
    if (code == kSuccess && info.total_bytes != 0) return info;
    if (code != kSuccess) runtime_->forget_failure();
    runtime_->call(ask, ACL_DDR_MEM, &info.free_bytes, &info.total_bytes);
    if (info.total_bytes == 0) return std::nullopt;
    return info;
}

ContextScope::ContextScope(const Device& device) : device_(device) {
    const Answer failure = enter();
    if (failure.code != kSuccess) throw device.runtime().error(failure.call, failure.code);
}

ContextScope::ContextScope(const Device& device, Answer& failure) noexcept : device_(device) {
    failure = enter();
}

Answer ContextScope::enter() noexcept {
    const Answer answer = device_.runtime().current_context(before_);
    const bool is_current = before_ == device_.context();
    // No caller misses what we left there ourselves, and it may be gone by the end of the scope.
    if (before_ == left_current) before_ = nullptr;
    left_current = device_.context();
    if (is_current) {
        before_ = nullptr;
        return answer;
    }
    const auto& set_context = device_.api().set_context;
    const aclError code = set_context(device_.context());
    return code == kSuccess ? answer : Answer{set_context.name, code};
}

ContextScope::~ContextScope() {
    // Fails only where that context has been destroyed since, and then no caller misses it.
    if (before_ != nullptr && device_.api().set_context(before_) != kSuccess) {
        device_.runtime().forget_failure();
    }
}

FailedReleases::FailedReleases() : outer_(std::exchange(innermost, this)) {}

FailedReleases::~FailedReleases() { innermost = outer_; }

void FailedReleases::note(const DeviceError& failure) noexcept {
    if (innermost == nullptr) {
        std::fprintf(stderr, "mgn_fast: %s\n", failure.what());
    } else if (!innermost->first_) {
        innermost->first_.emplace(failure);
    }
}

void FailedReleases::throw_first() const {
    if (first_) throw *first_;
}

}  // namespace mgn::ascend
