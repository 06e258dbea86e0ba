// SPDX-License-Identifier: Apache-2.0
// What the kernel tells a signal handler of a refused access on AArch64: a list of records, each
// with a magic number and its size. Of any machine, so that it can be tested on any. Safe in a
// signal handler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mgn::simulator {

// `unknown` where the frame does not say: emulators leave the record out.
enum class Seen : int { unknown, read, write };

// The access by the record of the exception's syndrome (struct esr_context of the kernel's
// asm/sigcontext.h): of a data abort, bit 6 says "write, not read". What is no list of records,
// or ends too early, says nothing.
inline Seen seen_in_records(const unsigned char* records, std::size_t bytes) noexcept {
    constexpr std::uint32_t kSyndromeMagic = 0x45535201u;
    constexpr std::size_t kHead = 8;
    constexpr std::uint64_t kWrite = std::uint64_t{1} << 6;
    constexpr std::uint64_t kDataAbort = 0x24;  // of a user's program; 0x25 of the kernel's own
    std::size_t at = 0;
    while (bytes - at >= kHead) {
        std::uint32_t magic = 0;
        std::uint32_t size = 0;
        std::memcpy(&magic, records + at, sizeof magic);
        std::memcpy(&size, records + at + sizeof magic, sizeof size);
        if (magic == 0 || size < kHead || size > bytes - at) break;
        if (magic == kSyndromeMagic && size >= kHead + sizeof(std::uint64_t)) {
            std::uint64_t syndrome = 0;
            std::memcpy(&syndrome, records + at + kHead, sizeof syndrome);
            const std::uint64_t exception = syndrome >> 26 & 0x3f;
            if ((exception | 1) != (kDataAbort | 1)) return Seen::unknown;
            return (syndrome & kWrite) != 0 ? Seen::write : Seen::read;
        }
        at += size;
    }
    return Seen::unknown;
}

}  // namespace mgn::simulator
