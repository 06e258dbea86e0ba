// SPDX-License-Identifier: Apache-2.0
// Loads the instances, gives out their lanes and closes all in the vendor's order. Knows nothing of
// what a lane does with a batch. Any thread; closing is under the mutex.
#include "ascend/engine.h"

#include <algorithm>
#include <exception>
#include <thread>

namespace mgn::ascend {

namespace {

constexpr std::chrono::seconds kCloseLimit(2);
constexpr std::chrono::seconds kAbortLimit(1);

using Seconds = std::chrono::duration<double>;
using Lanes = std::vector<std::shared_ptr<Lane>>;

// Whether all became idle in time.
bool become_idle(const Lanes& lanes, std::chrono::duration<double> limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    const auto idle = [](const std::shared_ptr<Lane>& lane) { return lane->idle(); };
    while (!std::all_of(lanes.begin(), lanes.end(), idle)) {
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
}

}  // namespace

Engine::Engine(const std::string& path, std::int32_t device, std::size_t num_lanes, bool timed,
               const WantedOutput& wanted)
    : device_(Runtime::open_device(device)), shares_memory_(device_->shares_memory()) {
    const ContextScope scope(*device_);
    load(path, num_lanes);
    description_ = make_description(device_, models_.front().get());
    info_ = read_model_info(device_->runtime(), description_.get(), path, wanted);
    for (const Model& model : models_) {
        lanes_.push_back(std::make_shared<Lane>(device_, info_, model.get(), timed));
    }
    device_bytes_ =
        weights_bytes_ + works_.size() * work_bytes_ + lanes_.size() * info_.buffer_bytes();
}

void Engine::load(const std::string& path, std::size_t num_lanes) {
    const Runtime& runtime = device_->runtime();
    const Api& api = device_->api();
    runtime.call(api.query_size, path.c_str(), &work_bytes_, &weights_bytes_);
    if (weights_bytes_ != 0) weights_ = make_device_buffer(device_, weights_bytes_);
    for (std::size_t i = 0; i < num_lanes; ++i) {
        std::uint32_t model = 0;
        if (weights_bytes_ == 0) {  // kept outside the file, or none: nothing that could be shared
            runtime.call(api.load, path.c_str(), &model);
        } else {
            if (work_bytes_ != 0) works_.push_back(make_device_buffer(device_, work_bytes_));
            void* const work = work_bytes_ == 0 ? nullptr : works_.back().get();
            runtime.call(api.load_with_memory, path.c_str(), &model, work, work_bytes_,
                         weights_.get(), weights_bytes_);
        }
        models_.emplace_back(device_, model);
    }
}

Engine::~Engine() {
    try {
        close(kCloseLimit);
    } catch (const DeviceError& failure) {
        FailedReleases::note(failure);
    }
}

std::shared_ptr<Lane> Engine::take_lane() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lanes_taken_ < lanes_.size() ? lanes_[lanes_taken_++] : nullptr;
}

bool Engine::wait_idle(std::chrono::duration<double> limit) {
    Runtime::require_own_process();  // before the lock, which a fork may hold
    std::unique_lock<std::mutex> lock(mutex_);
    if (!device_ || !device_->runtime().may_call()) return true;
    const Lanes lanes = lanes_;
    lock.unlock();  // another thread may close meanwhile
    return become_idle(lanes, limit);
}

void Engine::close(std::chrono::duration<double> limit) {
    if (!Runtime::is_own_process()) return abandon();  // before the lock, which a fork may hold
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!device_) return;
    if (!device_->runtime().may_call()) return abandon();
    const FailedReleases failed;
    for (const std::shared_ptr<Lane>& lane : lanes_) lane->stop_taking();
    if (!become_idle(lanes_, limit)) abort_all();
    release();
    failed.throw_first();
}

void Engine::close_all(const std::vector<Engine*>& engines, std::chrono::duration<double> limit) {
    std::vector<std::exception_ptr> failures(engines.size());
    const auto close_one = [&](std::size_t i, std::chrono::duration<double> rest) {
        try {
            engines[i]->close(rest);
        } catch (...) {
            failures[i] = std::current_exception();
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(engines.size());
    for (std::size_t i = 0; i < engines.size(); ++i) {
        const bool is_last = i + 1 == engines.size();
        try {
            if (!is_last && Runtime::is_own_process() && !engines[i]->wait_idle(Seconds(0))) {
                threads.emplace_back(close_one, i, limit);
                continue;
            }
        } catch (const std::exception&) {
            // There is no thread to be had: the devices close one after the other.
        }
        close_one(i, limit);
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

// Throws DeviceError, and frees nothing, where a lane still is not idle afterwards.
void Engine::abort_all() {
    const DeviceError dropped(
        "the batch was dropped, because its session was closed before it ended",
        device_->api().abort_stream.name, kRtStreamAbort, "", false);
    for (const std::shared_ptr<Lane>& lane : lanes_) {
        try {
            if (!lane->idle()) lane->abort(dropped);
        } catch (const DeviceError& failure) {
            FailedReleases::note(failure);
        }
    }
    if (become_idle(lanes_, kAbortLimit)) return;
    const DeviceError stuck(
        "the device still runs a batch; its memory stays taken until the process ends",
        device_->api().synchronize_stream_with_timeout.name, kRtStreamSyncTimeout, "", false);
    for (const std::shared_ptr<Lane>& lane : lanes_) lane->give_up(stuck);
    abandon();
    throw stuck;
}

// The vendor's order: models, description, datasets and their memory, work memory, weights after
// all unloads, events and streams, the context last.
void Engine::release() {
    const std::shared_ptr<Device> device = std::exchange(device_, nullptr);
    models_.clear();
    description_ = Description();
    for (const std::shared_ptr<Lane>& lane : lanes_) lane->free_buffers();
    works_.clear();
    weights_ = DeviceBuffer();
    for (const std::shared_ptr<Lane>& lane : lanes_) lane->free_stream();
    lanes_.clear();
}

// Nothing of it is ever freed: the device may still use it, or it is not this process's to free.
void Engine::abandon() {
    struct Abandoned {
        std::shared_ptr<Device> device;
        std::vector<std::shared_ptr<Lane>> lanes;
        DeviceBuffer weights;
        std::vector<DeviceBuffer> works;
        Description description;
        std::vector<Model> models;
    };
    static_cast<void>(new Abandoned{std::move(device_), std::move(lanes_), std::move(weights_),
                                    std::move(works_), std::move(description_),
                                    std::move(models_)});
    device_ = nullptr;
    lanes_.clear();
}

}  // namespace mgn::ascend
