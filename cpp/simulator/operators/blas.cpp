// SPDX-License-Identifier: Apache-2.0
// acl_cblas.h: products of matrices and vectors, each an operator alone.
#include "simulator/operators/operators.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

aclError aclblasGemvEx(aclTransType, int, int, const void*, const void*, int, aclDataType,
                       const void*, int, aclDataType, const void*, void*, int, aclDataType,
                       aclComputeType, aclrtStream) {
    return refuse_operator(Call("aclblasGemvEx"));
}

aclError aclblasCreateHandleForGemvEx(aclTransType, int, int, aclDataType, aclDataType, aclDataType,
                                      aclComputeType, aclopHandle**) {
    return refuse_operator(Call("aclblasCreateHandleForGemvEx"));
}

aclError aclblasHgemv(aclTransType, int, int, const aclFloat16*, const aclFloat16*, int,
                      const aclFloat16*, int, const aclFloat16*, aclFloat16*, int, aclComputeType,
                      aclrtStream) {
    return refuse_operator(Call("aclblasHgemv"));
}

aclError aclblasCreateHandleForHgemv(aclTransType, int, int, aclComputeType, aclopHandle**) {
    return refuse_operator(Call("aclblasCreateHandleForHgemv"));
}

aclError aclblasS8gemv(aclTransType, int, int, const std::int32_t*, const std::int8_t*, int,
                       const std::int8_t*, int, const std::int32_t*, std::int32_t*, int,
                       aclComputeType, aclrtStream) {
    return refuse_operator(Call("aclblasS8gemv"));
}

aclError aclblasCreateHandleForS8gemv(aclTransType, int, int, aclComputeType, aclopHandle**) {
    return refuse_operator(Call("aclblasCreateHandleForS8gemv"));
}

aclError aclblasGemmEx(aclTransType, aclTransType, aclTransType, int, int, int, const void*,
                       const void*, int, aclDataType, const void*, int, aclDataType, const void*,
                       void*, int, aclDataType, aclComputeType, aclrtStream) {
    return refuse_operator(Call("aclblasGemmEx"));
}

aclError aclblasCreateHandleForGemmEx(aclTransType, aclTransType, aclTransType, int, int, int,
                                      aclDataType, aclDataType, aclDataType, aclComputeType,
                                      aclopHandle**) {
    return refuse_operator(Call("aclblasCreateHandleForGemmEx"));
}

aclError aclblasHgemm(aclTransType, aclTransType, aclTransType, int, int, int, const aclFloat16*,
                      const aclFloat16*, int, const aclFloat16*, int, const aclFloat16*,
                      aclFloat16*, int, aclComputeType, aclrtStream) {
    return refuse_operator(Call("aclblasHgemm"));
}

aclError aclblasCreateHandleForHgemm(aclTransType, aclTransType, aclTransType, int, int, int,
                                     aclComputeType, aclopHandle**) {
    return refuse_operator(Call("aclblasCreateHandleForHgemm"));
}

aclError aclblasS8gemm(aclTransType, aclTransType, aclTransType, int, int, int, const std::int32_t*,
                       const std::int8_t*, int, const std::int8_t*, int, const std::int32_t*,
                       std::int32_t*, int, aclComputeType, aclrtStream) {
    return refuse_operator(Call("aclblasS8gemm"));
}

aclError aclblasCreateHandleForS8gemm(aclTransType, aclTransType, aclTransType, int, int, int,
                                      aclComputeType, aclopHandle**) {
    return refuse_operator(Call("aclblasCreateHandleForS8gemm"));
}

}  // extern "C"
#pragma GCC visibility pop
