// SPDX-License-Identifier: Apache-2.0
// Puts a batch on the stream, finds out its end and takes its embeddings. Knows no other lane, and
// not who loads and unloads the model. Any thread: all state is under the mutex; synchronising is
// not, and one thread at a time does it.
#include "ascend/lane.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "ascend/error_names.h"
#include "common/half.h"

namespace mgn::ascend {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// One synchronise at most; long, because a stream that has timed out once may be in doubt for the
// vendor.
constexpr milliseconds kLongestSynchronize(1000);

// So many failed answers in a row, whatever their codes, and the stream is taken for dead.
constexpr int kMostUnanswered = 3;

milliseconds rounded_up(Clock::duration rest) {
    const milliseconds limit = std::chrono::ceil<milliseconds>(rest);
    return std::clamp(limit, milliseconds(1), kLongestSynchronize);
}

// Memory that lives as long as its owner is held.
std::shared_ptr<std::byte> share(void* memory, std::shared_ptr<void> owner) {
    return std::shared_ptr<std::byte>(std::move(owner), static_cast<std::byte*>(memory));
}

}  // namespace

Lane::Lane(std::shared_ptr<Device> device, const ModelInfo& info, std::uint32_t model, bool timed)
    : device_(std::move(device)), info_(info), model_(model), stream_(make_stream(device_)) {
    make_inputs();
    make_outputs();
    if (!timed || !device_->api().elapsed_time.is_loaded()) return;
    timeline_ = std::make_unique<Timeline>(device_, device_->shares_memory() ? 2 : 4);
}

void Lane::make_inputs() {
    inputs_ = make_dataset(device_);
    for (const std::size_t bytes : info_.input_bytes) {
        DeviceBuffer memory = make_device_buffer(device_, bytes);
        // Not garbage: a batch runs its unused rows too.
        device_->runtime().call(device_->api().memset, memory.get(), bytes, 0, bytes);
        DataBuffer entry = append(device_, inputs_, memory.get(), bytes);
        input_buffers_.push_back({std::move(memory), std::move(entry)});
    }
    if (device_->shares_memory()) {
        void* const memory = input_buffers_[info_.input].memory.get();
        input_ = share(
            memory, std::make_shared<DeviceBuffer>(std::move(input_buffers_[info_.input].memory)));
        return;
    }
    const std::size_t bytes = info_.largest_batch() * info_.picture_bytes;
    const auto pinned = std::make_shared<PinnedBuffer>(make_pinned_buffer(device_, bytes));
    std::memset(pinned->get(), 0, bytes);
    input_ = share(pinned->get(), pinned);
}

void Lane::make_outputs() {
    outputs_ = make_dataset(device_);
    for (const std::size_t bytes : info_.output_bytes) {
        DeviceBuffer memory = make_device_buffer(device_, bytes);
        DataBuffer entry = append(device_, outputs_, memory.get(), bytes);
        output_buffers_.push_back({std::move(memory), std::move(entry)});
    }
    if (device_->shares_memory()) {
        embeddings_ = share(output_buffers_[info_.output].memory.get(), nullptr);
        return;
    }
    const std::size_t bytes = info_.largest_batch() * info_.embedding_bytes;
    const auto pinned = std::make_shared<PinnedBuffer>(make_pinned_buffer(device_, bytes));
    embeddings_ = share(pinned->get(), pinned);
}

std::shared_ptr<Batch> Lane::submit(std::size_t count) {
    Runtime::require_own_process();
    const Lock lock(mutex_);
    if (closing_ || !stream_) throw InvalidInput("the lane is closed");
    if (!device_->runtime().may_call()) {
        throw InvalidInput("the process is ending; AscendCL is not used any more");
    }
    if (lost_) throw *lost_;
    if (count < 1 || count > info_.largest_batch()) {
        throw InvalidInput("count is " + std::to_string(count) + ", expected 1 to " +
                           std::to_string(info_.largest_batch()));
    }
    if (!poll()) throw InvalidInput("the lane has a batch in flight");
    const ContextScope scope(*device_);
    auto batch = std::make_shared<Batch>(shared_from_this(), count, info_.embedding_width);
    in_use_ = true;
    try {
        enqueue(count);
    } catch (const DeviceError& failure) {
        gear_ = 0;
        if (is_device_lost(failure.code)) lost_ = failure;
        if (mark_progress().code != kSuccess) device_->runtime().forget_failure();
        throw;
    }
    running_ = batch;
    return batch;
}

// The order of the stream is what makes this right: copy in, execute, copy out.
void Lane::enqueue(std::size_t count) {
    const Runtime& runtime = device_->runtime();
    const Api& api = device_->api();
    set_gear(count);
    if (timeline_) timeline_->begin(stream_);
    const std::size_t rows_bytes = count * info_.picture_bytes;
    if (!device_->shares_memory()) {
        runtime.call(api.memcpy_async, input_buffers_[info_.input].memory.get(),
                     info_.input_bytes[info_.input], input_.get(), rows_bytes,
                     ACL_MEMCPY_HOST_TO_DEVICE, stream_.get());
        mark();
    }
    runtime.call(api.execute, model_, inputs_.get(), outputs_.get(), stream_.get());
    mark();
    if (!device_->shares_memory()) {
        runtime.call(api.memcpy_async, embeddings_.get(),
                     info_.largest_batch() * info_.embedding_bytes,
                     output_buffers_[info_.output].memory.get(), count * info_.embedding_bytes,
                     ACL_MEMCPY_DEVICE_TO_HOST, stream_.get());
        mark();
    }
    if (!api.query_stream.is_loaded()) {
        progress_ = make_event(device_);
        runtime.call(api.record_event, progress_.get(), stream_.get());
    }
}

void Lane::mark() {
    if (timeline_) timeline_->mark(stream_);
}

// The smallest gear that fits. Setting it is a blocking copy that no stream orders: the lane is
// idle here.
void Lane::set_gear(std::size_t count) {
    if (!info_.gear_input) return;
    const std::int64_t wanted = *std::lower_bound(
        info_.batch_sizes.begin(), info_.batch_sizes.end(), static_cast<std::int64_t>(count));
    if (wanted == gear_) return;
    device_->runtime().call(device_->api().set_gear, model_, inputs_.get(), *info_.gear_input,
                            static_cast<std::uint64_t>(wanted));
    gear_ = wanted;
}

// What was queued before a failure still runs. Where streams cannot be asked only an event says
// when it has ended; without one the lane stays in use, and `poll` tries again.
Answer Lane::mark_progress() {
    progress_ = Event();
    const Api& api = device_->api();
    if (api.query_stream.is_loaded()) return {};
    Answer failure;
    const ContextScope scope(*device_, failure);
    if (failure.code != kSuccess) return failure;
    try {
        Event event = make_event(device_);
        const aclError code = api.record_event(event.get(), stream_.get());
        if (code != kSuccess) return {api.record_event.name, code};
        progress_ = std::move(event);
    } catch (const DeviceError& error) {
        return {api.create_event.name, error.code};
    }
    return {};
}

bool Lane::done(const Batch& batch) {
    Runtime::require_own_process();
    const Lock lock(mutex_);
    if (!batch.ended) poll();
    return batch.ended;
}

bool Lane::idle() {
    Runtime::require_own_process();
    const Lock lock(mutex_);
    return poll();
}

bool Lane::wait(const Batch& batch, std::chrono::duration<double> limit) {
    Runtime::require_own_process();
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
    Lock lock(mutex_);
    while (!batch.ended) {
        const auto rest = until - Clock::now();
        if (rest <= Clock::duration::zero()) {
            poll();
            return batch.ended;
        }
        if (someone_waits_ || aborting_) {
            ended_.wait_until(lock, until);
            continue;
        }
        someone_waits_ = true;
        lock.unlock();
        const Answer answer = synchronize(rounded_up(rest));
        lock.lock();
        someone_waits_ = false;
        settle(answer);
        ended_.notify_all();
    }
    return true;
}

// Whether nothing of ours is left; ends the running batch if so. The mutex is held.
bool Lane::poll() {
    if (someone_waits_) return false;
    if (!in_use_) return true;
    bool complete = false;
    Answer answer;
    if (!progress_ && !device_->api().query_stream.is_loaded()) answer = mark_progress();
    if (answer.code == kSuccess) answer = query(complete);
    if (answer.code == kSuccess) unanswered_ = 0;
    if (answer.code == kSuccess && !complete) return false;
    if (answer.code == kSuccess) {
        // Only a synchronise tells whether the tasks went well; it does not wait here.
        answer = synchronize(kLongestSynchronize);
        if (!is_timeout(answer.code)) in_use_ = false;
    }
    settle(answer);
    return !in_use_;
}

Answer Lane::query(bool& complete) const {
    const Api& api = device_->api();
    Answer failure;
    const ContextScope scope(*device_, failure);
    if (failure.code != kSuccess) return failure;
    if (api.query_stream.is_loaded()) {
        aclrtStreamStatus status = ACL_STREAM_STATUS_NOT_READY;
        const aclError code = api.query_stream(stream_.get(), &status);
        complete = status == ACL_STREAM_STATUS_COMPLETE;
        return {api.query_stream.name, code};
    }
    aclrtEventRecordedStatus status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
    const aclError code = api.query_event(progress_.get(), &status);
    complete = status == ACL_EVENT_RECORDED_STATUS_COMPLETE;
    return {api.query_event.name, code};
}

// Leaves the lane's state alone, so it needs no mutex: only one thread at a time is in it.
Answer Lane::synchronize(milliseconds limit) const {
    const auto& synchronize_stream = device_->api().synchronize_stream_with_timeout;
    if (!synchronize_stream.is_loaded()) return synchronize_by_asking(limit);
    Answer failure;
    const ContextScope scope(*device_, failure);
    if (failure.code != kSuccess) return failure;
    return {synchronize_stream.name,
            synchronize_stream(stream_.get(), static_cast<std::int32_t>(limit.count()))};
}

// For CANN that has no timeouts: questions and short sleeps until nothing is left to wait for.
Answer Lane::synchronize_by_asking(milliseconds limit) const {
    const Api& api = device_->api();
    const auto until = Clock::now() + limit;
    for (bool complete = false; !complete;) {
        const Answer answer = query(complete);
        if (answer.code != kSuccess) return answer;
        if (complete) break;
        if (Clock::now() >= until) return {answer.call, kRtStreamSyncTimeout};
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    Answer failure;
    const ContextScope scope(*device_, failure);
    if (failure.code != kSuccess) return failure;
    return {api.synchronize_stream.name, api.synchronize_stream(stream_.get())};
}

// The mutex is held.
void Lane::settle(const Answer& answer) {
    if (is_timeout(answer.code)) return device_->runtime().forget_failure();
    if (answer.code == kSuccess) {
        in_use_ = false;
        unanswered_ = 0;
        return end_or_keep(std::nullopt);
    }
    DeviceError failure = device_->runtime().error(answer.call, answer.code);
    const bool is_dead = ++unanswered_ >= kMostUnanswered;
    const bool is_lost = is_device_lost(answer.code);
    if (is_dead && is_lost) in_use_ = false;  // after any other code something may still run
    if (is_dead || is_lost) lost_ = failure;
    end_or_keep(std::move(failure));
}

void Lane::end_or_keep(std::optional<DeviceError> failure) {
    if (!aborting_) return end(std::move(failure));
    if (!outcome_) outcome_ = std::move(failure);
}

void Lane::end(std::optional<DeviceError> failure) {
    if (!in_use_) progress_ = Event();  // until then it tells when the stream is through
    const std::shared_ptr<Batch> batch = std::exchange(running_, nullptr);
    if (!batch) return;
    batch->failure = std::move(failure);
    if (!batch->failure) take_embeddings(*batch);
    if (!batch->failure && timeline_) batch->times = timeline_->times();
    batch->ended = true;
    ended_.notify_all();
}

void Lane::take_embeddings(Batch& batch) const {
    const std::size_t numbers = batch.count * batch.width;
    if (info_.output_type == ACL_FLOAT16) {
        halves_to_floats(reinterpret_cast<const std::uint16_t*>(embeddings_.get()), numbers,
                         batch.embeddings.get());
    } else {
        std::memcpy(batch.embeddings.get(), embeddings_.get(), numbers * sizeof(float));
    }
}

void Lane::require_alive() {
    const Lock lock(mutex_);
    if (lost_) throw *lost_;
}

}  // namespace mgn::ascend
