// SPDX-License-Identifier: Apache-2.0
// Every live object of the client's, what was ever created, violations and calls. Any thread. Who
// reads, checks or resets it calls tell_host_accesses first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mgn::simulator {

// The kinds are the keys of the ledger: "context", "stream", "event", "device_memory",
// "pinned_memory", "model", "description", "dataset", "data_buffer", "tensor_description", "aipp",
// "config"; those of the media unit's settings and of operators', which each name their own.
void ledger_created(const char* kind, const void* object, std::size_t bytes, const char* call);
void ledger_released(const char* kind, const void* object);

// Counts only; Call::violation is what callers want.
void ledger_violation(const char* call, const std::string& rule, const std::string& detail);

// The process was initialised once more.
void ledger_initialised();

// JSON: {"live": {kind: count}, "live_bytes": {kind: n}, "created": {kind: count}, "violations":
// [{"call", "rule", "detail"}], "violation_counts": {rule: n}, "calls": {name: count}, "init": n}.
// The first thousand violations are told, all are counted.
std::string ledger_json();

// At aclFinalize: whatever still lives becomes one violation each kind.
void ledger_check_empty(const char* call);

// Forgets violations and counts of the past; live objects stay.
void reset_ledger();

// For fork(): the child finds the lock free.
void lock_ledger();
void unlock_ledger();

}  // namespace mgn::simulator
