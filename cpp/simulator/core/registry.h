// SPDX-License-Identifier: Apache-2.0
// The live objects of one kind that clients hold by address: tells a stale handle from a good one
// before anything is read through it. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "simulator/core/call.h"
#include "simulator/core/ledger.h"

namespace mgn::simulator {

template <typename T>
class Registry {
public:
    explicit Registry(const char* kind) : kind_(kind) {}

    // The whole of a create function without arguments to check; null where the call is stopped.
    T* add(const Call& call, std::unique_ptr<T> object) {
        if (call.is_stopped()) return nullptr;
        T* const handle = object.get();
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            objects_.emplace(handle, std::move(object));
        }
        ledger_created(kind_, handle, 0, call.name());
        return handle;
    }

    // Takes the object out; null if it is not live.
    std::unique_ptr<T> remove(const T* handle) {
        std::unique_ptr<T> object;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            const auto found = objects_.find(handle);
            if (found == objects_.end()) return nullptr;
            object = std::move(found->second);
            objects_.erase(found);
        }
        ledger_released(kind_, handle);
        return object;
    }

    bool has(const T* handle) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return objects_.count(handle) != 0;
    }

    // 0, or the code to return, its text recorded: null, a handle that is not live, a stopped call.
    aclError check(const Call& call, const T* handle, const char* argument) const {
        if (call.is_stopped()) return call.fault();
        if (handle == nullptr) {
            return call.fail(acl::kInvalidParam, std::string(argument) + " is null");
        }
        if (has(handle)) return acl::kSuccess;
        return call.violation(acl::kInvalidParam, "destroyed handle used",
                              std::string(argument) + " is no live " + kind_);
    }

    // The whole of a destroy function: the object goes even if the call is told to fail.
    aclError destroy(const Call& call, const T* handle, const char* argument) {
        if (call.is_stopped()) return call.fault();
        if (handle == nullptr) {
            if (call.fault() != acl::kSuccess) return call.fault();
            return call.fail(acl::kInvalidParam, std::string(argument) + " is null");
        }
        if (remove(handle) == nullptr) return check(call, handle, argument);
        return call.fault();
    }

private:
    const char* const kind_;
    mutable std::mutex mutex_;
    std::unordered_map<const T*, std::unique_ptr<T>> objects_;
};

}  // namespace mgn::simulator
