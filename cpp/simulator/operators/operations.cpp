// SPDX-License-Identifier: Apache-2.0
// What loads, compiles or runs operators, which the simulator does not have.
#include "simulator/core/log.h"
#include "simulator/operators/operators.h"

namespace mgn::simulator {

aclError refuse_operator(const Call& call) {
    return refuse(call,
                  "runs whole models only, no single operators; compute it on the host, or as part "
                  "of an .om");
}

}  // namespace mgn::simulator

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclopSetModelDir(const char*) { return refuse_operator(Call("aclopSetModelDir")); }

aclError aclopLoad(const void*, std::size_t) { return refuse_operator(Call("aclopLoad")); }

aclError aclopExecute(const char*, int, const aclTensorDesc* const[], const aclDataBuffer* const[],
                      int, const aclTensorDesc* const[], aclDataBuffer* const[], const aclopAttr*,
                      aclrtStream) {
    return refuse_operator(Call("aclopExecute"));
}

aclError aclopExecuteV2(const char*, int, aclTensorDesc*[], aclDataBuffer*[], int, aclTensorDesc*[],
                        aclDataBuffer*[], aclopAttr*, aclrtStream) {
    return refuse_operator(Call("aclopExecuteV2"));
}

aclError aclopCreateHandle(const char*, int, const aclTensorDesc* const[], int,
                           const aclTensorDesc* const[], const aclopAttr*, aclopHandle**) {
    return refuse_operator(Call("aclopCreateHandle"));
}

aclError aclopExecWithHandle(aclopHandle*, int, const aclDataBuffer* const[], int,
                             aclDataBuffer* const[], aclrtStream) {
    return refuse_operator(Call("aclopExecWithHandle"));
}

aclError aclopCast(const aclTensorDesc*, const aclDataBuffer*, const aclTensorDesc*, aclDataBuffer*,
                   std::uint8_t, aclrtStream) {
    return refuse_operator(Call("aclopCast"));
}

aclError aclopCreateHandleForCast(aclTensorDesc*, aclTensorDesc*, std::uint8_t, aclopHandle**) {
    return refuse_operator(Call("aclopCreateHandleForCast"));
}

aclError aclopCreateKernel(const char*, const char*, const char*, void*, int, aclopEngineType,
                           aclDataDeallocator) {
    return refuse_operator(Call("aclopCreateKernel"));
}

aclError aclopRegisterCompileFunc(const char*, aclopCompileFunc) {
    return refuse_operator(Call("aclopRegisterCompileFunc"));
}

aclError aclopUnregisterCompileFunc(const char*) {
    return refuse_operator(Call("aclopUnregisterCompileFunc"));
}

aclError aclopSetKernelArgs(aclopKernelDesc*, const char*, std::uint32_t, const void*,
                            std::uint32_t) {
    return refuse_operator(Call("aclopSetKernelArgs"));
}

aclError aclopSetKernelWorkspaceSizes(aclopKernelDesc*, int, std::size_t*) {
    return refuse_operator(Call("aclopSetKernelWorkspaceSizes"));
}

aclError aclopUpdateParams(const char*, int, const aclTensorDesc* const[], int,
                           const aclTensorDesc* const[], const aclopAttr*) {
    return refuse_operator(Call("aclopUpdateParams"));
}

aclError aclopInferShape(const char*, int, aclTensorDesc*[], aclDataBuffer*[], int,
                         aclTensorDesc*[], aclopAttr*) {
    return refuse_operator(Call("aclopInferShape"));
}

aclError aclopStartDumpArgs(std::uint32_t, const char*) {
    return refuse_operator(Call("aclopStartDumpArgs"));
}

aclError aclopStopDumpArgs(std::uint32_t) { return refuse_operator(Call("aclopStopDumpArgs")); }

aclError aclopCompile(const char*, int, const aclTensorDesc* const[], int,
                      const aclTensorDesc* const[], const aclopAttr*, aclopEngineType,
                      aclopCompileType, const char*) {
    return refuse_operator(Call("aclopCompile"));
}

aclError aclopCompileAndExecute(const char*, int, const aclTensorDesc* const[],
                                const aclDataBuffer* const[], int, const aclTensorDesc* const[],
                                aclDataBuffer* const[], const aclopAttr*, aclopEngineType,
                                aclopCompileType, const char*, aclrtStream) {
    return refuse_operator(Call("aclopCompileAndExecute"));
}

aclError aclopCompileAndExecuteV2(const char*, int, aclTensorDesc*[], aclDataBuffer*[], int,
                                  aclTensorDesc*[], aclDataBuffer*[], aclopAttr*, aclopEngineType,
                                  aclopCompileType, const char*, aclrtStream) {
    return refuse_operator(Call("aclopCompileAndExecuteV2"));
}

aclError aclGenGraphAndDumpForOp(const char*, int, const aclTensorDesc* const[],
                                 const aclDataBuffer* const[], int, const aclTensorDesc* const[],
                                 aclDataBuffer* const[], const aclopAttr*, aclopEngineType,
                                 const char*, const aclGraphDumpOption*) {
    return refuse_operator(Call("aclGenGraphAndDumpForOp"));
}

// There is none that could have been created.
void aclopDestroyHandle(aclopHandle* handle) {
    const ReleaseCall call("aclopDestroyHandle");
    if (call.is_stopped() || handle == nullptr) return;
    call.violation(kInvalidParam, "destroyed handle used", "the handle is none that was given");
}

}  // extern "C"
#pragma GCC visibility pop
