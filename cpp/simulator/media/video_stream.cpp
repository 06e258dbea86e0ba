// SPDX-License-Identifier: Apache-2.0
// Descriptions of encoded video.
#include "simulator/media/media.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

#pragma GCC visibility push(default)
extern "C" {

acldvppStreamDesc* acldvppCreateStreamDesc() {
    return create<acldvppStreamDesc>(Call("acldvppCreateStreamDesc"));
}

aclError acldvppDestroyStreamDesc(acldvppStreamDesc* streamDesc) {
    return destroy(ReleaseCall("acldvppDestroyStreamDesc"), streamDesc);
}

aclError acldvppSetStreamDescData(acldvppStreamDesc* streamDesc, void* dataDev) {
    return set(Call("acldvppSetStreamDescData"), streamDesc, &acldvppStreamDesc::data, dataDev);
}

void* acldvppGetStreamDescData(const acldvppStreamDesc* streamDesc) {
    return get(Call("acldvppGetStreamDescData"), streamDesc, &acldvppStreamDesc::data);
}

aclError acldvppSetStreamDescSize(acldvppStreamDesc* streamDesc, std::uint32_t size) {
    return set(Call("acldvppSetStreamDescSize"), streamDesc, &acldvppStreamDesc::size, size);
}

std::uint32_t acldvppGetStreamDescSize(const acldvppStreamDesc* streamDesc) {
    return get(Call("acldvppGetStreamDescSize"), streamDesc, &acldvppStreamDesc::size);
}

aclError acldvppSetStreamDescFormat(acldvppStreamDesc* streamDesc, acldvppStreamFormat format) {
    return set(Call("acldvppSetStreamDescFormat"), streamDesc, &acldvppStreamDesc::format, format);
}

acldvppStreamFormat acldvppGetStreamDescFormat(const acldvppStreamDesc* streamDesc) {
    return get(Call("acldvppGetStreamDescFormat"), streamDesc, &acldvppStreamDesc::format);
}

aclError acldvppSetStreamDescTimestamp(acldvppStreamDesc* streamDesc, std::uint64_t timestamp) {
    return set(Call("acldvppSetStreamDescTimestamp"), streamDesc, &acldvppStreamDesc::timestamp,
               timestamp);
}

std::uint64_t acldvppGetStreamDescTimestamp(const acldvppStreamDesc* streamDesc) {
    return get(Call("acldvppGetStreamDescTimestamp"), streamDesc, &acldvppStreamDesc::timestamp);
}

aclError acldvppSetStreamDescRetCode(acldvppStreamDesc* streamDesc, std::uint32_t retCode) {
    return set(Call("acldvppSetStreamDescRetCode"), streamDesc, &acldvppStreamDesc::return_code,
               retCode);
}

std::uint32_t acldvppGetStreamDescRetCode(const acldvppStreamDesc* streamDesc) {
    return get(Call("acldvppGetStreamDescRetCode"), streamDesc, &acldvppStreamDesc::return_code);
}

aclError acldvppSetStreamDescEos(acldvppStreamDesc* streamDesc, std::uint8_t eos) {
    return set(Call("acldvppSetStreamDescEos"), streamDesc, &acldvppStreamDesc::is_last, eos);
}

std::uint8_t acldvppGetStreamDescEos(const acldvppStreamDesc* streamDesc) {
    return get(Call("acldvppGetStreamDescEos"), streamDesc, &acldvppStreamDesc::is_last);
}

}  // extern "C"
#pragma GCC visibility pop
