// SPDX-License-Identifier: Apache-2.0
// Sizes of AscendCL's element types. Any thread.
#pragma once

#include <cstddef>

#include "acl/acl.h"

namespace mgn::simulator {

// Bytes of one element as aclDataTypeSize answers: 0 for strings and for unknown types.
std::size_t data_type_bytes(acl::aclDataType type);

}  // namespace mgn::simulator
