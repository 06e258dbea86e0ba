// SPDX-License-Identifier: Apache-2.0
// The records of a trace, bounded so that a forgotten one does not fill the memory.
#include "simulator/streams/trace.h"

#include <mutex>
#include <vector>

#include "simulator/core/json.h"
#include "simulator/streams/worker.h"

namespace mgn::simulator {

std::atomic<bool> trace_is_on{false};

namespace {

struct Record {
    std::string name;
    std::string note;
    Occupies occupies;
    std::uint32_t device;
    std::uint64_t stream;
    Outcome outcome;
    Nanoseconds done;
};

constexpr std::size_t kMostRecords = 1000000;

struct Trace {
    std::mutex mutex;  // taken last
    std::vector<Record> records;
    Nanoseconds started = 0;
};

Trace& trace() {
    static Trace* const kept = new Trace;
    return *kept;
}

const char* name_of(Occupies engine) {
    constexpr const char* kNames[] = {"none", "copy_in", "copy_out", "compute"};
    return kNames[static_cast<int>(engine)];
}

void append_seconds(std::string& out, const char* key, Nanoseconds time) {
    char text[64];
    std::snprintf(text, sizeof text, "\"%s\": %.9f, ", key, to_s(time));
    out += text;
}

}  // namespace

void trace_task(const Task& task, std::uint32_t device, std::uint64_t stream,
                const Outcome& outcome, Nanoseconds now) {
    Trace& all = trace();
    const std::lock_guard lock(all.mutex);
    if (all.records.size() >= kMostRecords) return;
    all.records.push_back(
        {task.name, task.trace_note, task.occupies, device, stream, outcome, now});
}

void start_trace() {
    Trace& all = trace();
    const std::lock_guard lock(all.mutex);
    all.records.clear();
    all.started = now_ns();
    trace_is_on.store(true);
}

void stop_trace() { trace_is_on.store(false); }

std::string trace_json() {
    Trace& all = trace();
    const std::lock_guard lock(all.mutex);
    std::string out;
    for (const Record& one : all.records) {
        out += "{\"name\": ";
        append_json(out, one.name);
        out += ", \"engine\": ";
        append_json(out, name_of(one.occupies));
        out += ", \"device\": " + std::to_string(one.device) +
               ", \"stream\": " + std::to_string(one.stream) +
               ", \"code\": " + std::to_string(one.outcome.code) + ", ";
        append_seconds(out, "start_s", one.outcome.start - all.started);
        append_seconds(out, "end_s", one.outcome.end - all.started);
        append_seconds(out, "done_s", one.done - all.started);
        out += "\"note\": ";
        append_json(out, one.note);
        out += "}\n";
    }
    return out;
}

}  // namespace mgn::simulator
