// SPDX-License-Identifier: Apache-2.0
// Dynamic batch. The functions for dynamic image sizes and dimensions answer as for a model without
// them, because the simulated compiler makes none.
#include <algorithm>
#include <cstring>

#include "simulator/models/dataset.h"
#include "simulator/models/description.h"
#include "simulator/models/loaded_model.h"

using namespace mgn::acl;
using namespace mgn::simulator;

namespace {

constexpr std::size_t kLeastBatchBytes = 4;
constexpr std::size_t kLeastSizeBytes = 8;

aclError check_desc(const Call& call, const aclmdlDesc* desc, const void* out) {
    if (const aclError code = descriptions().check(call, desc, "modelDesc")) return code;
    if (desc->file == nullptr || out == nullptr) {
        return call.fail(kInvalidParam, "the description was never filled or the result is null");
    }
    return kSuccess;
}

// The data buffer at `index` of the dataset, with an address and at least `least` bytes.
aclError shape_buffer(const Call& call, const aclmdlDataset* dataset, std::size_t index,
                      std::size_t least, aclDataBuffer*& buffer) {
    if (const aclError code = check_entry(call, dataset, index)) return code;
    buffer = dataset->buffers[index];
    if (const aclError code = data_buffers().check(call, buffer, "the shape's data buffer")) {
        return code;
    }
    if (buffer->data == nullptr) return call.fail(kInvalidParam, "the shape buffer is null");
    if (buffer->size >= least) return kSuccess;
    return call.fail(kGeGearAddress, "the shape buffer has " + std::to_string(buffer->size) +
                                         " bytes, expected at least " + std::to_string(least));
}

aclError check_in_flight(const Call& call, LoadedModel& model, const void* address) {
    bool is_busy = false;
    {
        const std::lock_guard<std::mutex> lock(model.mutex);
        const auto& busy = model.gear_buffers;
        is_busy = std::find(busy.begin(), busy.end(), address) != busy.end();
    }
    if (!is_busy) return kSuccess;
    return call.violation(kGeFailure, "gear set while in flight",
                          "model " + std::to_string(model.id) +
                              " has an execution queued or running with this shape buffer, which "
                              "could now run with the new gear; synchronise first");
}

// The copy to the device that the real function makes, not ordered with any stream.
aclError write_gear(const Call& call, const LoadedModel& model, const aclDataBuffer& buffer,
                    std::uint64_t gear) {
    const Held memory = find_memory(buffer.data, buffer.size);
    if (memory == nullptr || !is_device_memory(*memory) || memory->device != model.device) {
        return call.violation(kGeModelAddress, "data buffer that is not device memory",
                              "the shape buffer lies in " + describe_memory(buffer.data));
    }
    std::byte* const bytes = bytes_at(*memory, buffer.data);
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes) % sizeof gear == 0;
    if (!is_aligned) {
        return call.violation(kRtAddressUnaligned, "unaligned device address",
                              "the shape buffer does not begin at a multiple of 64");
    }
    if (buffer.size >= sizeof gear) {
        __atomic_store(reinterpret_cast<std::uint64_t*>(bytes), &gear, __ATOMIC_RELAXED);
    } else {
        auto narrow = static_cast<std::uint32_t>(gear);
        __atomic_store(reinterpret_cast<std::uint32_t*>(bytes), &narrow, __ATOMIC_RELAXED);
    }
    return kSuccess;
}

aclError set_batch(const Call& call, LoadedModel& model, aclmdlDataset& dataset, std::size_t index,
                   std::uint64_t batch) {
    const OmFile& file = *model.file;
    if (!std::binary_search(file.gears.begin(), file.gears.end(), batch)) {
        std::string gears;
        for (const std::uint64_t gear : file.gears) gears += " " + std::to_string(gear);
        return call.fail(kGeGearInvalid, "batchSize is " + std::to_string(batch) + ", expected " +
                                             (gears.empty() ? "none: the model has a fixed batch"
                                                            : "one of" + gears));
    }
    if (index != file.num_data_inputs()) {
        return call.violation(kInvalidParam, "gear written to another input",
                              "index is " + std::to_string(index) + ", " + kGearInput + " is " +
                                  std::to_string(file.num_data_inputs()));
    }
    const aclDataBuffer& buffer = *dataset.buffers[index];
    aclError code = check_in_flight(call, model, buffer.data);
    if (code == kSuccess) code = write_gear(call, model, buffer, batch);
    if (code != kSuccess) return code;
    model.gear = batch;
    dataset.gear = batch;
    return kSuccess;
}

// What every setter of a shape that no simulated model has ends with.
aclError not_dynamic(const Call& call, std::uint32_t id, const char* kind) {
    if (model_in_context(call, id, "set") == nullptr) return call.code();
    return call.fail(kGeGearInvalid,
                     "model " + std::to_string(id) + " was compiled without " + kind);
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclError aclmdlGetDynamicBatch(const aclmdlDesc* modelDesc, aclmdlBatch* batch) {
    const Call call("aclmdlGetDynamicBatch");
    if (const aclError code = check_desc(call, modelDesc, batch)) return code;
    const std::vector<std::uint64_t>& gears = modelDesc->file->gears;
    batch->batchCount = gears.size();
    std::copy(gears.begin(), gears.end(), batch->batch);
    return kSuccess;
}

aclError aclmdlSetDynamicBatchSize(std::uint32_t modelId, aclmdlDataset* dataset, std::size_t index,
                                   std::uint64_t batchSize) {
    const Call call("aclmdlSetDynamicBatchSize");
    if (call.is_stopped()) return call.fault();
    if (batchSize == 0) return call.fail(kInvalidParam, "batchSize is 0");
    aclDataBuffer* buffer = nullptr;
    if (const aclError code = shape_buffer(call, dataset, index, kLeastBatchBytes, buffer))
        return code;
    const ModelHeld model = model_in_context(call, modelId, "set");
    return model == nullptr ? call.code() : set_batch(call, *model, *dataset, index, batchSize);
}

// The index is ignored: there is one kind of gear for the whole model.
aclError aclmdlGetDynamicHW(const aclmdlDesc* modelDesc, std::size_t, aclmdlHW* hw) {
    const Call call("aclmdlGetDynamicHW");
    if (const aclError code = check_desc(call, modelDesc, hw)) return code;
    hw->hwCount = 0;
    return kSuccess;
}

aclError aclmdlSetDynamicHWSize(std::uint32_t modelId, aclmdlDataset* dataset, std::size_t index,
                                std::uint64_t height, std::uint64_t width) {
    const Call call("aclmdlSetDynamicHWSize");
    if (call.is_stopped()) return call.fault();
    if (height == 0 || width == 0) return call.fail(kInvalidParam, "height or width is 0");
    aclDataBuffer* buffer = nullptr;
    const aclError code = shape_buffer(call, dataset, index, kLeastSizeBytes, buffer);
    return code == kSuccess ? not_dynamic(call, modelId, "--dynamic_image_size") : code;
}

aclError aclmdlGetInputDynamicGearCount(const aclmdlDesc* modelDesc, std::size_t index,
                                        std::size_t* gearCount) {
    const Call call("aclmdlGetInputDynamicGearCount");
    if (const aclError code = check_desc(call, modelDesc, gearCount)) return code;
    if (index != kAnyInput) return call.fail(kInvalidParam, "index is not (size_t)-1");
    *gearCount = 0;
    return kSuccess;
}

aclError aclmdlGetInputDynamicDims(const aclmdlDesc* modelDesc, std::size_t index,
                                   aclmdlIODims* dims, std::size_t) {
    const Call call("aclmdlGetInputDynamicDims");
    if (const aclError code = check_desc(call, modelDesc, dims)) return code;
    if (index != kAnyInput) return call.fail(kInvalidParam, "index is not (size_t)-1");
    return kSuccess;  // no gears, so nothing to write
}

aclError aclmdlSetInputDynamicDims(std::uint32_t modelId, aclmdlDataset* dataset, std::size_t index,
                                   const aclmdlIODims* dims) {
    const Call call("aclmdlSetInputDynamicDims");
    if (call.is_stopped()) return call.fault();
    if (dims == nullptr) return call.fail(kInvalidParam, "dims is null");
    aclDataBuffer* buffer = nullptr;
    const aclError code = shape_buffer(call, dataset, index, kLeastBatchBytes, buffer);
    return code == kSuccess ? not_dynamic(call, modelId, "--dynamic_dims") : code;
}

}  // extern "C"
#pragma GCC visibility pop
