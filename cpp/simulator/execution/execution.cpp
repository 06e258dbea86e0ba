// SPDX-License-Identifier: Apache-2.0
// The stream's half of an execution: the gear is read from device memory, the outputs are written.
#include "simulator/execution/execution.h"

#include <algorithm>
#include <cstring>

#include "simulator/core/settings.h"
#include "simulator/devices/profile.h"
#include "simulator/execution/claims.h"
#include "simulator/execution/static_aipp.h"
#include "simulator/models/stand_in.h"

namespace mgn::simulator {

using namespace mgn::acl;

Task Execution::task(const std::shared_ptr<Execution>& execution) {
    Task task;
    task.name = execution->call_.name();
    task.occupies = Occupies::compute;
    task.duration_s = settings().compute_slowdown * compute_s(execution->gear_);
    task.run = [execution] { return execution->run(); };
    const auto piece_of = [](const Bound& bound) -> Piece {
        return {bound.memory, bound.address, std::min(bound.size, bound.tensor->bytes)};
    };
    for (const Bound& input : execution->inputs_) task.reads.push_back(piece_of(input));
    for (const Bound& output : execution->outputs_) task.writes.push_back(piece_of(output));
    const auto add = [](std::vector<Piece>& pieces, const Region& region) {
        if (region.memory) pieces.push_back({region.memory, region.address, region.size});
    };
    add(task.reads, execution->model_->weights);
    add(task.writes, execution->model_->work);
    task.trace_note = "batch " + std::to_string(execution->gear_);
    return task;
}

aclError Execution::run() {
    aclError code = claim();
    std::uint64_t batch = model_->file->batch;
    if (code == kSuccess) code = read_gear(batch);
    if (code == kSuccess) code = check_sizes(batch);
    return code == kSuccess ? compute(batch) : code;
}

aclError Execution::claim() {
    std::vector<Claim> claims;
    claims.reserve(inputs_.size() + outputs_.size() + 2);
    const auto add = [&](const void* address, std::size_t size, bool writes, const char* what) {
        const auto* const begin = static_cast<const std::byte*>(address);
        claims.push_back({begin, begin + size, writes, what});
    };
    const auto size_of = [](const Bound& bound) {
        return std::min(bound.size, bound.tensor->bytes);
    };
    for (const Bound& input : inputs_) add(input.address, size_of(input), false, "input");
    for (const Bound& output : outputs_) add(output.address, size_of(output), true, "output");
    const LoadedModel& model = *model_;
    if (model.weights.memory) add(model.weights.address, model.weights.size, false, "weights");
    if (model.work.memory) add(model.work.address, model.work.size, true, "work memory");
    const std::string conflict = claim_memory(this, claims);
    claimed_ = true;
    if (conflict.empty()) return kSuccess;
    return call_.violation(kRtModelExecute, "memory shared by executions in flight",
                           "model " + std::to_string(model.id) + ": " + conflict);
}

aclError Execution::read_gear(std::uint64_t& gear) const {
    const OmFile& file = *model_->file;
    if (file.gears.empty()) return kSuccess;
    const Bound& buffer = inputs_.back();
    gear = 0;
    if (buffer.size >= sizeof gear) {
        __atomic_load(reinterpret_cast<const std::uint64_t*>(buffer.bytes), &gear,
                      __ATOMIC_RELAXED);
    } else {
        std::uint32_t narrow = 0;
        __atomic_load(reinterpret_cast<const std::uint32_t*>(buffer.bytes), &narrow,
                      __ATOMIC_RELAXED);
        gear = narrow;
    }
    if (std::binary_search(file.gears.begin(), file.gears.end(), gear)) return kSuccess;
    return call_.violation(kRtModelExecute, "no gear in the shape buffer",
                           "model " + std::to_string(model_->id) + " found " +
                               std::to_string(gear) +
                               " in its shape buffer, which is no gear; call "
                               "aclmdlSetDynamicBatchSize with this dataset first");
}

std::size_t Execution::bytes_of(const Bound& bound, std::uint64_t batch) const {
    return bound.tensor->bytes / model_->file->batch * batch;
}

aclError Execution::check_sizes(std::uint64_t batch) const {
    for (std::size_t index = 0; index < model_->file->num_data_inputs(); ++index) {
        const Bound& input = inputs_[index];
        if (input.size + 64 >= bytes_of(input, batch)) continue;
        return call_.violation(kRtModelExecute, "input smaller than the gear needs",
                               "the buffer of " + input.tensor->name + " has " +
                                   std::to_string(input.size) + " bytes, gear " +
                                   std::to_string(batch) + " reads " +
                                   std::to_string(bytes_of(input, batch)));
    }
    return kSuccess;
}

namespace {

// A copy where the client's buffer is shorter than the tensor, by the few bytes the check allows.
class Whole {
public:
    Whole(const Bound& bound, std::size_t needed) : bound_(bound) {
        if (bound.size >= needed) return;
        copy_.resize(needed);
        std::memcpy(copy_.data(), bound.bytes, bound.size);
    }
    std::byte* bytes() { return copy_.empty() ? bound_.bytes : copy_.data(); }
    void write_back() {
        if (!copy_.empty()) std::memcpy(bound_.bytes, copy_.data(), bound_.size);
    }

private:
    const Bound& bound_;
    std::vector<std::byte> copy_;
};

ExecutorTensor executor_tensor(const TensorInfo& tensor, std::uint64_t batch, bool has_gears) {
    ExecutorTensor seen{};
    seen.name = tensor.name.c_str();
    seen.data_type = tensor.data_type;
    seen.num_dims = static_cast<std::int32_t>(tensor.dims.size());
    std::copy(tensor.dims.begin(), tensor.dims.end(), seen.dims);
    if (has_gears) seen.dims[0] = static_cast<std::int64_t>(batch);
    return seen;
}

}  // namespace

aclError Execution::compute(std::uint64_t batch) {
    if (settings().compute == Compute::onnx && model_->file->onnx_bytes != 0) {
        const ExecutorUse use;
        if (use.get() != nullptr) return run_onnx(batch, use.get());
    }
    run_stand_in(batch);
    return kSuccess;
}

aclError Execution::run_onnx(std::uint64_t batch, Executor executor) {
    const OmFile& file = *model_->file;
    const bool has_gears = !file.gears.empty();
    std::vector<Whole> wholes;
    wholes.reserve(inputs_.size() + outputs_.size());
    std::vector<ExecutorTensor> inputs;
    for (std::size_t index = 0; index < file.num_data_inputs(); ++index) {
        const Bound& bound = inputs_[index];
        const std::size_t bytes = bytes_of(bound, batch);
        wholes.emplace_back(bound, bytes);
        ExecutorTensor seen = executor_tensor(file.inputs[index], batch, has_gears);
        seen.data = wholes.back().bytes();
        seen.bytes = bytes;
        if (index == 0 && file.aipp) {
            const auto images = static_cast<std::size_t>(seen.dims[0]);
            apply_static_aipp(*file.aipp, wholes.back().bytes(), images, model_->scratch);
            seen.data = model_->scratch.data();
            seen.bytes = bytes * sizeof(float);
            seen.data_type = ACL_FLOAT;
        }
        inputs.push_back(seen);
    }
    const std::size_t first_output = wholes.size();
    std::vector<ExecutorTensor> outputs;
    for (const Bound& bound : outputs_) {
        const std::size_t bytes = bytes_of(bound, batch);
        wholes.emplace_back(bound, bytes);
        ExecutorTensor seen = executor_tensor(*bound.tensor, batch, has_gears);
        seen.data = wholes.back().bytes();
        seen.bytes = bytes;
        outputs.push_back(seen);
    }
    const aclError code = executor(file.id, file.onnx(), file.onnx_bytes, inputs.data(),
                                   static_cast<std::int32_t>(inputs.size()), outputs.data(),
                                   static_cast<std::int32_t>(outputs.size()));
    for (std::size_t at = first_output; at < wholes.size(); ++at) wholes[at].write_back();
    return code;
}

void Execution::run_stand_in(std::uint64_t batch) const {
    std::vector<Whole> wholes;
    wholes.reserve(inputs_.size() + outputs_.size());
    std::vector<InputRows> inputs;
    for (std::size_t index = 0; index < model_->file->num_data_inputs(); ++index) {
        const std::size_t bytes = bytes_of(inputs_[index], batch);
        wholes.emplace_back(inputs_[index], bytes);
        inputs.push_back({wholes.back().bytes(), bytes / batch});
    }
    const std::size_t first_output = wholes.size();
    std::vector<OutputRows> outputs;
    for (const Bound& bound : outputs_) {
        const std::size_t bytes = bytes_of(bound, batch);
        wholes.emplace_back(bound, bytes);
        outputs.push_back({wholes.back().bytes(), bytes / batch, bound.tensor->data_type});
    }
    stand_in(inputs, outputs, batch);
    for (std::size_t at = first_output; at < wholes.size(); ++at) wholes[at].write_back();
}

}  // namespace mgn::simulator
