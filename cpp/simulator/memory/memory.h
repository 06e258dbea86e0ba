// SPDX-License-Identifier: Apache-2.0
// Device and pinned memory. In ACL_HOST mode device addresses are real addresses without access
// rights; the simulator itself reads and writes the same bytes through a second mapping. Any
// thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "simulator/core/call.h"
#include "simulator/memory/arena.h"

namespace mgn::simulator {

enum class Place { device, pinned, dvpp };

// Pages of one allocation that are in flight: see guard.h.
struct GuardRange {
    const std::byte* first;
    std::size_t bytes;
    Access access;
};
using GuardList = std::vector<GuardRange>;

// What a task that is queued or runs reads or writes of one allocation.
struct Use {
    const std::byte* begin;
    const std::byte* end;
    bool writes;
};

// Live memory. Held by queued tasks, so that freeing it early is seen and stays harmless.
class Allocation {
public:
    virtual ~Allocation() = default;
    Place place = Place::device;
    std::uint32_t device = 0;
    std::byte* address = nullptr;  // what the client holds
    std::byte* bytes = nullptr;    // where the simulator reads and writes the same memory
    std::size_t size = 0;          // as asked for
    std::atomic<int> models{0};    // loaded models that live in it; the loader counts them
    std::atomic<bool> freed{false};
    std::mutex mutex;  // of the lists; taken last
    GuardList guards;
    std::vector<Use> uses;
};

using Held = std::shared_ptr<Allocation>;

// Part of an allocation, as a task uses it.
struct Piece {
    Held memory;
    const void* address = nullptr;
    std::size_t bytes = 0;
};

// A task that is queued says what it uses, and that it has ended.
void begin_use(const Piece& piece, bool writes);
void end_use(const Piece& piece, bool writes);

// Whether a task that is queued or runs writes some of the piece, or reads it where `writes`.
bool is_in_flight(const Piece& piece, bool writes);

// Allocates for the client: checks the device's memory, enters the ledger. `padding` is what the
// allocator adds behind the size. 0 or the code to return, with the text recorded.
aclError new_memory(const Call& call, Place place, std::size_t size, std::size_t padding,
                    void** address);

// Frees what `new_memory` of the same place gave. Everything else is a violation.
aclError free_memory(const Call& call, Place place, const void* address);

// As `new_memory` for the simulator's own needs (a model's weights): not in the ledger, gone with
// the last Held. Null: the device has no more.
Held own_memory(std::uint32_t device, std::size_t size);

// At the end of a device: what the client still has there goes away; how many allocations it was.
std::size_t drop_memory_of(std::uint32_t device);

// Bytes in use on a device.
std::uint64_t memory_used(std::uint32_t device);

// The live allocation that holds [address, address + size), or null.
Held find_memory(const void* address, std::size_t size);

// "memory of aclrtMalloc, 4096 bytes, freed" or "memory no allocator gave": for messages.
std::string describe_memory(const void* address);

// The simulator's own bytes of a client's address inside an allocation.
inline std::byte* bytes_at(const Allocation& memory, const void* address) {
    return memory.bytes + (static_cast<const std::byte*>(address) - memory.address);
}

// True for memory that the device's engines may read and write: aclrtMalloc, acldvppMalloc, and
// on an RC board aclrtMallocHost too.
bool is_device_memory(const Allocation& memory);

}  // namespace mgn::simulator
