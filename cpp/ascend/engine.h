// SPDX-License-Identifier: Apache-2.0
// A model file on one device: one instance and one lane per stream, all on one copy of the weights.
// One modelId may run on one stream at a time, so there are as many as lanes; all are loaded
// before any runs, because each load writes the (same) weights again. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ascend/lane.h"
#include "ascend/model_info.h"
#include "ascend/owned.h"

namespace mgn::ascend {

class Engine {
public:
    // Throws RuntimeUnavailable, DeviceError, ModelError.
    Engine(const std::string& path, std::int32_t device, std::size_t num_lanes, bool timed,
           const WantedOutput& wanted);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const ModelInfo& info() const noexcept { return info_; }
    bool shares_memory() const noexcept { return shares_memory_; }
    std::size_t weights_bytes() const noexcept { return weights_bytes_; }

    // What it takes of the device's memory while it is open: weights, work memory, the lanes'
    // buffers. Not in it is what the runtime takes for itself, as it does for models whose weights
    // cannot be shared, and what it rounds up.
    std::size_t device_bytes() const noexcept { return device_bytes_; }

    // The lanes still to be given out, one by one; null when all are.
    std::shared_ptr<Lane> take_lane();

    // Whether every lane became idle in time.
    bool wait_idle(std::chrono::duration<double> limit);

    // Waits so long for the batches in flight, then aborts the rest, where that can be done, and
    // waits a second for them; frees everything in the vendor's order; again without effect. Where
    // a lane does not become idle nothing is freed, because the device may still write there.
    // Throws the first DeviceError on the way.
    void close(std::chrono::duration<double> limit);

    // Closes all at once, so that several hung devices take no longer than one. Throws the first
    // DeviceError, after all.
    static void close_all(const std::vector<Engine*>& engines, std::chrono::duration<double> limit);

private:
    void load(const std::string& path, std::size_t num_lanes);
    void abort_all();
    void release();
    void abandon();

    std::mutex mutex_;  // guards the closing
    std::shared_ptr<Device> device_;
    bool shares_memory_ = false;
    std::size_t weights_bytes_ = 0;  // 0: every instance has its own
    std::size_t work_bytes_ = 0;     // of each instance; 0: the runtime's own
    std::size_t device_bytes_ = 0;
    ModelInfo info_;

    std::vector<std::shared_ptr<Lane>> lanes_;
    std::size_t lanes_taken_ = 0;
    DeviceBuffer weights_;
    std::vector<DeviceBuffer> works_;
    Description description_;
    std::vector<Model> models_;
};

}  // namespace mgn::ascend
