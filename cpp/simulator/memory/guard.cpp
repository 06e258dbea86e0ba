// SPDX-License-Identifier: Apache-2.0
// The guards of one allocation are a short list under its lock, so that overlapping ones end in any
// order. The signal handler uses nothing but atomics, mprotect and write.
#include "simulator/memory/guard.h"

#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include "simulator/core/call.h"
#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/memory/fault_record.h"

namespace mgn::simulator {
namespace {

Access stronger(Access one, Access other) { return std::min(one, other); }

// The rights of [first, first + bytes) that the guards in force leave, page by page.
void apply(const GuardList& guards, const std::byte* first, std::size_t bytes) {
    const std::byte* const end = first + bytes;
    const auto overlaps = [&](const GuardRange& g) {
        return g.first < end && first < g.first + g.bytes;
    };
    const auto hit = std::find_if(guards.begin(), guards.end(), overlaps);
    if (hit == guards.end()) {
        set_access(first, bytes, Access::all);
        return;
    }
    for (const std::byte* page = first; page < end; page += page_bytes()) {
        Access left = Access::all;
        for (const GuardRange& g : guards) {
            if (page >= g.first && page < g.first + g.bytes) left = stronger(left, g.access);
        }
        set_access(page, page_bytes(), left);
    }
}

const std::byte* round_down(const std::byte* at) {
    return at - reinterpret_cast<std::uintptr_t>(at) % page_bytes();
}

}  // namespace

Guard::Guard(Held memory, const void* address, std::size_t bytes, Access access)
    : memory_(std::move(memory)), access_(access) {
    const auto* const begin = static_cast<const std::byte*>(address);
    const std::byte* const end = begin + bytes;
    const std::byte* const memory_end = memory_->address + memory_->size;
    const std::byte* const last = end == memory_end ? end + page_bytes() - 1 : end;
    first_ = round_down(begin + page_bytes() - 1);
    const std::byte* const stop = round_down(last);
    if (stop <= first_) {
        memory_ = nullptr;
        return;
    }
    bytes_ = static_cast<std::size_t>(stop - first_);
    const std::lock_guard lock(memory_->mutex);
    memory_->guards.push_back({first_, bytes_, access_});
    if (memory_->guards.size() == 1) {
        set_access(first_, bytes_, access_);
    } else {
        apply(memory_->guards, first_, bytes_);
    }
}

Guard& Guard::operator=(Guard&& other) noexcept {
    if (this == &other) return *this;
    end();
    memory_ = std::exchange(other.memory_, nullptr);
    first_ = other.first_;
    bytes_ = other.bytes_;
    access_ = other.access_;
    return *this;
}

void Guard::end() noexcept {
    if (memory_ == nullptr) return;
    {
        const std::lock_guard lock(memory_->mutex);
        GuardList& guards = memory_->guards;
        const auto own = std::find_if(guards.begin(), guards.end(), [&](const GuardRange& g) {
            return g.first == first_ && g.bytes == bytes_ && g.access == access_;
        });
        if (own != guards.end()) guards.erase(own);
        // A freed allocation has no rights any more and gets none back.
        if (!memory_->freed.load()) apply(guards, first_, bytes_);
    }
    memory_ = nullptr;
}

namespace {

struct HostAccess {
    std::atomic<const void*> address{nullptr};
    PageState state = PageState::unused;
    Seen seen = Seen::unknown;
    std::atomic<bool> complete{false};
};

std::array<HostAccess, 256> host_accesses;
std::atomic<std::size_t> num_host_accesses{0};
std::atomic<bool> abort_on_access{false};
struct sigaction previous_action;

const char* rule_of(PageState state, Seen seen) {
    switch (state) {
        case PageState::device:
            return "host access to device memory";
        case PageState::host:
            if (seen == Seen::unknown) return "buffer touched in flight, read or write unknown";
            return seen == Seen::read ? "buffer read before its copy was done"
                                      : "buffer rewritten in flight";
        case PageState::freed_device:
        case PageState::freed_host:
            return "host access to freed memory";
        case PageState::unused:
            break;
    }
    return "host access outside of memory";
}

Seen kind_of_access(const void* context) {
    const auto* const machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return (machine->gregs[REG_ERR] & 2) != 0 ? Seen::write : Seen::read;
#elif defined(__aarch64__)
    return seen_in_records(machine->__reserved, sizeof machine->__reserved);
#else
    static_cast<void>(machine);
    return Seen::unknown;
#endif
}

void say(const char* text) {
    const std::size_t size = std::strlen(text);
    if (write(STDERR_FILENO, text, size) < 0) return;
}

void say_address(const void* address) {
    char text[19] = "0x";
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    for (int digit = 0; digit < 16; ++digit) {
        text[2 + digit] = "0123456789abcdef"[(number >> (60 - 4 * digit)) & 15];
    }
    text[18] = '\0';
    say(text);
}

void note(const void* address, PageState state, Seen seen) {
    if (abort_on_access.load()) {
        say("mgn_fast simulator: violation by the host: ");
        say(rule_of(state, seen));
        say(" at ");
        say_address(address);
        say("\n");
        std::abort();
    }
    const std::size_t slot = num_host_accesses.fetch_add(1);
    if (slot >= host_accesses.size()) return;
    HostAccess& entry = host_accesses[slot];
    entry.address.store(address);
    entry.state = state;
    entry.seen = seen;
    entry.complete.store(true, std::memory_order_release);
}

void pass_on(int signal, siginfo_t* info, void* context) {
    if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(signal, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(signal);
    } else {
        // The access runs again and ends the process as it would without us.
        struct sigaction fresh{};
        fresh.sa_handler = SIG_DFL;
        sigaction(signal, &fresh, nullptr);
    }
}

void on_access_refused(int signal, siginfo_t* info, void* context) {
    const int error = errno;
    const void* const address = info->si_addr;
    if (info->si_code > 0 && is_in_arena(address)) {
        note(address, page_state(address), kind_of_access(context));
        // Opened, so that the program goes on; a guard or the free of the memory closes it.
        if (set_access(round_down(static_cast<const std::byte*>(address)), page_bytes(),
                       Access::all)) {
            errno = error;
            return;
        }
    }
    errno = error;
    pass_on(signal, info, context);
}

}  // namespace

void watch_host_accesses() {
    abort_on_access.store(settings().on_violation == OnViolation::abort);
    static const bool installed = [] {
        // Known before ours is there: any thread may need it at once.
        if (sigaction(SIGSEGV, nullptr, &previous_action) != 0) return false;
        struct sigaction own{};
        own.sa_sigaction = on_access_refused;
        own.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigemptyset(&own.sa_mask);
        return sigaction(SIGSEGV, &own, nullptr) == 0;
    }();
    static_cast<void>(installed);
}

void tell_host_accesses() {
    if (is_forked_child()) return;                // its locks may be held for ever
    static auto* const telling = new std::mutex;  // taken first
    static std::size_t told = 0;                  // of the slots in use
    const std::lock_guard lock(*telling);
    std::size_t seen = num_host_accesses.load();
    if (seen == 0) return;
    for (HostAccess& entry : host_accesses) {
        if (!entry.complete.exchange(false, std::memory_order_acq_rel)) continue;
        ++told;
        char address[24];
        const void* const at = entry.address.load();
        std::snprintf(address, sizeof address, "%p", at);
        const char* verb = entry.seen == Seen::read ? "read of " : "write to ";
        ledger_violation("host", rule_of(entry.state, entry.seen),
                         (entry.seen == Seen::unknown ? "access to " : verb) +
                             std::string(address) + ", " + describe_memory(at));
    }
    // A slot that a thread is still filling, or has just taken, is told the next time.
    const std::size_t more = seen - std::min(seen, host_accesses.size());
    if (told + more != seen || !num_host_accesses.compare_exchange_strong(seen, 0)) return;
    told = 0;
    if (more == 0) return;
    ledger_violation("host", "host accesses not told", std::to_string(more) + " more pages");
}

}  // namespace mgn::simulator
