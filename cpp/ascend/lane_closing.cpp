// SPDX-License-Identifier: Apache-2.0
// The end of a lane: what still runs is dropped or given up, then all is freed. engine.cpp says in
// which order. Any thread: all state is under the mutex, which is not held while the vendor aborts.
#include "ascend/error_names.h"
#include "ascend/lane.h"

namespace mgn::ascend {

// The vendor's call may take its time, so the mutex is not held; and a stream that has dropped
// what it had is through with it as if all were well.
void Lane::abort(const DeviceError& dropped) {
    const auto& abort_stream = device_->api().abort_stream;
    if (!abort_stream.is_loaded()) return;
    const ContextScope scope(*device_);
    {
        const Lock lock(mutex_);
        aborting_ = true;
    }
    const aclError code = abort_stream(stream_.get());
    const Lock lock(mutex_);
    aborting_ = false;
    const auto outcome = std::exchange(outcome_, std::nullopt);
    if (!is_unsupported(code)) {
        lost_ = dropped;
        end(dropped);
    } else if (outcome) {
        end(*outcome);
    }
    ended_.notify_all();
    if (is_unsupported(code) || is_timeout(code)) return device_->runtime().forget_failure();
    if (code != kSuccess) throw device_->runtime().error(abort_stream.name, code);
}

void Lane::stop_taking() {
    const Lock lock(mutex_);
    closing_ = true;
}

void Lane::give_up(const DeviceError& failure) {
    const Lock lock(mutex_);
    lost_ = failure;
    end(failure);
}

void Lane::free_buffers() {
    const Lock lock(mutex_);
    outputs_ = Dataset();
    inputs_ = Dataset();
    output_buffers_.clear();
    input_buffers_.clear();
    embeddings_ = nullptr;
    input_ = nullptr;
}

void Lane::free_stream() {
    const Lock lock(mutex_);
    timeline_ = nullptr;
    progress_ = Event();
    stream_ = Stream();
    device_ = nullptr;  // whoever still has the lane or a batch of it keeps no context alive
}

}  // namespace mgn::ascend
