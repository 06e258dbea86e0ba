// SPDX-License-Identifier: Apache-2.0
// Data buffers, datasets and tensor descriptions: what clients hold between calls. None of them
// owns memory of a device. One object belongs to one thread at a time, as in the real library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "simulator/core/registry.h"

namespace mgn::acl {

struct aclDataBuffer {
    void* data = nullptr;
    std::size_t size = 0;
};

struct aclTensorDesc {
    std::string name;
    aclDataType data_type = ACL_DT_UNDEFINED;
    aclFormat format = ACL_FORMAT_UNDEFINED;
    std::vector<std::int64_t> dims;
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges;  // of dimensions, as set
};

struct aclmdlDataset {
    std::vector<aclDataBuffer*> buffers;
    std::vector<aclTensorDesc*> descriptions;  // of buffers that have one
    std::uint64_t gear = 0;                    // as last set; 0: never
};

}  // namespace mgn::acl

namespace mgn::simulator {

Registry<acl::aclDataBuffer>& data_buffers();
Registry<acl::aclmdlDataset>& datasets();
Registry<acl::aclTensorDesc>& tensor_descs();

// 0, or the code to return: no live dataset, or one without entry `index`.
aclError check_entry(const Call& call, const acl::aclmdlDataset* dataset, std::size_t index);

}  // namespace mgn::simulator
