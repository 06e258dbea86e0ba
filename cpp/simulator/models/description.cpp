// SPDX-License-Identifier: Apache-2.0
// Making, filling and destroying model descriptions.
#include "simulator/models/description.h"

#include <algorithm>

#include "simulator/models/loaded_model.h"

namespace mgn::simulator {

using namespace mgn::acl;

Registry<aclmdlDesc>& descriptions() {
    static auto* const registry = new Registry<aclmdlDesc>("description");
    return *registry;
}

namespace {

// Names that aclmdlIODims can hold; a longer one becomes a number that no other tensor has.
std::vector<std::string> short_names(const std::vector<TensorInfo>& tensors, std::uint32_t model,
                                     const std::string& kind) {
    std::vector<std::string> names;
    for (std::size_t index = 0; index < tensors.size(); ++index) {
        std::string name = tensors[index].name;
        if (name.size() >= kMaxNameBytes) {
            const std::string stem =
                "acl_modelId_" + std::to_string(model) + "_" + kind + "_" + std::to_string(index);
            name = stem;
            const auto is_taken = [&](const TensorInfo& other) { return other.name == name; };
            for (int suffix = 0; std::any_of(tensors.begin(), tensors.end(), is_taken); ++suffix) {
                name = stem + "_" + std::to_string(suffix);
            }
        }
        names.push_back(name);
    }
    return names;
}

}  // namespace

void describe(aclmdlDesc& desc, std::shared_ptr<const OmFile> file, std::uint32_t model_id,
              bool is_loaded) {
    desc.input_names = short_names(file->inputs, model_id, "input");
    desc.output_names = short_names(file->outputs, model_id, "output");
    desc.file = std::move(file);
    desc.model_id = model_id;
    desc.is_loaded = is_loaded;
}

}  // namespace mgn::simulator

using namespace mgn::acl;
using namespace mgn::simulator;

#pragma GCC visibility push(default)
extern "C" {

aclmdlDesc* aclmdlCreateDesc() {
    return descriptions().add(Call("aclmdlCreateDesc"), std::make_unique<aclmdlDesc>());
}

aclError aclmdlDestroyDesc(aclmdlDesc* modelDesc) {
    return descriptions().destroy(ReleaseCall("aclmdlDestroyDesc"), modelDesc, "modelDesc");
}

aclError aclmdlGetDesc(aclmdlDesc* modelDesc, std::uint32_t modelId) {
    const Call call("aclmdlGetDesc");
    if (const aclError code = descriptions().check(call, modelDesc, "modelDesc")) return code;
    const ModelHeld model = find_model(call, modelId);
    if (model == nullptr) return call.code();
    describe(*modelDesc, model->file, modelId, true);
    return kSuccess;
}

aclError aclmdlGetDescFromFile(aclmdlDesc* modelDesc, const char* modelPath) {
    const Call call("aclmdlGetDescFromFile");
    if (const aclError code = descriptions().check(call, modelDesc, "modelDesc")) return code;
    const auto file = om_from_path(call, modelPath);
    if (file == nullptr) return call.code();
    describe(*modelDesc, file, 0, false);
    return kSuccess;
}

aclError aclmdlGetDescFromMem(aclmdlDesc* modelDesc, const void* model, std::size_t modelSize) {
    const Call call("aclmdlGetDescFromMem");
    if (const aclError code = descriptions().check(call, modelDesc, "modelDesc")) return code;
    const auto file = om_from_memory(call, model, modelSize);
    if (file == nullptr) return call.code();
    describe(*modelDesc, file, 0, false);
    return kSuccess;
}

}  // extern "C"
#pragma GCC visibility pop
