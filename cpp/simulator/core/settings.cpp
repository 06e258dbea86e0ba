// SPDX-License-Identifier: Apache-2.0
// Parses settings and keeps the ones in force. They change only while AscendCL is not initialised,
// so that readers need no lock.
#include "simulator/core/settings.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>

namespace mgn::simulator {
namespace {

using Value = const std::string&;

constexpr const char* kTimedSocVersion = "Ascend310P3";  // see profile.h

[[noreturn]] void refuse(const std::string& key, Value value, const std::string& expected) {
    throw std::invalid_argument("simulator setting " + key + " is \"" + value + "\", expected " +
                                expected);
}

// The index of the word among two.
bool second_of(const std::string& key, Value value, const char* first, const char* second) {
    if (value != first && value != second) {
        refuse(key, value, std::string(first) + " or " + second);
    }
    return value == second;
}

bool yes_no(const std::string& key, Value value) {
    return value == "true" || value == "1" ||
           second_of(key, value == "0" ? "false" : value, "false", "true");
}

std::uint64_t whole(const std::string& key, Value value, std::uint64_t low, std::uint64_t high) {
    std::uint64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stop != end || number < low || number > high) {
        refuse(key, value,
               "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return number;
}

double real(const std::string& key, Value value, double high) {
    char* stop = nullptr;
    const double number = std::strtod(value.c_str(), &stop);
    if (value.empty() || *stop != '\0' || !std::isfinite(number) || number < 0 || number > high) {
        refuse(key, value, "a number from 0 to " + std::to_string(high));
    }
    return number;
}

using Reader = std::function<void(Settings&, const std::string& key, Value)>;

std::map<std::string, Reader> make_readers() {
    constexpr double kFastestCopy = 1e15;
    constexpr double kSlowestCompute = 1e6;
    constexpr std::uint64_t kMost = UINT64_MAX;
    return {
        {"soc_version",
         [](Settings& s, const std::string& key, Value v) {
             if (v.empty() || v.size() > 60) refuse(key, v, "a name such as Ascend310P3");
             s.soc_version = v;
         }},
        {"device_count",
         [](Settings& s, const std::string& key, Value v) {
             s.device_count = static_cast<std::uint32_t>(whole(key, v, 0, 64));
         }},
        {"run_mode", [](Settings& s, const std::string& key,
                        Value v) { s.is_device = second_of(key, v, "host", "device"); }},
        {"timing", [](Settings& s, const std::string& key, Value v) { s.timing = yes_no(key, v); }},
        {"compute",
         [](Settings& s, const std::string& key, Value v) {
             s.compute = second_of(key, v, "onnx", "deterministic") ? Compute::deterministic
                                                                    : Compute::onnx;
         }},
        {"on_violation",
         [](Settings& s, const std::string& key, Value v) {
             s.on_violation =
                 second_of(key, v, "error", "abort") ? OnViolation::abort : OnViolation::error;
         }},
        {"guard", [](Settings& s, const std::string& key, Value v) { s.guard = yes_no(key, v); }},
        {"copy_in_bytes_per_s",
         [](Settings& s, const std::string& key, Value v) {
             s.copy_in_bytes_per_s = real(key, v, kFastestCopy);
         }},
        {"copy_out_bytes_per_s",
         [](Settings& s, const std::string& key, Value v) {
             s.copy_out_bytes_per_s = real(key, v, kFastestCopy);
         }},
        {"compute_slowdown", [](Settings& s, const std::string& key,
                                Value v) { s.compute_slowdown = real(key, v, kSlowestCompute); }},
        {"jitter",
         [](Settings& s, const std::string& key, Value v) { s.jitter = real(key, v, 1); }},
        {"task_delay_s",
         [](Settings& s, const std::string& key, Value v) { s.task_delay_s = real(key, v, 60); }},
        {"seed",
         [](Settings& s, const std::string& key, Value v) { s.seed = whole(key, v, 0, kMost); }},
        {"memory_bytes",
         [](Settings& s, const std::string& key, Value v) {
             s.memory_bytes = whole(key, v, 0, std::uint64_t{1} << 40);
         }},
        {"streams_per_device",
         [](Settings& s, const std::string& key, Value v) {
             s.streams_per_device = static_cast<std::uint32_t>(whole(key, v, 2, 65536));
         }},
        {"events_per_device",
         [](Settings& s, const std::string& key, Value v) {
             s.events_per_device = static_cast<std::uint32_t>(whole(key, v, 0, 1 << 20));
         }},
        {"cann",
         [](Settings& s, const std::string& key, Value v) {
             if (find_generation(v) == nullptr) refuse(key, v, "one of " + generation_names());
             s.cann = v;
         }},
        {"calls_missing", [](Settings& s, const std::string&, Value v) { s.calls_missing = v; }},
    };
}

void read_one(Settings& into, const std::string& entry) {
    static const auto* const readers = new std::map<std::string, Reader>(make_readers());
    const std::size_t equals = entry.find('=');
    const std::string key = entry.substr(0, equals);
    const auto reader = readers->find(key);
    if (equals == std::string::npos || reader == readers->end()) {
        std::string known;
        for (const auto& [name, read] : *readers) known += " " + name;
        throw std::invalid_argument("simulator setting \"" + entry +
                                    "\" is not one of key=value with these keys:" + known);
    }
    reader->second(into, key, entry.substr(equals + 1));
}

struct InForce {
    Settings settings;
    std::string error;  // what is wrong with the environment's text, if anything is
};

InForce& in_force() {
    static InForce* const current = [] {
        auto* const made = new InForce;
        const char* text = std::getenv("MGN_FAST_SIMULATOR");
        try {
            made->settings = parse_settings(text == nullptr ? "" : text);
        } catch (const std::invalid_argument& wrong) {
            made->error = std::string("MGN_FAST_SIMULATOR: ") + wrong.what();
        }
        return made;
    }();
    return *current;
}

}  // namespace

Settings parse_settings(const std::string& text) {
    Settings read;
    std::size_t start = 0;
    while (start < text.size()) {
        std::size_t end = text.find_first_of(";\n", start);
        if (end == std::string::npos) end = text.size();
        if (end > start) read_one(read, text.substr(start, end - start));
        start = end + 1;
    }
    if (read.timing && read.soc_version != kTimedSocVersion) {
        refuse("soc_version", read.soc_version,
               std::string(kTimedSocVersion) +
                   ", the only one whose times are published; set timing=false for any other");
    }
    return read;
}

std::string missing_calls(const Settings& of) {
    const Generation* const generation = find_generation(of.cann);
    return (of.calls_missing.empty() ? "" : of.calls_missing + ",") +
           functions_after(*generation);
}

const Settings& settings() { return in_force().settings; }

const std::string& settings_error() { return in_force().error; }

void set_settings(const Settings& next) {
    in_force().settings = next;
    in_force().error.clear();
}

}  // namespace mgn::simulator
