// SPDX-License-Identifier: Apache-2.0
// Host memory in flight: pages that a queued task reads are read-only for the client, pages that it
// writes have no rights, until the task is done. A signal handler turns what the client does to
// them, to device memory and to freed memory into violations. Any thread.
#pragma once

#include <cstddef>

#include "simulator/memory/arena.h"
#include "simulator/memory/memory.h"

namespace mgn::simulator {

// Move-only; ends when destroyed. Bytes that share a page with bytes outside of the range stay
// unguarded, unless those are only the allocation's padding.
class Guard {
public:
    Guard() = default;
    // `access` is what is left to the client: read or none.
    Guard(Held memory, const void* address, std::size_t bytes, Access access);
    Guard(Guard&& other) noexcept { *this = std::move(other); }
    Guard& operator=(Guard&& other) noexcept;
    ~Guard() { end(); }

private:
    void end() noexcept;

    Held memory_;
    const std::byte* first_ = nullptr;
    std::size_t bytes_ = 0;
    Access access_ = Access::all;
};

// Once, at the first aclInit; afterwards only notes what the settings say.
void watch_host_accesses();

// Brings what the signal handler saw into the ledger.
void tell_host_accesses();

}  // namespace mgn::simulator
