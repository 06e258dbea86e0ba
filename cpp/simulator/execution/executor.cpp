// SPDX-License-Identifier: Apache-2.0
// Registration of the executor. No lock is held while it runs.
#include "simulator/execution/executor.h"

#include <condition_variable>
#include <mutex>

namespace mgn::simulator {

namespace {

struct Registration {
    std::mutex mutex;
    std::condition_variable left;
    Executor executor = nullptr;
    std::size_t inside = 0;
};

Registration& registration() {
    static auto* const instance = new Registration;  // never destroyed: threads may outlive exit
    return *instance;
}

}  // namespace

void set_executor(Executor executor) {
    Registration& current = registration();
    std::unique_lock<std::mutex> lock(current.mutex);
    current.executor = executor;
    if (executor == nullptr) current.left.wait(lock, [&] { return current.inside == 0; });
}

ExecutorUse::ExecutorUse() {
    Registration& current = registration();
    const std::lock_guard<std::mutex> lock(current.mutex);
    executor_ = current.executor;
    if (executor_ != nullptr) ++current.inside;
}

ExecutorUse::~ExecutorUse() {
    if (executor_ == nullptr) return;
    Registration& current = registration();
    const std::lock_guard<std::mutex> lock(current.mutex);
    if (--current.inside == 0) current.left.notify_all();
}

}  // namespace mgn::simulator
