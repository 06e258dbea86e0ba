// SPDX-License-Identifier: Apache-2.0
// The table of loaded models, and what load and unload do to a client's weight memory.
#include "simulator/models/loaded_model.h"

#include <cstring>
#include <unordered_map>

#include "simulator/core/ledger.h"
#include "simulator/core/settings.h"
#include "simulator/devices/chip.h"
#include "simulator/devices/device.h"
#include "simulator/models/stand_in.h"

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

constexpr std::uintptr_t kAlignment = 64;

struct Models {
    std::mutex mutex;
    std::uint32_t last_id = 0;
    std::unordered_map<std::uint32_t, ModelHeld> loaded;
    // Held while weights are written or summed: instances that share them load from many threads.
    std::mutex weights;
};

Models& models() {
    static Models* const instance = new Models;  // never destroyed: exit may come with work queued
    return *instance;
}

std::vector<ModelHeld> all_models() {
    Models& table = models();
    const std::lock_guard<std::mutex> lock(table.mutex);
    std::vector<ModelHeld> found;
    for (const auto& entry : table.loaded) found.push_back(entry.second);
    return found;
}

// A region of the client's for `needed` bytes, checked; left empty where the client lent none.
aclError take_region(const Call& call, const std::string& what, void* address, std::size_t given,
                     std::size_t needed, std::uint32_t device, Region& region) {
    if (address == nullptr) return kSuccess;
    if (given < needed) {
        return call.fail(kGeParamInvalid, what + " memory has " + std::to_string(given) +
                                              " bytes, the model needs " + std::to_string(needed));
    }
    const Held memory = find_memory(address, given);
    if (memory == nullptr || !is_device_memory(*memory) || memory->device != device) {
        return call.violation(kGeModelAddress, "model memory that is not the device's",
                              what + " memory of " + std::to_string(given) + " bytes lies in " +
                                  describe_memory(address) + "; expected device " +
                                  std::to_string(device) + "'s");
    }
    if (reinterpret_cast<std::uintptr_t>(address) % kAlignment != 0) {
        return call.violation(kRtAddressUnaligned, "unaligned device address",
                              what + " memory does not begin at a multiple of 64");
    }
    region = {memory, address, needed};
    return kSuccess;
}

bool overlap(const Region& a, const Region& b) {
    if (a.memory == nullptr || b.memory == nullptr) return false;
    const auto* const first = static_cast<const std::byte*>(a.address);
    const auto* const second = static_cast<const std::byte*>(b.address);
    return first < second + b.size && second < first + a.size;
}

// Memory of the system's own for what the client lent none; only counted: no client sees it.
aclError take_system_memory(const Call& call, LoadedModel& model) {
    const OmFile& file = *model.file;
    const std::uint64_t bytes =
        (model.work.memory ? 0 : file.work_bytes) + (model.weights.memory ? 0 : file.weight_bytes);
    std::atomic<std::uint64_t>& used = device_of(model.device).memory_used;
    if (used.fetch_add(bytes) + bytes > settings().memory_bytes) {
        used -= bytes;
        return call.fail(kGeMemoryAllocation, "the device has no " + std::to_string(bytes) +
                                                  " bytes left for the model");
    }
    model.system_bytes = bytes;
    return kSuccess;
}

// What writing these weights would do to models that are loaded already.
aclError check_neighbours(const Call& call, const LoadedModel& model) {
    for (const ModelHeld& other : all_models()) {
        if (!overlap(model.weights, other->weights)) continue;
        const std::string name = "model " + std::to_string(other->id);
        if (other->file->id != model.file->id || other->weights.address != model.weights.address) {
            return call.violation(kGeModelAddress, "weights over another model's weights",
                                  name + " has other weights in the same memory");
        }
        const std::lock_guard<std::mutex> lock(other->mutex);
        if (other->in_flight != 0) {
            return call.violation(kGeModelAddress, "weights loaded under a running model",
                                  name +
                                      " shares these weights and is executing; load all "
                                      "instances before the first runs");
        }
    }
    return kSuccess;
}

// The weights of a file: the same in every process, different for different files.
void write_weights(const LoadedModel& model) {
    std::byte* const bytes = bytes_at(*model.weights.memory, model.weights.address);
    const std::uint64_t seed = model.file->id | 1u;
    std::uint64_t word = seed;
    std::size_t at = 0;
    for (; at + 8 <= model.weights.size; at += 8, word += 0x9E3779B97F4A7C15u * seed) {
        std::memcpy(bytes + at, &word, 8);
    }
    std::memcpy(bytes + at, &word, model.weights.size - at);
}

std::uint64_t sum_weights(const LoadedModel& model) {
    const std::byte* const bytes = bytes_at(*model.weights.memory, model.weights.address);
    return weighted_sum(bytes, model.weights.size, 0);
}

aclError check_weights(const Call& call, const LoadedModel& model) {
    if (model.weights.memory == nullptr) return kSuccess;
    if (!is_alive(model.weights)) return kSuccess;  // aclrtFree told it
    const std::string name = "model " + std::to_string(model.id);
    const std::lock_guard<std::mutex> lock(models().weights);
    if (sum_weights(model) == model.weight_sum) return kSuccess;
    return call.violation(kGeUnloadModel, "weights changed while loaded",
                          name + "'s weight memory was written between load and unload");
}

// Its context and the client's memory know that it is there, so that neither goes unnoticed.
void count_model(const LoadedModel& model, int by) {
    if (const auto home = model.home.lock()) home->models += by;
    if (model.work.memory != nullptr) model.work.memory->models += by;
    if (model.weights.memory != nullptr) model.weights.memory->models += by;
}

ModelHeld take_out(std::uint32_t id) {
    Models& table = models();
    const std::lock_guard<std::mutex> lock(table.mutex);
    const auto found = table.loaded.find(id);
    if (found == table.loaded.end()) return nullptr;
    ModelHeld model = found->second;
    table.loaded.erase(found);
    count_model(*model, -1);
    ledger_released("model", model.get());
    return model;
}

aclError unload(const Call& call, std::uint32_t id) {
    const std::shared_ptr<Context> context = current_context(call);
    if (context == nullptr) return call.code();
    const ModelHeld model = take_out(id);
    if (model == nullptr) {
        find_model(call, id);
        return call.code();
    }
    aclError code = kSuccess;
    if (model->context != context->id) {
        code = call.violation(kRtModelContext, "model used in another context",
                              "model " + std::to_string(id) + " was loaded in context " +
                                  std::to_string(model->context) + ", unloaded in context " +
                                  std::to_string(context->id));
    }
    std::size_t in_flight = 0;
    {
        const std::lock_guard<std::mutex> lock(model->mutex);
        in_flight = model->in_flight;
    }
    // A device that was lost runs nothing, though its threads here may not have noticed yet.
    if (in_flight != 0 && !device_of(model->device).lost) {
        code = call.violation(kGeUnloadModel, "model unloaded while in flight",
                              "model " + std::to_string(id) + " has " + std::to_string(in_flight) +
                                  " executions queued or running");
    }
    const aclError weights = check_weights(call, *model);
    return code != kSuccess ? code : weights;
}

}  // namespace

LoadedModel::~LoadedModel() { device_of(device).memory_used -= system_bytes; }

bool is_alive(const Region& region) {
    return region.memory == nullptr || find_memory(region.address, region.size) == region.memory;
}

ModelHeld find_model(const Call& call, std::uint32_t id) {
    Models& table = models();
    {
        const std::lock_guard<std::mutex> lock(table.mutex);
        const auto found = table.loaded.find(id);
        if (found != table.loaded.end()) return found->second;
    }
    call.fail(kGeModelIdInvalid, "no model " + std::to_string(id) + " is loaded");
    return nullptr;
}

ModelHeld model_in_context(const Call& call, std::uint32_t id, const char* verb) {
    const std::shared_ptr<Context> context = current_context(call);
    if (context == nullptr) return nullptr;
    ModelHeld model = find_model(call, id);
    if (model == nullptr || model->context == context->id) return model;
    call.violation(kRtModelContext, "model used in another context",
                   "model " + std::to_string(id) + " was loaded in context " +
                       std::to_string(model->context) + ", " + verb + " in context " +
                       std::to_string(context->id));
    return nullptr;
}

aclError load_model(const Call& call, std::shared_ptr<const OmFile> file, const Lent& lent,
                    std::uint32_t* id) {
    if (id == nullptr) return call.fail(kInvalidParam, "modelId is null");
    const std::shared_ptr<Context> context = current_context(call);
    if (context == nullptr) return call.code();
    if (!runs_models_for(file->soc_version)) {
        // As little as the real runtime says: neither chip is named.
        return call.fail(kGeFailure, "loading the model failed, result 500002");
    }
    const auto model = std::make_shared<LoadedModel>();
    model->file = std::move(file);
    model->context = context->id;
    model->home = context;
    model->device = context->device;
    aclError code = take_region(call, "work", lent.work, lent.work_bytes, model->file->work_bytes,
                                model->device, model->work);
    if (code != kSuccess) return code;
    code = take_region(call, "weight", lent.weights, lent.weight_bytes, model->file->weight_bytes,
                       model->device, model->weights);
    if (code == kSuccess) code = take_system_memory(call, *model);
    if (code != kSuccess) return code;
    if (model->weights.memory != nullptr) {
        code = check_neighbours(call, *model);
        if (code != kSuccess) return code;
        const std::lock_guard<std::mutex> lock(models().weights);
        write_weights(*model);
        model->weight_sum = sum_weights(*model);
    }
    Models& table = models();
    {
        const std::lock_guard<std::mutex> lock(table.mutex);
        model->id = ++table.last_id;
        table.loaded.emplace(model->id, model);
        count_model(*model, 1);
    }
    ledger_created("model", model.get(), model->file->weight_bytes + model->file->work_bytes,
                   call.name());
    *id = model->id;
    return kSuccess;
}

void drop_models_of(std::uint64_t context) {
    for (const ModelHeld& model : all_models()) {
        if (model->context == context) take_out(model->id);
    }
}

}  // namespace mgn::simulator

#pragma GCC visibility push(default)
extern "C" {

mgn::simulator::aclError aclmdlUnload(std::uint32_t modelId) {
    const mgn::simulator::ReleaseCall call("aclmdlUnload");
    const mgn::simulator::aclError code = mgn::simulator::unload(call, modelId);
    return call.fault() != mgn::acl::kSuccess ? call.fault() : code;
}

}  // extern "C"
#pragma GCC visibility pop
