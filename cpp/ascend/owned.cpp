// SPDX-License-Identifier: Apache-2.0
// The makers. They know how each object is made on older chips too, not what for. Any thread that
// has the device's context current.
#include "ascend/owned.h"

namespace mgn::ascend {

namespace {

// What the vendor's makers without a return code give where they give nothing.
template <typename Result>
Result* made(const Runtime& runtime, const Function<Result*()>& maker) {
    Result* const object = maker();
    if (object == nullptr) throw runtime.error(maker.name, kBadAlloc);
    return object;
}

// What a chip answers that does not have the feature.
bool is_unsupported(aclError code) {
    return code == kApiNotSupported || code == kFeatureUnsupported ||
           code == kRtFeatureNotSupported;
}

Event make_event(const std::shared_ptr<Device>& device, std::uint32_t flag) {
    aclrtEvent event = nullptr;
    device->runtime().call(device->api().create_event, &event, flag);
    return Event(device, event);
}

}  // namespace

Stream make_stream(const std::shared_ptr<Device>& device) {
    const Api& api = device->api();
    aclrtStream stream = nullptr;
    // Fast launch takes resources ahead. Not fast sync: its waits spin on a core that decoding
    // needs.
    if (api.create_stream_with_config.is_loaded()) {
        const aclError code = api.create_stream_with_config(&stream, 0, kStreamFastLaunch);
        if (code == kSuccess) return Stream(device, stream);
        const auto& name = api.create_stream_with_config.name;
        if (!is_unsupported(code)) throw device->runtime().error(name, code);
    }
    device->runtime().call(api.create_stream, &stream);
    return Stream(device, stream);
}

Event make_progress_event(const std::shared_ptr<Device>& device) {
    return make_event(device, kEventCaptureStreamProgress);
}

Event make_time_event(const std::shared_ptr<Device>& device) {
    return make_event(device, kEventTimeLine);
}

DeviceBuffer make_device_buffer(const std::shared_ptr<Device>& device, std::size_t bytes) {
    void* memory = nullptr;
    device->runtime().call(device->api().malloc, &memory, bytes, ACL_MEM_MALLOC_HUGE_FIRST);
    return DeviceBuffer(device, memory);
}

PinnedBuffer make_pinned_buffer(const std::shared_ptr<Device>& device, std::size_t bytes) {
    void* memory = nullptr;
    device->runtime().call(device->api().malloc_host, &memory, bytes);
    return PinnedBuffer(device, memory);
}

Description make_description(const std::shared_ptr<Device>& device, std::uint32_t model) {
    Description description(device, made(device->runtime(), device->api().create_description));
    device->runtime().call(device->api().describe, description.get(), model);
    return description;
}

Dataset make_dataset(const std::shared_ptr<Device>& device) {
    return Dataset(device, made(device->runtime(), device->api().create_dataset));
}

DataBuffer append(const std::shared_ptr<Device>& device, const Dataset& dataset, void* memory,
                  std::size_t bytes) {
    const Api& api = device->api();
    aclDataBuffer* const entry = api.create_data_buffer(memory, bytes);
    if (entry == nullptr) throw device->runtime().error(api.create_data_buffer.name, kBadAlloc);
    DataBuffer owned(device, entry);
    device->runtime().call(api.add_data_buffer, dataset.get(), entry);
    return owned;
}

}  // namespace mgn::ascend
