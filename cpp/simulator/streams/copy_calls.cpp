// SPDX-License-Identifier: Apache-2.0
// Copies and fills, at once or on a stream.
#include <cstring>
#include <string>
#include <utility>

#include "simulator/core/abi.h"
#include "simulator/core/settings.h"
#include "simulator/devices/context.h"
#include "simulator/devices/profile.h"
#include "simulator/memory/guard.h"
#include "simulator/memory/memory.h"
#include "simulator/streams/streams.h"

namespace mgn::simulator {
namespace {

enum class Side { host, device, either };

// One end of a copy.
struct End {
    Held memory;  // null: memory of no allocator
    std::byte* address = nullptr;

    bool is_pageable() const { return memory == nullptr; }
    bool is_device() const { return memory != nullptr && is_device_memory(*memory); }
    std::byte* own_bytes() const {
        return memory == nullptr ? address : bytes_at(*memory, address);
    }
    // The client's own pages, so that a copy at once into a buffer in flight is noticed as the
    // client's own access would be.
    std::byte* bytes_at_once() const {
        const bool visible = memory == nullptr || memory->place == Place::pinned;
        return visible ? address : own_bytes();
    }
};

struct Copy {
    End to;
    End from;
    std::size_t count = 0;
    Occupies engine = Occupies::none;
    double duration_s = 0;
};

std::string bytes_in(std::size_t count, const void* address) {
    return std::to_string(count) + " bytes from an address in " + describe_memory(address);
}

aclError read_end(const Call& call, const Context& context, const void* address, std::size_t count,
                  End& end) {
    end.address = const_cast<std::byte*>(static_cast<const std::byte*>(address));
    if (!is_in_arena(address)) return acl::kSuccess;
    end.memory = find_memory(address, count);
    if (end.memory == nullptr) {
        const bool starts_inside = find_memory(address, 1) != nullptr;
        return call.violation(acl::kRtParamInvalid,
                              starts_inside ? "copy beyond the end of memory" : "use after free",
                              bytes_in(count, address));
    }
    if (end.is_device() && end.memory->device != context.device) {
        return call.violation(acl::kRtParamInvalid, "memory of another device",
                              "the memory is of device " + std::to_string(end.memory->device) +
                                  ", the current context of " + std::to_string(context.device));
    }
    return acl::kSuccess;
}

bool fits(Side side, const End& end) {
    return side == Side::either || (side == Side::device) == end.is_device();
}

// An unknown kind gives false.
bool sides_of(int kind, Side& to, Side& from) {
    constexpr Side kTo[] = {Side::host,   Side::device, Side::host,   Side::device,
                            Side::either, Side::device, Side::device, Side::device};
    constexpr Side kFrom[] = {Side::host,   Side::host, Side::device, Side::device,
                              Side::either, Side::host, Side::device, Side::device};
    if (kind < 0 || kind > 7) return false;
    to = settings().is_device ? Side::either : kTo[kind];
    from = settings().is_device ? Side::either : kFrom[kind];
    return true;
}

void set_duration(Copy& copy) {
    if (settings().is_device || copy.to.is_device() == copy.from.is_device()) return;
    const bool in = copy.to.is_device();
    copy.engine = in ? Occupies::copy_in : Occupies::copy_out;
    if (settings().timing) copy.duration_s = in ? copy_in_s(copy.count) : copy_out_s(copy.count);
}

// Checks the arguments that both kinds of copies have; count 0 leaves the ends unread.
aclError read_copy(const Call& call, void* to, std::size_t capacity, const void* from,
                   std::size_t count, int kind, Copy& copy) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (to == nullptr || from == nullptr)
        return call.fail(acl::kInvalidParam, "an address is null");
    Side to_side = Side::either;
    Side from_side = Side::either;
    if (!sides_of(kind, to_side, from_side)) {
        return call.fail(acl::kInvalidParam, "the kind is " + std::to_string(kind));
    }
    if (count > capacity) {
        return call.fail(acl::kRtParamInvalid, "the count is " + std::to_string(count) +
                                                   ", the destination holds " +
                                                   std::to_string(capacity));
    }
    copy.count = count;
    if (count == 0) return acl::kSuccess;
    if (const aclError code = read_end(call, *context, to, count, copy.to)) return code;
    if (const aclError code = read_end(call, *context, from, count, copy.from)) return code;
    if (!fits(to_side, copy.to) || !fits(from_side, copy.from)) {
        const bool wrong_to = !fits(to_side, copy.to);
        return call.violation(acl::kRtParamInvalid, "copy kind and memory disagree",
                              "kind " + std::to_string(kind) + ", the " +
                                  (wrong_to ? "destination" : "source") + " is " +
                                  describe_memory(wrong_to ? to : from));
    }
    set_duration(copy);
    return acl::kSuccess;
}

Task task_of(const Call& call, const Copy& copy, bool at_once) {
    Task task;
    task.name = call.name();
    task.occupies = copy.engine;
    task.duration_s = copy.duration_s;
    if (copy.from.memory != nullptr) {
        task.reads.push_back({copy.from.memory, copy.from.address, copy.count});
    }
    if (copy.to.memory != nullptr) {
        task.writes.push_back({copy.to.memory, copy.to.address, copy.count});
    }
    std::byte* const to = at_once ? copy.to.bytes_at_once() : copy.to.own_bytes();
    const std::byte* const from = at_once ? copy.from.bytes_at_once() : copy.from.own_bytes();
    task.run = [to, from, count = copy.count] {
        std::memmove(to, from, count);
        return acl::kSuccess;
    };
    return task;
}

// What the client can see of it is guarded until the copy is done.
void add_guard(Entry& entry, const End& end, std::size_t count, Access left) {
    if (end.memory == nullptr || !settings().guard) return;
    if (end.is_device() && !settings().is_device) return;
    entry.guards.emplace_back(end.memory, end.address, count, left);
}

aclError queue_copy(const Call& call, const Copy& copy, void* stream) {
    Entry entry;
    entry.task = task_of(call, copy, false);
    if (copy.from.is_pageable() || copy.to.is_pageable()) {
        // As newer drivers do it: in the stream's order, and done when the call returns.
        call.violation(acl::kSuccess, "pageable memory in an async copy",
                       "the host memory is not of aclrtMallocHost");
        const auto gate = std::make_shared<Gate>();
        entry.opens = gate;
        const aclError code = submit_entry(call, stream, std::move(entry));
        if (code == acl::kSuccess) gate->wait(-1);
        return code;
    }
    add_guard(entry, copy.from, copy.count, Access::read);
    add_guard(entry, copy.to, copy.count, Access::none);
    return submit_entry(call, stream, std::move(entry));
}

bool is_unaligned(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % 64 != 0;
}

aclError read_fill(const Call& call, void* address, std::size_t capacity, std::size_t count,
                   std::int32_t value, bool at_once, End& end, Task& task) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (address == nullptr) return call.fail(acl::kInvalidParam, "the address is null");
    if (count > capacity) {
        return call.fail(acl::kRtParamInvalid, "the count is " + std::to_string(count) +
                                                   ", the memory holds " +
                                                   std::to_string(capacity));
    }
    if (count == 0) return acl::kSuccess;
    if (const aclError code = read_end(call, *context, address, count, end)) return code;
    if (end.is_pageable()) {
        return call.violation(acl::kRtParamInvalid, "fill of pageable memory",
                              bytes_in(count, address));
    }
    task.name = call.name();
    task.writes.push_back({end.memory, end.address, count});
    task.run = [bytes = at_once ? end.bytes_at_once() : end.own_bytes(), value, count] {
        std::memset(bytes, value, count);
        return acl::kSuccess;
    };
    return acl::kSuccess;
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtMemcpy(void* to, std::size_t capacity, const void* from, std::size_t count,
                     aclrtMemcpyKind kind) {
    const Call call("aclrtMemcpy");
    Copy copy;
    const aclError code = read_copy(call, to, capacity, from, count, kind, copy);
    if (code != kSuccess || count == 0) return code;
    return run_now(call, task_of(call, copy, true));
}

aclError aclrtMemcpyAsync(void* to, std::size_t capacity, const void* from, std::size_t count,
                          aclrtMemcpyKind kind, aclrtStream stream) {
    const Call call("aclrtMemcpyAsync");
    Copy copy;
    const aclError code = read_copy(call, to, capacity, from, count, kind, copy);
    if (code != kSuccess || count == 0) return code;
    if (!settings().is_device) {
        const bool on_host = !copy.to.is_device() && !copy.from.is_device();
        if (on_host) return call.fail(kRtFeatureNotSupported, "host to host is never async");
        const bool on_chip = copy.to.is_device() && copy.from.is_device();
        if (on_chip && (is_unaligned(to) || is_unaligned(from))) {
            return call.violation(kRtAddressUnaligned, "unaligned copy on the chip",
                                  "async copies on the device need addresses that 64 divides");
        }
    }
    return queue_copy(call, copy, stream);
}

aclError aclrtMemset(void* address, std::size_t capacity, std::int32_t value, std::size_t count) {
    const Call call("aclrtMemset");
    End end;
    Task task;
    const aclError code = read_fill(call, address, capacity, count, value, true, end, task);
    if (code != kSuccess || count == 0) return code;
    return run_now(call, std::move(task));
}

aclError aclrtMemsetAsync(void* address, std::size_t capacity, std::int32_t value,
                          std::size_t count, aclrtStream stream) {
    const Call call("aclrtMemsetAsync");
    End end;
    Entry entry;
    const aclError code = read_fill(call, address, capacity, count, value, false, end, entry.task);
    if (code != kSuccess || count == 0) return code;
    add_guard(entry, end, count, Access::none);
    return submit_entry(call, stream, std::move(entry));
}

}  // extern "C"
#pragma GCC visibility pop
