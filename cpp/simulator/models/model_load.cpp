// SPDX-License-Identifier: Apache-2.0
// Query and load: from a file, from memory, with or without the client's own device memory.
#include "simulator/core/settings.h"
#include "simulator/models/loaded_model.h"

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

// Parses with `read`, turning its refusal into the call's code.
template <typename Read>
std::shared_ptr<const OmFile> parsed(const Call& call, aclError& code, Read read) {
    try {
        return read();
    } catch (const OmError& error) {
        code = call.fail(error.code(), error.what());
    } catch (const std::bad_alloc&) {
        code = call.fail(kGeMemoryAllocation, "no memory for the model's bytes");
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

bool may_begin(const Call& call, aclError& code) {
    code = call.fault();
    if (code == kSuccess && !is_initialized()) {
        code = call.fail(kUninitialized, "aclInit was not called");
    }
    return code == kSuccess;
}

}  // namespace

std::shared_ptr<const OmFile> om_from_path(const Call& call, const char* path, aclError& code) {
    if (path == nullptr) {
        code = call.fail(kInvalidParam, "the model's path is null");
        return nullptr;
    }
    return parsed(call, code, [&] { return read_om(path); });
}

std::shared_ptr<const OmFile> om_from_memory(const Call& call, const void* model, std::size_t size,
                                             aclError& code) {
    if (model == nullptr || size == 0) {
        code = call.fail(kInvalidParam, "the model is null or has 0 bytes");
        return nullptr;
    }
    const char* bytes = static_cast<const char*>(model);
    if (const Held memory = find_memory(model, size); memory != nullptr) {
        // On an RC board this is how the documentation asks for it; on a card the host cannot read.
        if (!settings().is_device && is_device_memory(*memory)) {
            code = call.violation(kInvalidParam, "host access to device memory",
                                  "the model's bytes lie in " + describe_memory(model));
            return nullptr;
        }
        bytes = reinterpret_cast<const char*>(bytes_at(*memory, model));
    }
    return parsed(call, code, [&] { return parse_om(std::string(bytes, size)); });
}

}  // namespace mgn::simulator

using namespace mgn::acl;
using namespace mgn::simulator;

#pragma GCC visibility push(default)
extern "C" {

aclError aclmdlQuerySize(const char* fileName, std::size_t* workSize, std::size_t* weightSize) {
    const Call call("aclmdlQuerySize");
    aclError code = kSuccess;
    if (!may_begin(call, code)) return code;
    const auto file = om_from_path(call, fileName, code);
    return file == nullptr ? code : query(call, file, workSize, weightSize);
}

aclError aclmdlQuerySizeFromMem(const void* model, std::size_t modelSize, std::size_t* workSize,
                                std::size_t* weightSize) {
    const Call call("aclmdlQuerySizeFromMem");
    aclError code = kSuccess;
    if (!may_begin(call, code)) return code;
    const auto file = om_from_memory(call, model, modelSize, code);
    return file == nullptr ? code : query(call, file, workSize, weightSize);
}

aclError aclmdlLoadFromFile(const char* modelPath, std::uint32_t* modelId) {
    const Call call("aclmdlLoadFromFile");
    aclError code = kSuccess;
    if (!may_begin(call, code)) return code;
    const auto file = om_from_path(call, modelPath, code);
    return file == nullptr ? code : load_model(call, file, {}, modelId);
}

aclError aclmdlLoadFromMem(const void* model, std::size_t modelSize, std::uint32_t* modelId) {
    const Call call("aclmdlLoadFromMem");
    aclError code = kSuccess;
    if (!may_begin(call, code)) return code;
    const auto file = om_from_memory(call, model, modelSize, code);
    return file == nullptr ? code : load_model(call, file, {}, modelId);
}

aclError aclmdlLoadFromFileWithMem(const char* modelPath, std::uint32_t* modelId, void* workPtr,
                                   std::size_t workSize, void* weightPtr, std::size_t weightSize) {
    const Call call("aclmdlLoadFromFileWithMem");
    aclError code = kSuccess;
    if (!may_begin(call, code)) return code;
    const auto file = om_from_path(call, modelPath, code);
    if (file == nullptr) return code;
    return load_model(call, file, {workPtr, workSize, weightPtr, weightSize}, modelId);
}

aclError aclmdlLoadFromMemWithMem(const void* model, std::size_t modelSize, std::uint32_t* modelId,
                                  void* workPtr, std::size_t workSize, void* weightPtr,
                                  std::size_t weightSize) {
    const Call call("aclmdlLoadFromMemWithMem");
    aclError code = kSuccess;
    if (!may_begin(call, code)) return code;
    const auto file = om_from_memory(call, model, modelSize, code);
    if (file == nullptr) return code;
    return load_model(call, file, {workPtr, workSize, weightPtr, weightSize}, modelId);
}

}  // extern "C"
#pragma GCC visibility pop
