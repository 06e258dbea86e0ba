// SPDX-License-Identifier: Apache-2.0
// One execution: made and checked by the client's thread, run by a stream's thread. It keeps its
// model busy from `enter` until it is destroyed, which is when its task has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulator/execution/executor.h"
#include "simulator/memory/guard.h"
#include "simulator/models/dataset.h"
#include "simulator/models/loaded_model.h"
#include "simulator/streams/stream.h"

namespace mgn::simulator {

// A tensor and the device memory that a data buffer gives it.
struct Bound {
    const TensorInfo* tensor = nullptr;
    Held memory;
    const void* address = nullptr;
    std::byte* bytes = nullptr;
    std::size_t size = 0;
};

class Execution {
public:
    Execution(const Call& call, ModelHeld model) : call_(call), model_(std::move(model)) {}
    ~Execution();
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;

    // Takes the datasets' buffers in; nothing of the datasets is kept.
    aclError bind(const acl::aclmdlDataset& inputs, acl::aclmdlDataset& outputs, Mode mode);

    // Occupies the model for `stream`.
    aclError enter(Mode mode, const void* stream);

    // On an RC board, where the host shares the tensors' memory: their pages until the task ends.
    std::vector<Guard> guards() const;

    // The task that runs it and keeps it alive.
    static Task task(const std::shared_ptr<Execution>& execution);

private:
    struct Side;
    aclError bind_side(const Side& side, const acl::aclmdlDataset& dataset);
    aclError bind_one(const Side& side, std::size_t index, acl::aclDataBuffer& buffer,
                      Bound& bound);
    aclError allocate_output(const TensorInfo& tensor, acl::aclDataBuffer& buffer) const;
    aclError locate(const std::string& name, Bound& bound) const;
    aclError check_regions() const;

    aclError run();
    aclError claim();
    aclError read_gear(std::uint64_t& gear) const;
    aclError check_sizes(std::uint64_t batch) const;
    aclError compute(std::uint64_t batch);
    aclError run_onnx(std::uint64_t batch, Executor executor);
    void run_stand_in(std::uint64_t batch) const;
    std::size_t bytes_of(const Bound& bound, std::uint64_t batch) const;

    Call call_;
    ModelHeld model_;
    std::vector<Bound> inputs_;
    std::vector<Bound> outputs_;
    std::uint64_t gear_ = 0;  // as far as the client's thread knows
    bool entered_ = false;
    bool claimed_ = false;
};

}  // namespace mgn::simulator
