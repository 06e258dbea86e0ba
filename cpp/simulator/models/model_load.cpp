// SPDX-License-Identifier: Apache-2.0
// Query and load: from a file, from memory, with or without the client's own device memory.
#include "simulator/core/settings.h"
#include "simulator/models/loaded_model.h"

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

// Parses with `read`, turning its refusal into the call's code.
template <typename Read>
std::shared_ptr<const OmFile> parsed(const Call& call, Read read) {
    try {
        return read();
    } catch (const OmError& error) {
        call.fail(error.code(), error.what());
    } catch (const std::bad_alloc&) {
        call.fail(kGeMemoryAllocation, "no memory for the model's bytes");
    }
    return nullptr;
}

aclError query(const Call& call, const std::shared_ptr<const OmFile>& file, std::size_t* work,
               std::size_t* weights) {
    if (work == nullptr || weights == nullptr) {
        return call.fail(kInvalidParam, "workSize or weightSize is null");
    }
    *work = file->work_bytes;
    *weights = file->weight_bytes;
    return kSuccess;
}

bool may_begin(const Call& call) {
    if (call.is_stopped()) return false;
    return is_initialized() || call.fail(kUninitialized, "aclInit was not called") == kSuccess;
}

}  // namespace

std::shared_ptr<const OmFile> om_from_path(const Call& call, const char* path) {
    if (path == nullptr) {
        call.fail(kInvalidParam, "the model's path is null");
        return nullptr;
    }
    return parsed(call, [&] { return read_om(path); });
}

std::shared_ptr<const OmFile> om_from_memory(const Call& call, const void* model,
                                             std::size_t size) {
    if (model == nullptr || size == 0) {
        call.fail(kInvalidParam, "the model is null or has 0 bytes");
        return nullptr;
    }
    const char* bytes = static_cast<const char*>(model);
    if (const Held memory = find_memory(model, size); memory != nullptr) {
        // On an RC board this is how the documentation asks for it; on a card the host cannot read.
        if (!settings().is_device && is_device_memory(*memory)) {
            call.violation(kInvalidParam, "host access to device memory",
                           "the model's bytes lie in " + describe_memory(model));
            return nullptr;
        }
        bytes = reinterpret_cast<const char*>(bytes_at(*memory, model));
    }
    return parsed(call, [&] { return parse_om(std::string(bytes, size)); });
}

}  // namespace mgn::simulator

using namespace mgn::acl;
using namespace mgn::simulator;

#pragma GCC visibility push(default)
extern "C" {

aclError aclmdlQuerySize(const char* fileName, std::size_t* workSize, std::size_t* weightSize) {
    const Call call("aclmdlQuerySize");
    if (!may_begin(call)) return call.code();
    const auto file = om_from_path(call, fileName);
    return file == nullptr ? call.code() : query(call, file, workSize, weightSize);
}

aclError aclmdlQuerySizeFromMem(const void* model, std::size_t modelSize, std::size_t* workSize,
                                std::size_t* weightSize) {
    const Call call("aclmdlQuerySizeFromMem");
    if (!may_begin(call)) return call.code();
    const auto file = om_from_memory(call, model, modelSize);
    return file == nullptr ? call.code() : query(call, file, workSize, weightSize);
}

aclError aclmdlLoadFromFile(const char* modelPath, std::uint32_t* modelId) {
    const Call call("aclmdlLoadFromFile");
    if (!may_begin(call)) return call.code();
    const auto file = om_from_path(call, modelPath);
    return file == nullptr ? call.code() : load_model(call, file, {}, modelId);
}

aclError aclmdlLoadFromMem(const void* model, std::size_t modelSize, std::uint32_t* modelId) {
    const Call call("aclmdlLoadFromMem");
    if (!may_begin(call)) return call.code();
    const auto file = om_from_memory(call, model, modelSize);
    return file == nullptr ? call.code() : load_model(call, file, {}, modelId);
}

aclError aclmdlLoadFromFileWithMem(const char* modelPath, std::uint32_t* modelId, void* workPtr,
                                   std::size_t workSize, void* weightPtr, std::size_t weightSize) {
    const Call call("aclmdlLoadFromFileWithMem");
    if (!may_begin(call)) return call.code();
    const auto file = om_from_path(call, modelPath);
    if (file == nullptr) return call.code();
    return load_model(call, file, {workPtr, workSize, weightPtr, weightSize}, modelId);
}

aclError aclmdlLoadFromMemWithMem(const void* model, std::size_t modelSize, std::uint32_t* modelId,
                                  void* workPtr, std::size_t workSize, void* weightPtr,
                                  std::size_t weightSize) {
    const Call call("aclmdlLoadFromMemWithMem");
    if (!may_begin(call)) return call.code();
    const auto file = om_from_memory(call, model, modelSize);
    if (file == nullptr) return call.code();
    return load_model(call, file, {workPtr, workSize, weightPtr, weightSize}, modelId);
}

}  // extern "C"
#pragma GCC visibility pop
