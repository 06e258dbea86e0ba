// SPDX-License-Identifier: Apache-2.0
// Attributes of operators.
#include "simulator/operators/operators.h"

using namespace mgn::acl;        // NOLINT: the vendor's names belong to the global scope
using namespace mgn::simulator;  // NOLINT

namespace {

Registry<aclopAttr>& attributes() {
    static auto* const registry = new Registry<aclopAttr>("operator_attributes");
    return *registry;
}

aclError check_attribute(const Call& call, const aclopAttr* attr, const char* name,
                         bool has_value) {
    if (const aclError code = attributes().check(call, attr, "attr")) return code;
    if (name != nullptr && has_value) return kSuccess;
    return call.fail(kInvalidParam, name == nullptr ? "attrName is null" : "the value is null");
}

aclError check_list(const Call& call, const aclopAttr* attr, const char* name, int count,
                    bool has_values) {
    if (const aclError code = check_attribute(call, attr, name, has_values || count == 0)) {
        return code;
    }
    if (count >= 0) return kSuccess;
    return call.fail(kInvalidParam, "a list of " + std::to_string(count) + ", expected 0 or more");
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

aclopAttr* aclopCreateAttr() {
    return attributes().add(Call("aclopCreateAttr"), std::make_unique<aclopAttr>());
}

void aclopDestroyAttr(const aclopAttr* attr) {
    const ReleaseCall call("aclopDestroyAttr");
    if (attr != nullptr) attributes().destroy(call, attr, "attr");
}

aclError aclopSetAttrBool(aclopAttr* attr, const char* attrName, std::uint8_t) {
    return check_attribute(Call("aclopSetAttrBool"), attr, attrName, true);
}

aclError aclopSetAttrInt(aclopAttr* attr, const char* attrName, std::int64_t) {
    return check_attribute(Call("aclopSetAttrInt"), attr, attrName, true);
}

aclError aclopSetAttrFloat(aclopAttr* attr, const char* attrName, float) {
    return check_attribute(Call("aclopSetAttrFloat"), attr, attrName, true);
}

aclError aclopSetAttrString(aclopAttr* attr, const char* attrName, const char* attrValue) {
    return check_attribute(Call("aclopSetAttrString"), attr, attrName, attrValue != nullptr);
}

aclError aclopSetAttrDataType(aclopAttr* attr, const char* attrName, aclDataType) {
    return check_attribute(Call("aclopSetAttrDataType"), attr, attrName, true);
}

aclError aclopSetAttrListDataType(aclopAttr* attr, const char* attrName, int numValues,
                                  const aclDataType values[]) {
    return check_list(Call("aclopSetAttrListDataType"), attr, attrName, numValues,
                      values != nullptr);
}

aclError aclopSetAttrListBool(aclopAttr* attr, const char* attrName, int numValues,
                              const std::uint8_t* values) {
    return check_list(Call("aclopSetAttrListBool"), attr, attrName, numValues, values != nullptr);
}

aclError aclopSetAttrListInt(aclopAttr* attr, const char* attrName, int numValues,
                             const std::int64_t* values) {
    return check_list(Call("aclopSetAttrListInt"), attr, attrName, numValues, values != nullptr);
}

aclError aclopSetAttrListFloat(aclopAttr* attr, const char* attrName, int numValues,
                               const float* values) {
    return check_list(Call("aclopSetAttrListFloat"), attr, attrName, numValues, values != nullptr);
}

aclError aclopSetAttrListString(aclopAttr* attr, const char* attrName, int numValues,
                                const char** values) {
    return check_list(Call("aclopSetAttrListString"), attr, attrName, numValues, values != nullptr);
}

aclError aclopSetAttrListListInt(aclopAttr* attr, const char* attrName, int numLists,
                                 const int* numValues, const std::int64_t* const values[]) {
    const Call call("aclopSetAttrListListInt");
    if (const aclError code =
            check_list(call, attr, attrName, numLists, numValues != nullptr && values != nullptr))
        return code;
    for (int list = 0; list < numLists; ++list) {
        if (numValues[list] < 0 || (numValues[list] > 0 && values[list] == nullptr)) {
            return call.fail(kInvalidParam, "list " + std::to_string(list) + " has " +
                                                std::to_string(numValues[list]) +
                                                " values, or its address is null");
        }
    }
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
