// SPDX-License-Identifier: Apache-2.0
// The C functions that allocate, free and describe memory.
#include <string>

#include "simulator/core/abi.h"
#include "simulator/core/settings.h"
#include "simulator/devices/chip.h"
#include "simulator/devices/context.h"
#include "simulator/devices/device.h"
#include "simulator/memory/memory.h"

namespace mgn::simulator {
namespace {

// aclrtMalloc adds this much, because vector units read up to 32 bytes past the end.
constexpr std::size_t kVectorPadding = 32;
constexpr int kPolicyKinds = 0xFF;
constexpr int kLastPolicy = 7;  // ACL_MEM_MALLOC_HUGE1G_ONLY_P2P
constexpr int kPolicyFlags = 0x100 | 0x1000 | 0x100000;

aclError allocate(const Call& call, void** address, std::size_t size, int policy,
                  std::size_t padding) {
    if (call.is_stopped()) return call.fault();
    if ((policy & kPolicyKinds) > kLastPolicy || (policy & ~(kPolicyKinds | kPolicyFlags)) != 0) {
        return call.fail(acl::kInvalidParam, "the policy is " + std::to_string(policy));
    }
    return new_memory(call, Place::device, size, padding, address);
}

// Cache control acts on device memory only.
aclError check_cached(const Call& call, const void* address, std::size_t size) {
    if (current_context(call) == nullptr) return call.code();
    if (address == nullptr || size == 0) {
        return call.fail(acl::kInvalidParam, size == 0 ? "the size is 0" : "the address is null");
    }
    const Held memory = find_memory(address, size);
    if (memory != nullptr && is_device_memory(*memory)) return acl::kSuccess;
    return call.violation(acl::kRtParamInvalid, "not device memory",
                          std::to_string(size) + " bytes in " + describe_memory(address));
}

aclError refuse_register(const Call& call) {
    if (call.is_stopped()) return call.fault();
    return call.fail(acl::kRtFeatureNotSupported,
                     settings().soc_version + " cannot map host memory for the device");
}

}  // namespace
}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclrtMalloc(void** address, std::size_t size, aclrtMemMallocPolicy policy) {
    return allocate(Call("aclrtMalloc"), address, size, policy, kVectorPadding);
}

aclError aclrtMallocAlign32(void** address, std::size_t size, aclrtMemMallocPolicy policy) {
    return allocate(Call("aclrtMallocAlign32"), address, size, policy, 0);
}

aclError aclrtMallocCached(void** address, std::size_t size, aclrtMemMallocPolicy policy) {
    return allocate(Call("aclrtMallocCached"), address, size, policy, kVectorPadding);
}

aclError aclrtMemFlush(void* address, std::size_t size) {
    return check_cached(Call("aclrtMemFlush"), address, size);
}

aclError aclrtMemInvalidate(void* address, std::size_t size) {
    return check_cached(Call("aclrtMemInvalidate"), address, size);
}

aclError aclrtFree(void* address) {
    return free_memory(ReleaseCall("aclrtFree"), Place::device, address);
}

aclError aclrtMallocHost(void** address, std::size_t size) {
    return new_memory(Call("aclrtMallocHost"), Place::pinned, size, 0, address);
}

aclError aclrtFreeHost(void* address) {
    return free_memory(ReleaseCall("aclrtFreeHost"), Place::pinned, address);
}

aclError acldvppMalloc(void** address, std::size_t size) {
    return new_memory(Call("acldvppMalloc"), Place::dvpp, size, kVectorPadding, address);
}

aclError acldvppFree(void* address) {
    return free_memory(ReleaseCall("acldvppFree"), Place::dvpp, address);
}

aclError aclrtGetMemInfo(aclrtMemAttr attribute, std::size_t* free, std::size_t* total) {
    const Call call("aclrtGetMemInfo");
    const auto context = current_context(call);
    if (context == nullptr) return call.code();
    if (free == nullptr || total == nullptr) return call.fail(kInvalidParam, "an address is null");
    if (const aclError code = check_device(call, *context)) return code;
    // A chip with DDR answers for HBM too; what a chip has nothing of is 0 of 0.
    const bool known =
        attribute == ACL_HBM_MEM || (attribute == ACL_DDR_MEM && !chip().has_hbm);
    *total = known ? settings().memory_bytes : 0;
    *free = known ? settings().memory_bytes - memory_used(context->device) : 0;
    return kSuccess;
}

aclError aclrtHostRegister(void* address, std::uint64_t size, aclrtHostRegisterType type,
                           void** device_address) {
    static_cast<void>(address);
    static_cast<void>(size);
    static_cast<void>(type);
    static_cast<void>(device_address);
    return refuse_register(Call("aclrtHostRegister"));
}

aclError aclrtHostUnregister(void* address) {
    static_cast<void>(address);
    return refuse_register(Call("aclrtHostUnregister"));
}

aclError aclrtPointerGetAttributes(const void* address, aclrtPtrAttributes* attributes) {
    const Call call("aclrtPointerGetAttributes");
    if (current_context(call) == nullptr) return call.code();
    if (address == nullptr || attributes == nullptr) {
        return call.fail(kInvalidParam, "an address is null");
    }
    const Held memory = find_memory(address, 1);
    *attributes = aclrtPtrAttributes();
    attributes->pageSize = static_cast<std::uint32_t>(page_bytes());
    attributes->location.type = ACL_MEM_LOCATION_TYPE_UNREGISTERED;
    if (memory == nullptr) return kSuccess;
    attributes->location.id = memory->device;
    attributes->location.type =
        memory->place == Place::pinned ? ACL_MEM_LOCATION_TYPE_HOST : ACL_MEM_LOCATION_TYPE_DEVICE;
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
