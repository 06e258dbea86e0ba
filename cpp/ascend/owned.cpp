// SPDX-License-Identifier: Apache-2.0
// The makers. They know how each object is made on older chips too, not what for. Any thread that
// has the device's context current.
#include "ascend/owned.h"

#include "ascend/error_names.h"

namespace mgn::ascend {

namespace {

// What the vendor's makers without a return code give where they give nothing.
template <typename Result>
Result* made(const Runtime& runtime, const Function<Result*()>& maker) {
    Result* const object = maker();
    if (object == nullptr) throw runtime.error(maker.name, kBadAlloc);
    return object;
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
        device->runtime().forget_failure();
    }
    device->runtime().call(api.create_stream, &stream);
    return Stream(device, stream);
}

// This flag is the one that every CANN knows; an event without any takes more of the device.
Event make_event(const std::shared_ptr<Device>& device) {
    const Runtime& runtime = device->runtime();
    const Api& api = device->api();
    aclrtEvent event = nullptr;
    const aclError code = api.create_event(&event, kEventTimeLine);
    if (code == kSuccess) return Event(device, event);
    const bool may_be_the_flag = is_unsupported(code) || code == kRtParamInvalid;
    if (!may_be_the_flag || !api.create_plain_event.is_loaded()) {
        throw runtime.error(api.create_event.name, code);
    }
    runtime.forget_failure();
    runtime.call(api.create_plain_event, &event);
    return Event(device, event);
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
