// SPDX-License-Identifier: Apache-2.0
// What the simulated machine is: read once from text, before the first aclInit or between two of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "simulator/core/generations.h"

namespace mgn::simulator {

enum class Compute { onnx, deterministic };
enum class OnViolation { error, abort };

struct Settings {
    std::string soc_version = "Ascend310P3";
    std::uint32_t device_count = 1;
    bool is_device = false;  // an RC board: ACL_DEVICE, host and device share memory
    bool timing = true;
    Compute compute = Compute::onnx;  // falls to deterministic where no executor is registered
    OnViolation on_violation = OnViolation::error;
    bool guard = true;                // pages of buffers in flight are protected against the host
    double copy_in_bytes_per_s = 0;   // host to device; 0: the profile's
    double copy_out_bytes_per_s = 0;  // device to host; 0: the profile's
    double compute_slowdown = 1;      // how many times as long as published computing takes
    double jitter = 0;                // share of a task's time, uniform, seeded
    double task_delay_s = 0;          // every task waits up to this long, uniform, seeded
    std::uint64_t seed = 0;
    std::uint64_t memory_bytes = std::uint64_t{21} << 30;  // of each device
    std::optional<std::uint32_t> streams_per_device;       // without one as many as the chip has
    std::optional<std::uint32_t> events_per_device;
    std::string cann = kNewestGeneration;
    std::string calls_missing;  // separated by commas
};

// Reads "key=value" entries that end with ';' or a line; the docstring of mgn_fast.simulator tells
// keys and values. Throws std::invalid_argument that names the key.
Settings parse_settings(const std::string& text);

// The settings in force. Starts from the environment's MGN_FAST_SIMULATOR.
const Settings& settings();
void set_settings(const Settings& next);

// The functions that are hidden, by name or because they came after the generation, each followed
// by a comma. They return 207000, and mgnsim_is_missing tells.
std::string missing_calls(const Settings& of);

// What is wrong with the environment's text, which aclInit then tells; empty: nothing, or it does
// not matter any more.
const std::string& settings_error();

}  // namespace mgn::simulator
