// SPDX-License-Identifier: Apache-2.0
// aclmdlLoadWithConfig and the handle that collects its attributes.
#include <cstring>

#include "simulator/core/registry.h"
#include "simulator/models/loaded_model.h"

namespace mgn::acl {

struct aclmdlConfigHandle {
    std::size_t load_type = 0;
    bool has_path = false;
    std::string path;
    const void* model = nullptr;
    std::size_t model_bytes = 0;
    simulator::Lent lent;
};

}  // namespace mgn::acl

namespace mgn::simulator {

using namespace mgn::acl;

namespace {

constexpr int kWorkspaceOptimize = 13;  // ACL_MDL_WORKSPACE_MEM_OPTIMIZE
constexpr int kMallocPolicy = 25;       // ACL_MDL_MEM_MALLOC_POLICY_SIZET
constexpr int kLastKnown = 29;          // of CANN 9

Registry<aclmdlConfigHandle>& configs() {
    static auto* const registry = new Registry<aclmdlConfigHandle>("config");
    return *registry;
}

template <typename T>
aclError read_value(const Call& call, const void* value, std::size_t size, T& out) {
    if (size != sizeof out) {
        return call.fail(kInvalidParam, "valueSize is " + std::to_string(size) + ", expected " +
                                            std::to_string(sizeof out));
    }
    std::memcpy(&out, value, sizeof out);
    return kSuccess;
}

aclError set_priority(const Call& call, const void* value, std::size_t size) {
    std::int32_t priority = 0;
    const aclError code = read_value(call, value, size, priority);
    if (code != kSuccess || (priority >= 0 && priority <= 7)) return code;
    return call.fail(kInvalidParam,
                     "priority is " + std::to_string(priority) + ", expected 0 to 7");
}

aclError set_path(const Call& call, aclmdlConfigHandle& config, const void* value,
                  std::size_t size) {
    const char* path = nullptr;
    if (const aclError code = read_value(call, value, size, path)) return code;
    if (path == nullptr) return call.fail(kInvalidParam, "the model's path is null");
    config.path = path;
    config.has_path = true;
    return kSuccess;
}

aclError set_option(const Call& call, aclmdlConfigHandle& config, int attribute, const void* value,
                    std::size_t size) {
    std::size_t ignored = 0;
    switch (attribute) {
        case ACL_MDL_PRIORITY_INT32:
            return set_priority(call, value, size);
        case ACL_MDL_LOAD_TYPE_SIZET:
            return read_value(call, value, size, config.load_type);
        case ACL_MDL_PATH_PTR:
            return set_path(call, config, value, size);
        case ACL_MDL_MEM_ADDR_PTR:
            return read_value(call, value, size, config.model);
        case ACL_MDL_MEM_SIZET:
            return read_value(call, value, size, config.model_bytes);
        case ACL_MDL_WEIGHT_ADDR_PTR:
            return read_value(call, value, size, config.lent.weights);
        case ACL_MDL_WEIGHT_SIZET:
            return read_value(call, value, size, config.lent.weight_bytes);
        case ACL_MDL_WORKSPACE_ADDR_PTR:
            return read_value(call, value, size, config.lent.work);
        case ACL_MDL_WORKSPACE_SIZET:
            return read_value(call, value, size, config.lent.work_bytes);
        case kWorkspaceOptimize:
        case kMallocPolicy:
            return read_value(call, value, size, ignored);
        default:
            break;
    }
    const bool is_known = attribute > ACL_MDL_WORKSPACE_SIZET && attribute <= kLastKnown;
    return call.fail(is_known ? kFeatureUnsupported : kInvalidParam,
                     "attribute " + std::to_string(attribute) +
                         (is_known ? " is not simulated" : " is unknown"));
}

aclError load(const Call& call, const aclmdlConfigHandle& config, std::uint32_t* id) {
    // ACL_MDL_LOAD_FROM_FILE 1, _WITH_MEM 2, FROM_MEM 3, _WITH_MEM 4, with queues 5 and 6
    const std::size_t type = config.load_type;
    if (type == 5 || type == 6) {
        return call.fail(kFeatureUnsupported, "loading with queues is not simulated");
    }
    if (type < 1 || type > 6) {
        return call.fail(kInvalidParam, "ACL_MDL_LOAD_TYPE_SIZET is " + std::to_string(type) +
                                            ", expected 1 to 4");
    }
    const bool from_file = type <= 2;
    if (from_file ? !config.has_path : config.model == nullptr || config.model_bytes == 0) {
        return call.fail(kInvalidParam, from_file ? "ACL_MDL_PATH_PTR was not set"
                                                  : "ACL_MDL_MEM_ADDR_PTR or _SIZET was not set");
    }
    const auto file = from_file ? om_from_path(call, config.path.c_str())
                                : om_from_memory(call, config.model, config.model_bytes);
    if (file == nullptr) return call.code();
    return load_model(call, file, type % 2 == 0 ? config.lent : Lent{}, id);
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::acl;
using namespace mgn::simulator;

#pragma GCC visibility push(default)
extern "C" {

aclmdlConfigHandle* aclmdlCreateConfigHandle() {
    return configs().add(Call("aclmdlCreateConfigHandle"), std::make_unique<aclmdlConfigHandle>());
}

aclError aclmdlDestroyConfigHandle(aclmdlConfigHandle* handle) {
    return configs().destroy(ReleaseCall("aclmdlDestroyConfigHandle"), handle, "handle");
}

aclError aclmdlSetConfigOpt(aclmdlConfigHandle* handle, aclmdlConfigAttr attr,
                            const void* attrValue, std::size_t valueSize) {
    const Call call("aclmdlSetConfigOpt");
    if (const aclError code = configs().check(call, handle, "handle")) return code;
    if (attrValue == nullptr) return call.fail(kInvalidParam, "attrValue is null");
    return set_option(call, *handle, static_cast<int>(attr), attrValue, valueSize);
}

aclError aclmdlLoadWithConfig(const aclmdlConfigHandle* handle, std::uint32_t* modelId) {
    const Call call("aclmdlLoadWithConfig");
    if (call.is_stopped()) return call.fault();
    if (!is_initialized()) return call.fail(kUninitialized, "aclInit was not called");
    if (const aclError code = configs().check(call, handle, "handle")) return code;
    return load(call, *handle, modelId);
}

}  // extern "C"
#pragma GCC visibility pop
