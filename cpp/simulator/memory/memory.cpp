// SPDX-License-Identifier: Apache-2.0
// The live allocations by address, under one lock, and the latest freed ones for messages.
#include "simulator/memory/memory.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <utility>

#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/devices/context.h"
#include "simulator/devices/device.h"

namespace mgn::simulator {
namespace {

// Filling more would cost more time than loading a model; the ends show most mistakes.
constexpr std::size_t kMostPoison = std::size_t{64} << 20;
constexpr std::size_t kPoisonedEnd = std::size_t{1} << 20;
constexpr int kPoison = 0xFF;  // not a number in every floating type
constexpr int kPadding = 0xA5;
constexpr std::size_t kMostFreed = 1024;

class Memory final : public Allocation {
public:
    ~Memory() override {
        device_of(device).memory_used -= counted;
        give_back(extent);
    }
    Extent extent;
    std::uint64_t counted = 0;
};

struct Freed {
    const std::byte* address;
    std::size_t size;
    Place place;
};

struct Allocations {
    std::mutex mutex;
    std::map<const std::byte*, std::shared_ptr<Memory>> live;
    std::deque<Freed> freed;  // newest last
};

Allocations& allocations() {
    static Allocations* const kept = new Allocations;
    return *kept;
}

const char* allocator_of(Place place) {
    if (place == Place::pinned) return "aclrtMallocHost";
    return place == Place::dvpp ? "acldvppMalloc" : "aclrtMalloc";
}

const char* ledger_kind_of(Place place) {
    return place == Place::pinned ? "pinned_memory" : "device_memory";
}

bool client_may_touch(Place place) { return place == Place::pinned || settings().is_device; }

void fill(const Memory& memory) {
    std::byte* const bytes = memory.bytes;
    const std::size_t size = memory.size;
    if (memory.place == Place::pinned) {
        // Pinned memory starts as the system gives it: zeros.
    } else if (size <= kMostPoison) {
        std::memset(bytes, kPoison, size);
    } else {
        std::memset(bytes, kPoison, kPoisonedEnd);
        std::memset(bytes + size - kPoisonedEnd, kPoison, kPoisonedEnd);
    }
    if (client_may_touch(memory.place)) {
        std::memset(bytes + size, kPadding, memory.extent.bytes - size);
    }
}

// The first byte behind the memory that the client changed, or none: only what has no guard page.
bool is_overrun(const Memory& memory) {
    if (!client_may_touch(memory.place)) return false;
    const std::byte* const end = memory.bytes + memory.extent.bytes;
    return std::any_of(static_cast<const std::byte*>(memory.bytes + memory.size), end,
                       [](std::byte b) { return b != std::byte{kPadding}; });
}

std::shared_ptr<Memory> make(Place place, std::uint32_t device, std::size_t size,
                             std::uint64_t counted) {
    Device& of = device_of(device);
    if (counted > settings().memory_bytes) return nullptr;
    if (of.memory_used.fetch_add(counted) + counted > settings().memory_bytes) {
        of.memory_used -= counted;
        return nullptr;
    }
    const bool open = client_may_touch(place);
    const auto extent = take_extent(size, open ? PageState::host : PageState::device,
                                    open ? Access::all : Access::none);
    if (!extent) {
        of.memory_used -= counted;
        return nullptr;
    }
    auto memory = std::make_shared<Memory>();
    memory->place = place;
    memory->device = device;
    memory->address = client_view(*extent);
    memory->bytes = own_view(*extent);
    memory->size = size;
    memory->extent = *extent;
    memory->counted = counted;
    fill(*memory);
    return memory;
}

void enter(const std::shared_ptr<Memory>& memory) {
    Allocations& all = allocations();
    const std::lock_guard lock(all.mutex);
    const std::byte* const end = memory->address + memory->extent.bytes;
    const auto reused = [&](const Freed& f) {
        return f.address >= memory->address && f.address < end;
    };
    all.freed.erase(std::remove_if(all.freed.begin(), all.freed.end(), reused), all.freed.end());
    all.live.emplace(memory->address, memory);
}

std::string describe(Place place, std::size_t size) {
    return std::string("memory of ") + allocator_of(place) + ", " + std::to_string(size) + " bytes";
}

// With the lock held.
std::shared_ptr<Memory> holder_of(const Allocations& all, const std::byte* address) {
    auto next = all.live.upper_bound(address);
    if (next == all.live.begin()) return nullptr;
    const auto& memory = std::prev(next)->second;
    return address < memory->address + memory->extent.bytes ? memory : nullptr;
}

std::shared_ptr<Memory> remove(const std::byte* address) {
    Allocations& all = allocations();
    const std::lock_guard lock(all.mutex);
    const auto found = all.live.find(address);
    if (found == all.live.end()) return nullptr;
    auto memory = std::move(found->second);
    all.live.erase(found);
    all.freed.push_back({memory->address, memory->size, memory->place});
    if (all.freed.size() > kMostFreed) all.freed.pop_front();
    return memory;
}

// Closes the memory to the client; its pages go when no task holds it any more.
void close(Memory& memory) {
    const std::lock_guard lock(memory.mutex);
    memory.freed.store(true);
    mark_freed(memory.extent);
    if (memory.place == Place::pinned || memory.place == Place::device ||
        memory.place == Place::dvpp) {
        ledger_released(ledger_kind_of(memory.place), memory.address);
    }
}

Use use_of(const Piece& piece, bool writes) {
    const auto* const begin = static_cast<const std::byte*>(piece.address);
    return {begin, begin + piece.bytes, writes};
}

aclError refuse_to_free(const Call& call, const std::byte* address) {
    const Held inside = find_memory(address, 1);
    if (inside != nullptr) {
        return call.violation(acl::kRtParamInvalid, "free of an inner pointer",
                              "the address is " + std::to_string(address - inside->address) +
                                  " bytes into " + describe_memory(address));
    }
    const std::string what = describe_memory(address);
    const bool twice = what.size() > 5 && what.compare(what.size() - 5, 5, "freed") == 0;
    return call.violation(acl::kRtParamInvalid, twice ? "double free" : "free of foreign memory",
                          "the address is of " + what);
}

}  // namespace

aclError new_memory(const Call& call, Place place, std::size_t size, std::size_t padding,
                    void** address) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (address == nullptr || size == 0) {
        return call.fail(acl::kInvalidParam, size == 0 ? "size is 0, expected 1 or more"
                                                       : "the pointer's address is null");
    }
    if (device_of(context->device).lost)
        return call.fail(acl::kRtDriverError, "the device is lost");
    std::uint64_t counted = 0;
    if (place != Place::pinned || settings().is_device) {
        counted = size > UINT64_MAX - 4096 ? UINT64_MAX : (size + 31) / 32 * 32 + padding;
    }
    const auto memory = make(place, context->device, size, counted);
    if (memory == nullptr) {
        const std::uint64_t free = settings().memory_bytes - memory_used(context->device);
        return call.fail(acl::kRtMemoryAllocation, std::to_string(size) + " bytes asked for, " +
                                                       std::to_string(free) + " free");
    }
    enter(memory);
    ledger_created(ledger_kind_of(place), memory->address, size, call.name());
    *address = memory->address;
    return acl::kSuccess;
}

aclError free_memory(const Call& call, Place place, const void* address) {
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (address == nullptr) return call.fail(acl::kInvalidParam, "the address is null");
    const auto* const at = static_cast<const std::byte*>(address);
    const Held found = find_memory(address, 1);
    if (found == nullptr || found->address != at) return refuse_to_free(call, at);
    if (found->place != place) {
        return call.violation(acl::kRtParamInvalid, "wrong allocator",
                              std::string(call.name()) + " was given " + describe_memory(address));
    }
    if (found->device != context->device && place != Place::pinned) {
        return call.violation(acl::kRtParamInvalid, "freed on another device",
                              "memory of device " + std::to_string(found->device) +
                                  ", the current context is of " + std::to_string(context->device));
    }
    const auto memory = remove(at);
    if (memory == nullptr) return refuse_to_free(call, at);
    const bool in_use = is_in_flight({memory, memory->address, memory->size}, true);
    const bool loaded = memory->models.load() != 0;
    const bool overrun = is_overrun(*memory);
    close(*memory);
    if (in_use) {
        return call.violation(acl::kRtParamInvalid, "freed while tasks use it",
                              describe(place, memory->size));
    }
    if (loaded) {
        return call.violation(acl::kRtParamInvalid, "freed while a model lives in it",
                              describe(place, memory->size));
    }
    if (overrun) {
        return call.violation(acl::kRtParamInvalid, "written beyond its end",
                              describe(place, memory->size));
    }
    return call.fault();
}

void begin_use(const Piece& piece, bool writes) {
    const std::lock_guard lock(piece.memory->mutex);
    piece.memory->uses.push_back(use_of(piece, writes));
}

void end_use(const Piece& piece, bool writes) {
    const Use ended = use_of(piece, writes);
    const std::lock_guard lock(piece.memory->mutex);
    std::vector<Use>& uses = piece.memory->uses;
    const auto own = std::find_if(uses.begin(), uses.end(), [&](const Use& use) {
        return use.begin == ended.begin && use.end == ended.end && use.writes == ended.writes;
    });
    if (own != uses.end()) uses.erase(own);
}

bool is_in_flight(const Piece& piece, bool writes) {
    const Use wanted = use_of(piece, writes);
    const std::lock_guard lock(piece.memory->mutex);
    const std::vector<Use>& uses = piece.memory->uses;
    return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
        return (use.writes || wanted.writes) && use.begin < wanted.end && wanted.begin < use.end;
    });
}

Held own_memory(std::uint32_t device, std::size_t size) {
    const auto memory = make(Place::device, device, size, (size + 31) / 32 * 32 + 32);
    return memory;
}

std::size_t drop_memory_of(std::uint32_t device) {
    std::vector<std::shared_ptr<Memory>> dropped;
    {
        Allocations& all = allocations();
        const std::lock_guard lock(all.mutex);
        for (auto entry = all.live.begin(); entry != all.live.end();) {
            if (entry->second->device == device) {
                dropped.push_back(std::move(entry->second));
                entry = all.live.erase(entry);
            } else {
                ++entry;
            }
        }
    }
    for (const auto& memory : dropped) close(*memory);
    return dropped.size();
}

std::uint64_t memory_used(std::uint32_t device) { return device_of(device).memory_used.load(); }

Held find_memory(const void* address, std::size_t size) {
    const auto* const at = static_cast<const std::byte*>(address);
    if (!is_in_arena(address)) return nullptr;
    Allocations& all = allocations();
    const std::lock_guard lock(all.mutex);
    auto memory = holder_of(all, at);
    if (memory == nullptr) return nullptr;
    const auto offset = static_cast<std::size_t>(at - memory->address);
    if (offset > memory->size || size > memory->size - offset) return nullptr;
    return memory;
}

std::string describe_memory(const void* address) {
    const auto* const at = static_cast<const std::byte*>(address);
    Allocations& all = allocations();
    const std::lock_guard lock(all.mutex);
    const auto memory = holder_of(all, at);
    if (memory != nullptr) return describe(memory->place, memory->size);
    for (auto freed = all.freed.rbegin(); freed != all.freed.rend(); ++freed) {
        const bool inside =
            at >= freed->address && at < freed->address + std::max<std::size_t>(freed->size, 1);
        if (inside) return describe(freed->place, freed->size) + ", freed";
    }
    return "memory no allocator gave";
}

bool is_device_memory(const Allocation& memory) {
    return memory.place != Place::pinned || settings().is_device;
}

}  // namespace mgn::simulator
