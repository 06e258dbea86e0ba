// SPDX-License-Identifier: Apache-2.0
// The ledger's maps, under one lock that is taken last: nothing else is locked while it is held.
#include "simulator/core/ledger.h"

#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "simulator/core/call.h"
#include "simulator/core/json.h"

namespace mgn::simulator {
namespace {

struct Object {
    std::size_t bytes;
    const char* call;
};

struct Kind {
    std::unordered_map<const void*, Object> live;
    std::uint64_t live_bytes = 0;
    std::uint64_t created = 0;
};

struct Violation {
    std::string call;
    std::string rule;
    std::string detail;
};

constexpr std::size_t kMostTold = 1000;

struct Ledger {
    std::mutex mutex;
    std::map<std::string, Kind, std::less<>> kinds;
    std::vector<Violation> violations;
    std::map<std::string, std::uint64_t> violation_counts;
    std::uint64_t initialised = 0;
};

Ledger& ledger() {
    static Ledger* const kept = new Ledger;
    return *kept;
}

Kind& kind_of(Ledger& all, const char* kind) {
    const auto found = all.kinds.find(std::string_view(kind));
    return found != all.kinds.end() ? found->second : all.kinds[kind];
}

std::string violations_json(const std::vector<Violation>& violations) {
    std::string out = "[";
    const char* separator = "";
    for (const Violation& one : violations) {
        out += separator;
        out += "{\"call\": ";
        append_json(out, one.call);
        out += ", \"rule\": ";
        append_json(out, one.rule);
        out += ", \"detail\": ";
        append_json(out, one.detail);
        out += '}';
        separator = ", ";
    }
    return out + ']';
}

}  // namespace

void ledger_created(const char* kind, const void* object, std::size_t bytes, const char* call) {
    Ledger& all = ledger();
    const std::lock_guard lock(all.mutex);
    Kind& of = kind_of(all, kind);
    of.live[object] = {bytes, call};
    of.live_bytes += bytes;
    ++of.created;
}

void ledger_released(const char* kind, const void* object) {
    Ledger& all = ledger();
    const std::lock_guard lock(all.mutex);
    Kind& of = kind_of(all, kind);
    const auto found = of.live.find(object);
    if (found == of.live.end()) return;
    of.live_bytes -= found->second.bytes;
    of.live.erase(found);
}

void ledger_violation(const char* call, const std::string& rule, const std::string& detail) {
    Ledger& all = ledger();
    const std::lock_guard lock(all.mutex);
    ++all.violation_counts[rule];
    if (all.violations.size() < kMostTold) all.violations.push_back({call, rule, detail});
}

void ledger_initialised() {
    Ledger& all = ledger();
    const std::lock_guard lock(all.mutex);
    ++all.initialised;
}

std::string ledger_json() {
    const auto calls = call_counts();
    Ledger& all = ledger();
    const std::lock_guard lock(all.mutex);
    std::map<std::string, std::uint64_t> live;
    std::map<std::string, std::uint64_t> live_bytes;
    std::map<std::string, std::uint64_t> created;
    for (const auto& [name, kind] : all.kinds) {
        live[name] = kind.live.size();
        live_bytes[name] = kind.live_bytes;
        created[name] = kind.created;
    }
    std::string out = "{\"live\": ";
    append_json_counts(out, live);
    out += ", \"live_bytes\": ";
    append_json_counts(out, live_bytes);
    out += ", \"created\": ";
    append_json_counts(out, created);
    out += ", \"violations\": " + violations_json(all.violations) + ", \"violation_counts\": ";
    append_json_counts(out, all.violation_counts);
    out += ", \"calls\": ";
    append_json_counts(out, calls);
    return out + ", \"init\": " + std::to_string(all.initialised) + "}";
}

void ledger_check_empty(const char* call) {
    std::vector<std::pair<std::string, std::string>> leaks;
    {
        Ledger& all = ledger();
        const std::lock_guard lock(all.mutex);
        for (const auto& [name, kind] : all.kinds) {
            if (kind.live.empty()) continue;
            const Object& first = kind.live.begin()->second;
            leaks.emplace_back("leak of " + name, std::to_string(kind.live.size()) +
                                                      " not released, one of them made by " +
                                                      first.call);
        }
    }
    for (const auto& [rule, detail] : leaks) report_violation(call, rule, detail);
}

void reset_ledger() {
    reset_call_counts();
    Ledger& all = ledger();
    const std::lock_guard lock(all.mutex);
    all.violations.clear();
    all.violation_counts.clear();
    all.initialised = 0;
    for (auto& [name, kind] : all.kinds) kind.created = 0;
}

void lock_ledger() { ledger().mutex.lock(); }
void unlock_ledger() { ledger().mutex.unlock(); }

}  // namespace mgn::simulator
