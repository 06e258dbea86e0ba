// SPDX-License-Identifier: Apache-2.0
// Settings of operations on pictures: regions, borders, resizing, JPEG.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

acldvppRoiConfig* acldvppCreateRoiConfig(std::uint32_t left, std::uint32_t right, std::uint32_t top,
                                         std::uint32_t bottom) {
    auto region = std::make_unique<acldvppRoiConfig>(acldvppRoiConfig{left, right, top, bottom});
    return create(Call("acldvppCreateRoiConfig"), std::move(region));
}

aclError acldvppDestroyRoiConfig(acldvppRoiConfig* roiConfig) {
    return destroy(ReleaseCall("acldvppDestroyRoiConfig"), roiConfig);
}

aclError acldvppSetRoiConfig(acldvppRoiConfig* config, std::uint32_t left, std::uint32_t right,
                             std::uint32_t top, std::uint32_t bottom) {
    const aclError code = check(Call("acldvppSetRoiConfig"), config);
    if (code == kSuccess) *config = {left, right, top, bottom};
    return code;
}

acldvppResizeConfig* acldvppCreateResizeConfig() {
    return create<acldvppResizeConfig>(Call("acldvppCreateResizeConfig"));
}

aclError acldvppDestroyResizeConfig(acldvppResizeConfig* resizeConfig) {
    return destroy(ReleaseCall("acldvppDestroyResizeConfig"), resizeConfig);
}

aclError acldvppSetResizeConfigInterpolation(acldvppResizeConfig* resizeConfig,
                                             std::uint32_t interpolation) {
    return set(Call("acldvppSetResizeConfigInterpolation"), resizeConfig,
               &acldvppResizeConfig::interpolation, interpolation);
}

std::uint32_t acldvppGetResizeConfigInterpolation(const acldvppResizeConfig* resizeConfig) {
    return get(Call("acldvppGetResizeConfigInterpolation"), resizeConfig,
               &acldvppResizeConfig::interpolation);
}

acldvppJpegeConfig* acldvppCreateJpegeConfig() {
    return create<acldvppJpegeConfig>(Call("acldvppCreateJpegeConfig"));
}

aclError acldvppDestroyJpegeConfig(acldvppJpegeConfig* jpegeConfig) {
    return destroy(ReleaseCall("acldvppDestroyJpegeConfig"), jpegeConfig);
}

aclError acldvppSetJpegeConfigLevel(acldvppJpegeConfig* jpegeConfig, std::uint32_t level) {
    return set(Call("acldvppSetJpegeConfigLevel"), jpegeConfig, &acldvppJpegeConfig::level, level);
}

std::uint32_t acldvppGetJpegeConfigLevel(const acldvppJpegeConfig* jpegeConfig) {
    return get(Call("acldvppGetJpegeConfigLevel"), jpegeConfig, &acldvppJpegeConfig::level);
}

aclError acldvppSetRoiConfigLeft(acldvppRoiConfig* config, std::uint32_t left) {
    return set(Call("acldvppSetRoiConfigLeft"), config, &acldvppRoiConfig::left, left);
}

aclError acldvppSetRoiConfigRight(acldvppRoiConfig* config, std::uint32_t right) {
    return set(Call("acldvppSetRoiConfigRight"), config, &acldvppRoiConfig::right, right);
}

aclError acldvppSetRoiConfigTop(acldvppRoiConfig* config, std::uint32_t top) {
    return set(Call("acldvppSetRoiConfigTop"), config, &acldvppRoiConfig::top, top);
}

aclError acldvppSetRoiConfigBottom(acldvppRoiConfig* config, std::uint32_t bottom) {
    return set(Call("acldvppSetRoiConfigBottom"), config, &acldvppRoiConfig::bottom, bottom);
}

acldvppBorderConfig* acldvppCreateBorderConfig() {
    return create<acldvppBorderConfig>(Call("acldvppCreateBorderConfig"));
}

aclError acldvppDestroyBorderConfig(acldvppBorderConfig* borderConfig) {
    return destroy(ReleaseCall("acldvppDestroyBorderConfig"), borderConfig);
}

aclError acldvppSetBorderConfigBorderType(acldvppBorderConfig* borderConfig,
                                          acldvppBorderType borderType) {
    return set(Call("acldvppSetBorderConfigBorderType"), borderConfig, &acldvppBorderConfig::type,
               borderType);
}

acldvppBorderType acldvppGetBorderConfigBorderType(const acldvppBorderConfig* borderConfig) {
    return get(Call("acldvppGetBorderConfigBorderType"), borderConfig, &acldvppBorderConfig::type);
}

aclError acldvppSetBorderConfigTop(acldvppBorderConfig* borderConfig, std::uint32_t top) {
    return set(Call("acldvppSetBorderConfigTop"), borderConfig, &acldvppBorderConfig::top, top);
}

std::uint32_t acldvppGetBorderConfigTop(const acldvppBorderConfig* borderConfig) {
    return get(Call("acldvppGetBorderConfigTop"), borderConfig, &acldvppBorderConfig::top);
}

aclError acldvppSetBorderConfigBottom(acldvppBorderConfig* borderConfig, std::uint32_t bottom) {
    return set(Call("acldvppSetBorderConfigBottom"), borderConfig, &acldvppBorderConfig::bottom,
               bottom);
}

std::uint32_t acldvppGetBorderConfigBottom(const acldvppBorderConfig* borderConfig) {
    return get(Call("acldvppGetBorderConfigBottom"), borderConfig, &acldvppBorderConfig::bottom);
}

aclError acldvppSetBorderConfigLeft(acldvppBorderConfig* borderConfig, std::uint32_t left) {
    return set(Call("acldvppSetBorderConfigLeft"), borderConfig, &acldvppBorderConfig::left, left);
}

std::uint32_t acldvppGetBorderConfigLeft(const acldvppBorderConfig* borderConfig) {
    return get(Call("acldvppGetBorderConfigLeft"), borderConfig, &acldvppBorderConfig::left);
}

aclError acldvppSetBorderConfigRight(acldvppBorderConfig* borderConfig, std::uint32_t right) {
    return set(Call("acldvppSetBorderConfigRight"), borderConfig, &acldvppBorderConfig::right,
               right);
}

std::uint32_t acldvppGetBorderConfigRight(const acldvppBorderConfig* borderConfig) {
    return get(Call("acldvppGetBorderConfigRight"), borderConfig, &acldvppBorderConfig::right);
}

aclError acldvppSetBorderConfigValue(acldvppBorderConfig* borderConfig, std::uint32_t index,
                                     double value) {
    const Call call("acldvppSetBorderConfigValue");
    if (const aclError code = check(call, borderConfig)) return code;
    if (index >= borderConfig->values.size()) {
        return call.fail(kInvalidParam, "index is " + std::to_string(index) + ", expected 0 to 3");
    }
    borderConfig->values[index] = value;
    return kSuccess;
}

double acldvppGetBorderConfigValue(const acldvppBorderConfig* borderConfig, std::uint32_t index) {
    const Call call("acldvppGetBorderConfigValue");
    if (check(call, borderConfig) != kSuccess || index >= borderConfig->values.size()) return 0;
    return borderConfig->values[index];
}

}  // extern "C"
#pragma GCC visibility pop
