// SPDX-License-Identifier: Apache-2.0
// Look-up tables and histograms.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

namespace {

template <typename T, typename M>
std::uint32_t dims_of(const Call& call, const T* object, M T::*tables) {
    if (check(call, object) != kSuccess) return 0;
    return static_cast<std::uint32_t>((object->*tables).size());
}

template <typename T, typename M, typename V, typename L>
aclError table_of(const Call& call, T* object, M T::*tables, std::uint32_t dim, V** data,
                  L* length) {
    if (const aclError code = check(call, object)) return code;
    if (data == nullptr || length == nullptr || dim >= (object->*tables).size()) {
        return call.fail(kInvalidParam, "dim is " + std::to_string(dim) +
                                            ", expected 0 to 2, or an address is null");
    }
    *data = (object->*tables)[dim].data();
    *length = static_cast<L>((object->*tables)[dim].size());
    return kSuccess;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

acldvppLutMap* acldvppCreateLutMap() { return create<acldvppLutMap>(Call("acldvppCreateLutMap")); }

aclError acldvppDestroyLutMap(acldvppLutMap* lutMap) {
    return destroy(ReleaseCall("acldvppDestroyLutMap"), lutMap);
}

acldvppHist* acldvppCreateHist() { return create<acldvppHist>(Call("acldvppCreateHist")); }

aclError acldvppDestroyHist(acldvppHist* hist) {
    return destroy(ReleaseCall("acldvppDestroyHist"), hist);
}

std::uint32_t acldvppGetLutMapDims(const acldvppLutMap* lutMap) {
    return dims_of(Call("acldvppGetLutMapDims"), lutMap, &acldvppLutMap::tables);
}

aclError acldvppGetLutMapData(const acldvppLutMap* lutMap, std::uint32_t dim, std::uint8_t** data,
                              std::uint32_t* len) {
    // The caller fills the table by the address that it gets.
    return table_of(Call("acldvppGetLutMapData"), const_cast<acldvppLutMap*>(lutMap),
                    &acldvppLutMap::tables, dim, data, len);
}

std::uint32_t acldvppGetHistDims(acldvppHist* hist) {
    return dims_of(Call("acldvppGetHistDims"), hist, &acldvppHist::counts);
}

aclError acldvppGetHistData(acldvppHist* hist, std::uint32_t dim, std::uint32_t** data,
                            std::uint16_t* len) {
    return table_of(Call("acldvppGetHistData"), hist, &acldvppHist::counts, dim, data, len);
}

std::uint32_t acldvppGetHistRetCode(acldvppHist* hist) {
    check(Call("acldvppGetHistRetCode"), hist);
    return 0;  // of an operation, and none ever runs
}

aclError acldvppClearHist(acldvppHist* hist) {
    const aclError code = check(Call("acldvppClearHist"), hist);
    if (code == kSuccess) *hist = acldvppHist();
    return code;
}

}  // extern "C"
#pragma GCC visibility pop
