// SPDX-License-Identifier: Apache-2.0
// Extents are given out lowest address first from a free list, into which freed ones come after a
// time in quarantine: page tables and marks stay small however often memory comes and goes.
#include "simulator/memory/arena.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "simulator/core/call.h"

namespace mgn::simulator {
namespace {

constexpr std::size_t kLargest = std::size_t{256}
                                 << 30;                  // two views of it fit beside TSan's shadow
// From a file: more than a device has, and little enough for emulators that note every page.
constexpr std::size_t kLargestOfFile = std::size_t{32} << 30;
constexpr std::size_t kSmallest = std::size_t{1} << 30;  // where the address space is limited
constexpr std::size_t kMostQuarantined = 1024;
constexpr std::size_t kMostQuarantinedBytes = std::size_t{4} << 30;

struct Arena {
    std::mutex mutex;
    std::byte* client = nullptr;
    std::byte* own = nullptr;
    std::size_t bytes = 0;
    int file = -1;         // what both views show, where pages cannot be mapped again
    struct stat its = {};  // of the file when it was made
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

// Whether the system maps pages again and takes their contents back when told. Emulators of one
// process's system calls refuse the first (qemu 7.2) or ignore the second (qemu 10).
bool can_map_again() {
    const std::size_t bytes = page_bytes();
    void* const first = map_zeros(bytes, MAP_SHARED);
    if (first == MAP_FAILED) return true;  // no memory at all, whichever way
    void* const second = mremap(first, 0, bytes, MREMAP_MAYMOVE);
    bool can = second != MAP_FAILED;
    if (can) {
        auto* const byte = static_cast<unsigned char*>(second);
        *byte = 1;
        can = madvise(first, bytes, MADV_REMOVE) == 0 && *byte == 0;
        munmap(second, bytes);
    }
    munmap(first, bytes);
    return can;
}

// Gives the arena a file without a name. False where the system refuses; growing beyond the limit
// of file sizes would end the process by a signal.
bool make_file(Arena& into, std::size_t bytes) {
    rlimit limit{};
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) return false;
    // By its number: glibc has a function for it since 2.27 only.
    const auto file =
        static_cast<int>(syscall(SYS_memfd_create, "mgn_fast simulator", MFD_CLOEXEC));
    if (file < 0) return false;
    if (ftruncate(file, static_cast<off_t>(bytes)) != 0 || fstat(file, &into.its) != 0) {
        close(file);
        return false;
    }
    into.file = file;
    return true;
}

void* map_file(int file, std::size_t bytes, int rights) {
    return mmap(nullptr, bytes, rights, MAP_SHARED | MAP_NORESERVE, file, 0);
}

bool map_views(Arena& into, std::size_t bytes) {
    const bool of_file = into.file >= 0;
    void* const own = of_file ? map_file(into.file, bytes, PROT_READ | PROT_WRITE)
                              : map_zeros(bytes, MAP_SHARED);
    if (own == MAP_FAILED) return false;
    void* const client = of_file ? map_file(into.file, bytes, PROT_NONE) : map_again(own, bytes);
    void* const states = map_zeros(bytes / page_bytes(), MAP_PRIVATE);
    if (client == MAP_FAILED || states == MAP_FAILED) {
        munmap(own, bytes);
        if (client != MAP_FAILED) munmap(client, bytes);
        if (states != MAP_FAILED) munmap(states, bytes / page_bytes());
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

// The way is decided once: no size is tried both ways.
bool map_arena(Arena& into, std::size_t bytes, bool again) {
    if (!again && !make_file(into, bytes)) return false;
    if (map_views(into, bytes)) return true;
    if (!again) {
        close(into.file);
        into.file = -1;
    }
    return false;
}

Arena& arena() {
    static Arena* const kept = [] {
        auto* const made = new Arena;
        const bool again = can_map_again();
        std::size_t bytes = again ? kLargest : kLargestOfFile;
        while (!map_arena(*made, bytes, again) && bytes > kSmallest) bytes /= 2;
        return made;
    }();
    return *kept;
}

// Zeroes whole pages and returns them to the system.
void discard(const Arena& from, std::size_t offset, std::size_t bytes) {
    std::byte* const first = from.own + offset;
    if (from.file < 0) {
        madvise(first, bytes, MADV_REMOVE);
        return;
    }
    // A client that closes all files may have another one by this number.
    struct stat now{};
    const bool is_ours = fstat(from.file, &now) == 0 && now.st_dev == from.its.st_dev &&
                         now.st_ino == from.its.st_ino;
    if (!is_ours || fallocate(from.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(offset), static_cast<off_t>(bytes)) != 0) {
        std::memset(first, 0, bytes);
    }
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
bool is_mapped_from_file() { return arena().file >= 0; }

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
    discard(to, extent.offset, extent.bytes + page_bytes());
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
