// SPDX-License-Identifier: Apache-2.0
// The address space of simulated memory: the same pages, mapped twice. The client's view has no
// access rights until it is given some; the simulator's own view can always be read and written.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace mgn::simulator {

// What a page is, readable by a signal handler.
enum class PageState : std::uint8_t { unused, device, host, freed_device, freed_host };

// Whole pages, followed by one that stays unused.
struct Extent {
    std::size_t offset = 0;
    std::size_t bytes = 0;
};

enum class Access { none, read, all };

std::size_t page_bytes();

// Maps the address space at the first call. False where the system does not give that much.
bool has_address_space();
// Whether the two views are of a file without a name, because the system cannot map pages again.
bool is_mapped_from_file();

// Room for `bytes`, zeroed, marked `state`, the client's view with these rights; null where the
// system has no more.
std::optional<Extent> take_extent(std::size_t bytes, PageState state, Access access);

// Takes the client's rights away; a later access is known as one to freed memory.
void mark_freed(const Extent& extent);

// Returns the pages to the system. The addresses are not given out again for a long time.
void give_back(const Extent& extent);

std::byte* client_view(const Extent& extent);
std::byte* own_view(const Extent& extent);

// False where the system refuses (too many mappings).
bool set_access(const std::byte* first, std::size_t bytes, Access access) noexcept;

// Safe in a signal handler: whether the address is of the client's view, and what its page is.
bool is_in_arena(const void* address) noexcept;
PageState page_state(const void* address) noexcept;

}  // namespace mgn::simulator
