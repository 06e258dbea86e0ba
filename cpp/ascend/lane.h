// SPDX-License-Identifier: Apache-2.0
// A lane: one model instance with a stream and buffers of its own; at most one batch in flight.
//
// Note [lane lifetime]
// The stream may use the lane's buffers and its model's memory from submit until a synchronise has
// said that it is done. So a lane is in use until then, whatever went wrong: a timeout or a failed
// call leaves it in use (quarantined), and `idle` asks again. Only an idle lane takes the next
// batch, and only then are its buffers freed. A device that is lost runs nothing any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ascend/model_info.h"
#include "ascend/owned.h"
#include "ascend/timeline.h"

namespace mgn::ascend {

class Lane;

// A batch in flight, then its embeddings or its failure. Belongs to its lane's mutex until it has
// ended; unchanged afterwards, so that any thread may read it.
struct Batch {
    Batch(std::shared_ptr<Lane> of_lane, std::size_t rows, std::size_t columns)
        : lane(std::move(of_lane)),
          count(rows),
          width(columns),
          embeddings(new float[rows * columns]) {}

    const std::shared_ptr<Lane> lane;
    const std::size_t count;
    const std::size_t width;
    const std::unique_ptr<float[]> embeddings;
    std::optional<DeviceError> failure;
    std::vector<double> times;  // before copy in, execute, copy out, and after; Note [host time]
    bool ended = false;
};

// Any thread may call. The input belongs to whoever the session has given the lane to.
class Lane : public std::enable_shared_from_this<Lane> {
public:
    // Takes all memory a batch needs; later none is taken. A timed lane's batches have times where
    // CANN can tell them. Needs a current context; throws DeviceError.
    Lane(std::shared_ptr<Device> device, const ModelInfo& info, std::uint32_t model, bool timed);

    // What the device reads: pinned memory, or on an RC board the device's own. Held by whoever
    // looks at it, because views may outlive the session.
    std::shared_ptr<std::byte> input() const { return input_; }

    // Starts the first `count` pictures of the input. Throws InvalidInput (a batch is in flight,
    // the lane is closed) or DeviceError.
    std::shared_ptr<Batch> submit(std::size_t count);

    // Whether the batch has ended, well or not. Does not wait.
    bool done(const Batch& batch);

    // Waits at most so long for the batch's end; whether it has ended.
    bool wait(const Batch& batch, std::chrono::duration<double> limit);

    // Whether the stream has nothing of ours left, so that the input may be written and the next
    // batch submitted, or all of it freed. Does not wait.
    bool idle();

    // Asks the stream to drop what it has, for lanes that do not become idle; its batch then ends
    // as `dropped`. Where that cannot be asked for all stays as it is. Throws DeviceError.
    void abort(const DeviceError& dropped);

    // Throws what every further submit would, once the device is lost.
    void require_alive();

    // No batch is taken any more; the first step of the end.
    void stop_taking();

    // Ends the batch in flight with this failure; for lanes that will never be idle.
    void give_up(const DeviceError& failure);

    // The end, in two steps (engine.cpp has the whole order): only when idle and after the unload.
    void free_buffers();
    void free_stream();

private:
    using Lock = std::unique_lock<std::mutex>;

    struct Buffer {
        DeviceBuffer memory;
        DataBuffer entry;
    };

    void make_inputs();
    void make_outputs();
    void enqueue(std::size_t count);
    void mark();
    void set_gear(std::size_t count);
    Answer mark_progress();
    bool poll();
    Answer query(bool& complete) const;
    Answer synchronize(std::chrono::milliseconds limit) const;
    Answer synchronize_by_asking(std::chrono::milliseconds limit) const;
    void settle(const Answer& answer);
    void end_or_keep(std::optional<DeviceError> failure);
    void end(std::optional<DeviceError> failure);
    void take_embeddings(Batch& batch) const;

    std::shared_ptr<Device> device_;  // null once closed
    const ModelInfo info_;
    const std::uint32_t model_;

    Stream stream_;
    std::vector<Buffer> input_buffers_;
    std::vector<Buffer> output_buffers_;
    Dataset inputs_;
    Dataset outputs_;
    std::shared_ptr<std::byte> input_;
    std::shared_ptr<std::byte> embeddings_;  // as input_, for the embeddings

    std::mutex mutex_;  // guards what follows
    std::condition_variable ended_;
    std::shared_ptr<Batch> running_;
    Event progress_;                      // of the running batch, where streams cannot be asked
    std::unique_ptr<Timeline> timeline_;  // null: not timed
    bool in_use_ = false;                 // Note [lane lifetime]
    bool someone_waits_ = false;          // one thread synchronises for all that wait
    bool closing_ = false;
    bool aborting_ = false;  // how the batch ended counts once the abort has answered
    std::optional<std::optional<DeviceError>> outcome_;  // what it ended as meanwhile
    int unanswered_ = 0;                                 // failed questions in a row
    std::optional<DeviceError> lost_;  // what every further submit is answered with
    std::int64_t gear_ = 0;            // that instance and dataset were last set to; 0: unknown
};

}  // namespace mgn::ascend
