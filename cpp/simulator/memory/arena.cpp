// SPDX-License-Identifier: Apache-2.0
// Extents are given out lowest address first from a free list, into which freed ones come after a
// time in quarantine: page tables and marks stay small however often memory comes and goes.
#include "simulator/memory/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>

#include "simulator/core/call.h"

namespace mgn::simulator {
namespace {

constexpr std::size_t kLargest = std::size_t{256}
                                 << 30;                  // two views of it fit beside TSan's shadow
constexpr std::size_t kSmallest = std::size_t{1} << 30;  // where the address space is limited
constexpr std::size_t kMostQuarantined = 1024;
constexpr std::size_t kMostQuarantinedBytes = std::size_t{4} << 30;

struct Arena {
    std::mutex mutex;
    std::byte* client = nullptr;
    std::byte* own = nullptr;
    std::size_t bytes = 0;
    std::map<std::size_t, std::size_t> free;  // offset to bytes, never adjacent
    std::deque<Extent> quarantine;
    std::size_t quarantined_bytes = 0;
};

// Read by the signal handler: set once, before any address is given out.
std::atomic<const std::byte*> client_first{nullptr};
std::atomic<std::size_t> client_bytes{0};
std::atomic<std::atomic<std::uint8_t>*> page_states{nullptr};

void* map_zeros(std::size_t bytes, int sharing) {
    return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0);
}

// A second mapping of the same shared pages, without rights. It needs no file, whose size a limit
// of the process (ulimit -f) may forbid.
void* map_again(void* view, std::size_t bytes) {
    void* const second = mremap(view, 0, bytes, MREMAP_MAYMOVE);
    if (second == MAP_FAILED || mprotect(second, bytes, PROT_NONE) == 0) return second;
    munmap(second, bytes);
    return MAP_FAILED;
}

bool map_arena(Arena& into, std::size_t bytes) {
    const std::size_t pages = bytes / page_bytes();
    void* const own = map_zeros(bytes, MAP_SHARED);
    void* const client = own == MAP_FAILED ? MAP_FAILED : map_again(own, bytes);
    void* const states = map_zeros(pages, MAP_PRIVATE);
    if (client == MAP_FAILED || states == MAP_FAILED) {
        if (own != MAP_FAILED) munmap(own, bytes);
        if (client != MAP_FAILED) munmap(client, bytes);
        if (states != MAP_FAILED) munmap(states, pages);
        return false;
    }
    for (void* const view : {own, client}) madvise(view, bytes, MADV_DONTDUMP);
    into.client = static_cast<std::byte*>(client);
    into.own = static_cast<std::byte*>(own);
    into.bytes = bytes;
    into.free.emplace(0, bytes);
    page_states.store(static_cast<std::atomic<std::uint8_t>*>(states));
    client_bytes.store(bytes);
    client_first.store(into.client);
    return true;
}

Arena& arena() {
    static Arena* const kept = [] {
        auto* const made = new Arena;
        std::size_t bytes = kLargest;
        while (!map_arena(*made, bytes) && bytes > kSmallest) bytes /= 2;
        return made;
    }();
    return *kept;
}

void mark(const Extent& extent, PageState state) {
    std::atomic<std::uint8_t>* const states = page_states.load(std::memory_order_relaxed);
    const std::size_t end = (extent.offset + extent.bytes) / page_bytes();
    for (std::size_t page = extent.offset / page_bytes(); page < end; ++page) {
        states[page].store(static_cast<std::uint8_t>(state), std::memory_order_relaxed);
    }
}

void add_free(Arena& to, std::size_t offset, std::size_t bytes) {
    auto next = to.free.lower_bound(offset);
    if (next != to.free.end() && next->first == offset + bytes) {
        bytes += next->second;
        next = to.free.erase(next);
    }
    if (next != to.free.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            before->second += bytes;
            return;
        }
    }
    to.free.emplace_hint(next, offset, bytes);
}

void release_oldest(Arena& from) {
    const Extent oldest = from.quarantine.front();
    from.quarantine.pop_front();
    from.quarantined_bytes -= oldest.bytes;
    mark(oldest, PageState::unused);
    add_free(from, oldest.offset, oldest.bytes + page_bytes());
}

// Room for the extent and its unused page, or null.
std::optional<std::size_t> find_room(Arena& in, std::size_t bytes) {
    for (auto room = in.free.begin(); room != in.free.end(); ++room) {
        if (room->second < bytes) continue;
        const std::size_t offset = room->first;
        const std::size_t left = room->second - bytes;
        in.free.erase(room);
        if (left != 0) in.free.emplace(offset + bytes, left);
        return offset;
    }
    return std::nullopt;
}

}  // namespace

std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

bool has_address_space() { return arena().bytes != 0; }

std::optional<Extent> take_extent(std::size_t bytes, PageState state, Access access) {
    Arena& from = arena();
    if (bytes > from.bytes) return std::nullopt;
    Extent extent;
    extent.bytes = (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
    {
        const std::lock_guard lock(from.mutex);
        std::optional<std::size_t> offset = find_room(from, extent.bytes + page_bytes());
        while (!offset && !from.quarantine.empty()) {
            release_oldest(from);
            offset = find_room(from, extent.bytes + page_bytes());
        }
        if (!offset) return std::nullopt;
        extent.offset = *offset;
    }
    mark(extent, state);
    if (!set_access(client_view(extent), extent.bytes, access)) {
        give_back(extent);
        return std::nullopt;
    }
    return extent;
}

void mark_freed(const Extent& extent) {
    const PageState was = page_state(client_view(extent));
    mark(extent, was == PageState::device ? PageState::freed_device : PageState::freed_host);
    set_access(client_view(extent), extent.bytes, Access::none);
}

void give_back(const Extent& extent) {
    if (is_forked_child()) return;  // the pages are the parent's too
    Arena& to = arena();
    set_access(client_view(extent), extent.bytes + page_bytes(), Access::none);
    madvise(own_view(extent), extent.bytes + page_bytes(), MADV_REMOVE);
    const std::lock_guard lock(to.mutex);
    to.quarantine.push_back(extent);
    to.quarantined_bytes += extent.bytes;
    while (to.quarantine.size() > kMostQuarantined ||
           to.quarantined_bytes > kMostQuarantinedBytes) {
        release_oldest(to);
    }
}

std::byte* client_view(const Extent& extent) { return arena().client + extent.offset; }
std::byte* own_view(const Extent& extent) { return arena().own + extent.offset; }

bool set_access(const std::byte* first, std::size_t bytes, Access access) noexcept {
    int rights = PROT_NONE;
    if (access == Access::read) rights = PROT_READ;
    if (access == Access::all) rights = PROT_READ | PROT_WRITE;
    return mprotect(const_cast<std::byte*>(first), bytes, rights) == 0;
}

bool is_in_arena(const void* address) noexcept {
    const std::byte* const first = client_first.load(std::memory_order_acquire);
    const auto* const at = static_cast<const std::byte*>(address);
    return first != nullptr && at >= first &&
           static_cast<std::size_t>(at - first) < client_bytes.load(std::memory_order_relaxed);
}

PageState page_state(const void* address) noexcept {
    const std::byte* const first = client_first.load(std::memory_order_relaxed);
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - first);
    const std::size_t page = offset / page_bytes();
    return static_cast<PageState>(page_states.load()[page].load(std::memory_order_relaxed));
}

}  // namespace mgn::simulator
