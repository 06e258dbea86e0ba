// SPDX-License-Identifier: Apache-2.0
// Handles that a client holds: never given out twice and no address of anything, so that a stale
// one, or one of another kind, is always recognised. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "simulator/core/call.h"

namespace mgn::simulator {

enum class HandleKind : std::uint64_t { context = 1, stream = 2, event = 3 };

template <typename T>
class Handles {
public:
    // Of what, and the function that gives them: for messages.
    Handles(HandleKind kind, const char* noun, const char* maker)
        : base_(std::uint64_t{0xAC1} << 52 | static_cast<std::uint64_t>(kind) << 48),
          noun_(noun),
          maker_(maker) {}

    // Reserves a handle: the object may want to know its own before any thread finds it.
    void* next() {
        const std::lock_guard lock(mutex_);
        return reinterpret_cast<void*>(base_ + ++given_);
    }

    void add(void* handle, std::shared_ptr<T> object) {
        const std::lock_guard lock(mutex_);
        live_.emplace(handle, std::move(object));
    }

    std::shared_ptr<T> find(const void* handle) const {
        const std::lock_guard lock(mutex_);
        const auto found = live_.find(handle);
        return found == live_.end() ? nullptr : found->second;
    }

    // Takes it out; null where another thread was first.
    std::shared_ptr<T> remove(const void* handle) {
        const std::lock_guard lock(mutex_);
        const auto found = live_.find(handle);
        if (found == live_.end()) return nullptr;
        auto object = std::move(found->second);
        live_.erase(found);
        return object;
    }

    std::vector<std::shared_ptr<T>> all() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::shared_ptr<T>> objects;
        objects.reserve(live_.size());
        for (const auto& [handle, object] : live_) objects.push_back(object);
        return objects;
    }

    // The violation of a call with a handle that is not live: it was once, or never.
    aclError refuse(const Call& call, const void* handle, aclError code) const {
        if (was_given(handle)) {
            return call.violation(code, "destroyed " + noun_ + " used",
                                  "the " + noun_ + " was destroyed before this call");
        }
        return call.violation(code, (noun_ == "event" ? "not an " : "not a ") + noun_,
                              "the handle is none that " + maker_ + " gave");
    }

private:
    bool was_given(const void* handle) const {
        const auto number = reinterpret_cast<std::uint64_t>(handle);
        const std::lock_guard lock(mutex_);
        return number > base_ && number <= base_ + given_;
    }

    mutable std::mutex mutex_;  // taken last
    const std::uint64_t base_;
    const std::string noun_;
    const std::string maker_;
    std::uint64_t given_ = 0;
    std::unordered_map<const void*, std::shared_ptr<T>> live_;
};

}  // namespace mgn::simulator
