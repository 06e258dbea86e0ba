// SPDX-License-Identifier: Apache-2.0
// The events of a batch, and the host's time made of what the device says of them. Does not know
// what ran in between. No lock of its own: its lane's mutex is held.
#include "ascend/timeline.h"

#include <algorithm>
#include <chrono>

namespace mgn::ascend {

namespace {

double now_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Timeline::Timeline(std::shared_ptr<Device> device, std::size_t num_marks)
    : device_(std::move(device)) {
    for (std::size_t i = 0; i < num_marks; ++i) events_.push_back(make_event(device_));
}

void Timeline::begin(const Stream& stream) {
    num_recorded_ = 0;
    failed_ = false;
    recorded_s_ = now_s();
    mark(stream);
    began_s_ = now_s();
}

void Timeline::mark(const Stream& stream) {
    if (failed_) return;
    const Api& api = device_->api();
    failed_ = api.record_event(events_[num_recorded_++].get(), stream.get()) != kSuccess;
    if (failed_) device_->runtime().forget_failure();
}

std::vector<double> Timeline::times() const {
    if (failed_ || num_recorded_ != events_.size()) return {};
    const Api& api = device_->api();
    Answer failure;
    const ContextScope scope(*device_, failure);
    std::vector<double> times = {began_s_};
    float last_ms = 0;
    for (std::size_t i = 1; i < events_.size(); ++i) {
        float ms = 0;
        if (failure.code == kSuccess) {
            failure.code = api.elapsed_time(&ms, events_.front().get(), events_[i].get());
        }
        if (failure.code != kSuccess) {
            device_->runtime().forget_failure();
            return {};
        }
        if (!(ms >= last_ms)) return {};  // a clock that went back says nothing
        last_ms = ms;
        times.push_back(recorded_s_ + static_cast<double>(ms) / 1000);
    }
    times.front() = std::min(times[0], times[1]);
    return times;
}

}  // namespace mgn::ascend
