// SPDX-License-Identifier: Apache-2.0
// Owners of AscendCL's objects: move-only, released under their device's context. Each holds its
// Device, so that context and runtime outlive it; none is released in a child of fork or while the
// process ends. The order of release is the reverse of the order of declaration wherever they are
// members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "ascend/runtime.h"

namespace mgn::ascend {

template <typename Handle, auto Release>
class Owned {
public:
    Owned() noexcept = default;
    Owned(std::shared_ptr<Device> device, Handle handle) noexcept
        : device_(std::move(device)), handle_(handle) {}
    Owned(Owned&& other) noexcept = default;
    Owned& operator=(Owned&& other) noexcept {
        release();
        device_ = std::move(other.device_);
        handle_ = other.handle_;
        return *this;
    }
    ~Owned() { release(); }

    Handle get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return device_ != nullptr; }

private:
    void release() noexcept {
        const std::shared_ptr<Device> device = std::exchange(device_, nullptr);
        if (!device || !device->runtime().may_call()) return;
        const auto& function = device->api().*Release;
        Answer failure;
        const ContextScope scope(*device, failure);
        const aclError code = function(handle_);
        if (code != kSuccess) failure = {function.name, code};
        if (failure.code != kSuccess) {
            FailedReleases::note(device->runtime().error(failure.call, failure.code));
        }
    }

    std::shared_ptr<Device> device_;  // null: owns nothing
    Handle handle_{};
};

using Stream = Owned<aclrtStream, &Api::destroy_stream>;
using Event = Owned<aclrtEvent, &Api::destroy_event>;
using DeviceBuffer = Owned<void*, &Api::free>;
using PinnedBuffer = Owned<void*, &Api::free_host>;
using Model = Owned<std::uint32_t, &Api::unload>;  // any number is a valid one, 0 too
using Description = Owned<aclmdlDesc*, &Api::destroy_description>;
using Dataset = Owned<aclmdlDataset*, &Api::destroy_dataset>;
using DataBuffer = Owned<aclDataBuffer*, &Api::destroy_data_buffer>;

// Makers; the caller has the device's context current. They throw DeviceError.
Stream make_stream(const std::shared_ptr<Device>& device);
Event make_event(const std::shared_ptr<Device>& device);  // can be asked, and tells times
DeviceBuffer make_device_buffer(const std::shared_ptr<Device>& device, std::size_t bytes);
PinnedBuffer make_pinned_buffer(const std::shared_ptr<Device>& device, std::size_t bytes);
Description make_description(const std::shared_ptr<Device>& device, std::uint32_t model);
Dataset make_dataset(const std::shared_ptr<Device>& device);

// Appends a buffer of device memory; dataset and memory stay their owners'.
DataBuffer append(const std::shared_ptr<Device>& device, const Dataset& dataset, void* memory,
                  std::size_t bytes);

}  // namespace mgn::ascend
