// SPDX-License-Identifier: Apache-2.0
// What acl_op.h, acl_op_compiler.h and acl_cblas.h name. Attributes, options and what is said of
// tensors are taken and checked; operators, each alone, are what the simulator does not have. As in
// acl/acl.h, values are the binary interface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simulator/core/registry.h"
#include "simulator/models/dataset.h"

namespace mgn::acl {

enum aclopEngineType : int { ACL_ENGINE_SYS = 0 };
enum aclopCompileType : int { ACL_COMPILE_SYS = 0 };
enum aclOpCompileFlag : int { ACL_OP_COMPILE_DEFAULT = 0, ACL_OP_COMPILE_FUZZ = 1 };
enum aclCompileOpt : int { ACL_PRECISION_MODE = 0 };
enum aclTransType : int { ACL_TRANS_N = 0 };
enum aclComputeType : int { ACL_COMPUTE_HIGH_PRECISION = 0 };
enum aclMemType : int { ACL_MEMTYPE_DEVICE = 0 };
constexpr int kLastMemType = 2;  // ACL_MEMTYPE_HOST_COMPILE_INDEPENDENT

// Nothing reads what is set in it, because no operator runs.
struct aclopAttr {};
struct aclGraphDumpOption {};

using aclFloat16 = std::uint16_t;

struct aclopHandle;
struct aclopKernelDesc;

using aclDataDeallocator = void (*)(void* data, std::size_t length);
using aclopCompileFunc = aclError (*)(int, const aclTensorDesc* const[], int,
                                      const aclTensorDesc* const[], const aclopAttr*,
                                      aclopKernelDesc*);

}  // namespace mgn::acl

namespace mgn::simulator {

// The answer of what needs an operator: 200006, and what to do instead.
aclError refuse_operator(const Call& call);

}  // namespace mgn::simulator
