// SPDX-License-Identifier: Apache-2.0
// The client's half of an execution: its buffers are checked and its model is occupied.
#include <algorithm>

#include "simulator/core/settings.h"
#include "simulator/execution/claims.h"
#include "simulator/execution/execution.h"

extern "C" mgn::acl::aclError aclrtMalloc(void** devPtr, std::size_t size,
                                          mgn::acl::aclrtMemMallocPolicy policy);

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

constexpr std::size_t kSizeSlack = 64;  // the real check lets buffers be that much too small
constexpr std::uintptr_t kAlignment = 64;
constexpr std::size_t kLeastGearBytes = 4;

}  // namespace

struct Execution::Side {
    bool is_input;
    Mode mode;
    std::vector<Bound>& bounds;
    std::size_t count;
};

Execution::~Execution() {
    if (claimed_) release_memory(this);
    if (!entered_) return;
    const std::lock_guard<std::mutex> lock(model_->mutex);
    --model_->in_flight;
    if (model_->file->gears.empty()) return;
    std::vector<const void*>& buffers = model_->gear_buffers;
    const auto own = std::find(buffers.begin(), buffers.end(), inputs_.back().address);
    if (own != buffers.end()) buffers.erase(own);
}

aclError Execution::bind(const aclmdlDataset& inputs, aclmdlDataset& outputs, Mode mode) {
    const OmFile& file = *model_->file;
    const std::uint64_t set = inputs.gear != 0 ? inputs.gear : model_->gear.load();
    gear_ = file.gears.empty() || set == 0 ? file.batch : set;
    aclError code = bind_side({true, mode, inputs_, file.inputs.size()}, inputs);
    if (code == kSuccess) {
        code = bind_side({false, mode, outputs_, file.outputs.size()}, outputs);
    }
    return code == kSuccess ? check_regions() : code;
}

aclError Execution::bind_side(const Side& side, const aclmdlDataset& dataset) {
    const char* const name = side.is_input ? "inputs" : "outputs";
    if (dataset.buffers.size() != side.count) {
        return call_.fail(kGeParamInvalid,
                          "the dataset has " + std::to_string(dataset.buffers.size()) +
                              " buffers, the model has " + std::to_string(side.count) + " " + name);
    }
    side.bounds.resize(side.count);
    for (std::size_t index = 0; index < side.count; ++index) {
        aclDataBuffer* const buffer = dataset.buffers[index];
        aclError code = data_buffers().check(call_, buffer, "a data buffer of the dataset");
        if (code == kSuccess) code = bind_one(side, index, *buffer, side.bounds[index]);
        if (code != kSuccess) return code;
    }
    return kSuccess;
}

aclError Execution::bind_one(const Side& side, std::size_t index, aclDataBuffer& buffer,
                             Bound& bound) {
    const OmFile& file = *model_->file;
    bound.tensor = side.is_input ? &file.fed(index) : &file.outputs[index];
    if (!side.is_input && side.mode == Mode::sync && buffer.data == nullptr && buffer.size == 0) {
        const aclError code = allocate_output(*bound.tensor, buffer);
        if (code != kSuccess) return code;
    }
    bound.address = buffer.data;
    bound.size = buffer.size;
    const bool is_gear = side.is_input && index >= file.num_data_inputs();
    std::size_t needed = bound.tensor->bytes;
    // With gears a smaller input may do for a smaller gear: that is checked when it runs.
    if (side.is_input && !file.gears.empty()) needed = is_gear ? kLeastGearBytes : 0;
    const std::size_t slack = is_gear ? 0 : kSizeSlack;
    if (bound.address == nullptr || bound.size + slack < needed) {
        return call_.fail(kGeParamInvalid, "the buffer of " + bound.tensor->name + " has " +
                                               std::to_string(bound.size) + " bytes" +
                                               (bound.address == nullptr ? " at null" : "") +
                                               ", expected " + std::to_string(needed));
    }
    return locate(bound.tensor->name, bound);
}

aclError Execution::allocate_output(const TensorInfo& tensor, aclDataBuffer& buffer) const {
    void* memory = nullptr;
    const aclError code = aclrtMalloc(&memory, tensor.bytes, ACL_MEM_MALLOC_HUGE_FIRST);
    if (code != kSuccess) return call_.fail(code, "no device memory for output " + tensor.name);
    buffer = {memory, tensor.bytes};
    return kSuccess;
}

aclError Execution::locate(const std::string& name, Bound& bound) const {
    bound.memory = find_memory(bound.address, bound.size);
    const auto where = [&] {
        return "the buffer of " + name + ", " + std::to_string(bound.size) + " bytes, ";
    };
    if (bound.memory == nullptr) {
        const bool begins = find_memory(bound.address, 1) != nullptr;
        return call_.violation(
            kGeModelAddress,
            begins ? "data buffer longer than its memory" : "data buffer that is not device memory",
            where() + "lies in " + describe_memory(bound.address));
    }
    if (!is_device_memory(*bound.memory) || bound.memory->device != model_->device) {
        return call_.violation(kGeModelAddress, "data buffer that is not device memory",
                               where() + "lies in " + describe_memory(bound.address) +
                                   "; expected memory of device " + std::to_string(model_->device));
    }
    if (reinterpret_cast<std::uintptr_t>(bound.address) % kAlignment != 0) {
        return call_.violation(kRtAddressUnaligned, "unaligned device address",
                               where() + "does not begin at a multiple of 64");
    }
    bound.bytes = bytes_at(*bound.memory, bound.address);
    return kSuccess;
}

aclError Execution::check_regions() const {
    const char* gone = nullptr;
    if (!is_alive(model_->weights)) gone = "weights";
    if (!is_alive(model_->work)) gone = "work memory";
    if (gone == nullptr) return kSuccess;
    // The violation was to free it; aclrtFree has counted that.
    return call_.fail(kGeModelAddress, std::string("the ") + gone + " of model " +
                                           std::to_string(model_->id) + " was freed");
}

std::vector<Guard> Execution::guards() const {
    std::vector<Guard> made;
    if (!settings().is_device || !settings().guard) return made;
    const auto add = [&made](const std::vector<Bound>& bounds, Access left) {
        for (const Bound& bound : bounds) {
            made.emplace_back(bound.memory, bound.address,
                              std::min(bound.size, bound.tensor->bytes), left);
        }
    };
    add(inputs_, Access::read);
    add(outputs_, Access::none);
    return made;
}

aclError Execution::enter(Mode mode, const void* stream) {
    bool is_mixed = false;
    {
        LoadedModel& model = *model_;
        const std::lock_guard<std::mutex> lock(model.mutex);
        is_mixed = model.mode != Mode::none && model.mode != mode;
        if (!is_mixed && (model.in_flight == 0 || model.stream == stream)) {
            model.mode = mode;
            model.stream = stream;
            ++model.in_flight;
            if (!model.file->gears.empty()) model.gear_buffers.push_back(inputs_.back().address);
            entered_ = true;
        }
    }
    if (entered_) return kSuccess;
    const std::string name = "model " + std::to_string(model_->id);
    if (is_mixed) {
        return call_.violation(kGeFailure, "synchronous and asynchronous execution mixed",
                               name + " was executed the other way before");
    }
    return call_.violation(kGeFailure, "one model on two streams",
                           name +
                               " is still executing on another stream or thread; load one "
                               "instance per stream");
}

}  // namespace mgn::simulator
