// SPDX-License-Identifier: Apache-2.0
// What a model description says of its inputs and outputs.
#include <algorithm>
#include <cstring>

#include "simulator/models/description.h"
#include "simulator/models/loaded_model.h"

using namespace mgn::acl;
using namespace mgn::simulator;

namespace {

enum class Side { input, output };

const std::vector<TensorInfo>& tensors_of(const aclmdlDesc& desc, Side side) {
    return side == Side::input ? desc.file->inputs : desc.file->outputs;
}

// A description that was filled; else the code to return.
aclError check_filled(const Call& call, const aclmdlDesc* desc) {
    const aclError code = descriptions().check(call, desc, "modelDesc");
    if (code != kSuccess || desc->file != nullptr) return code;
    return call.fail(kInvalidParam, "the description was never filled; call aclmdlGetDesc first");
}

// The tensor, or null with the code to return in call.code().
const TensorInfo* tensor_at(const Call& call, const aclmdlDesc* desc, Side side,
                            std::size_t index) {
    if (check_filled(call, desc) != kSuccess) return nullptr;
    const std::vector<TensorInfo>& tensors = tensors_of(*desc, side);
    if (index < tensors.size()) return &tensors[index];
    call.fail(kInvalidParam, "index " + std::to_string(index) + " of " +
                                 std::to_string(tensors.size()) + " tensors");
    return nullptr;
}

void write_dims(const std::string& name, const std::vector<std::int64_t>& sizes,
                aclmdlIODims* dims) {
    std::memset(dims->name, 0, sizeof dims->name);
    std::memcpy(dims->name, name.data(), std::min(name.size(), sizeof dims->name - 1));
    dims->dimCount = sizes.size();
    std::copy(sizes.begin(), sizes.end(), dims->dims);
}

enum class Asked { network, fed, current };

aclError get_dims(const Call& call, const aclmdlDesc* desc, Side side, std::size_t index,
                  Asked asked, aclmdlIODims* dims) {
    const TensorInfo* const tensor = tensor_at(call, desc, side, index);
    if (tensor == nullptr) return call.code();
    if (dims == nullptr) return call.fail(kInvalidParam, "dims is null");
    std::vector<std::int64_t> sizes =
        asked == Asked::fed ? desc->file->fed(index).dims : tensor->dims;
    if (asked == Asked::current && desc->is_loaded && !desc->file->gears.empty()) {
        const ModelHeld model = find_model(call, desc->model_id);
        if (model == nullptr) return call.code();
        if (const std::uint64_t gear = model->gear; gear != 0) {
            sizes[0] = static_cast<std::int64_t>(gear);
        }
    }
    const auto& names = side == Side::input ? desc->input_names : desc->output_names;
    write_dims(names[index], sizes, dims);
    return kSuccess;
}

aclError index_by_name(const Call& call, const aclmdlDesc* desc, Side side, const char* name,
                       std::size_t* index) {
    if (const aclError code = check_filled(call, desc)) return code;
    if (name == nullptr || index == nullptr) {
        return call.fail(kInvalidParam, "name or index is null");
    }
    const std::vector<TensorInfo>& tensors = tensors_of(*desc, side);
    const auto& names = side == Side::input ? desc->input_names : desc->output_names;
    for (std::size_t at = 0; at < tensors.size(); ++at) {
        if (tensors[at].name == name || names[at] == name) {
            *index = at;
            return kSuccess;
        }
    }
    return call.fail(kInvalidParam, std::string("no tensor is named '") + name + "'");
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

std::size_t aclmdlGetNumInputs(aclmdlDesc* modelDesc) {
    const Call call("aclmdlGetNumInputs");
    return check_filled(call, modelDesc) == kSuccess ? modelDesc->file->inputs.size() : 0;
}

std::size_t aclmdlGetNumOutputs(aclmdlDesc* modelDesc) {
    const Call call("aclmdlGetNumOutputs");
    return check_filled(call, modelDesc) == kSuccess ? modelDesc->file->outputs.size() : 0;
}

std::size_t aclmdlGetInputSizeByIndex(aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetInputSizeByIndex");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::input, index);
    return tensor != nullptr ? modelDesc->file->fed(index).bytes : 0;
}

std::size_t aclmdlGetOutputSizeByIndex(aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetOutputSizeByIndex");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::output, index);
    return tensor != nullptr ? tensor->bytes : 0;
}

aclError aclmdlGetInputDims(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
    return get_dims(Call("aclmdlGetInputDims"), modelDesc, Side::input, index, Asked::network,
                    dims);
}

aclError aclmdlGetInputDimsV2(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
    return get_dims(Call("aclmdlGetInputDimsV2"), modelDesc, Side::input, index, Asked::fed, dims);
}

aclError aclmdlGetOutputDims(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
    return get_dims(Call("aclmdlGetOutputDims"), modelDesc, Side::output, index, Asked::network,
                    dims);
}

aclError aclmdlGetCurOutputDims(const aclmdlDesc* modelDesc, std::size_t index,
                                aclmdlIODims* dims) {
    return get_dims(Call("aclmdlGetCurOutputDims"), modelDesc, Side::output, index, Asked::current,
                    dims);
}

const char* aclmdlGetInputNameByIndex(const aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetInputNameByIndex");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::input, index);
    return tensor != nullptr ? tensor->name.c_str() : "";
}

const char* aclmdlGetOutputNameByIndex(const aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetOutputNameByIndex");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::output, index);
    return tensor != nullptr ? tensor->name.c_str() : "";
}

aclError aclmdlGetInputIndexByName(const aclmdlDesc* modelDesc, const char* name,
                                   std::size_t* index) {
    return index_by_name(Call("aclmdlGetInputIndexByName"), modelDesc, Side::input, name, index);
}

aclError aclmdlGetOutputIndexByName(const aclmdlDesc* modelDesc, const char* name,
                                    std::size_t* index) {
    return index_by_name(Call("aclmdlGetOutputIndexByName"), modelDesc, Side::output, name, index);
}

aclDataType aclmdlGetInputDataType(const aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetInputDataType");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::input, index);
    return tensor != nullptr ? modelDesc->file->fed(index).data_type : ACL_DT_UNDEFINED;
}

aclDataType aclmdlGetOutputDataType(const aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetOutputDataType");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::output, index);
    return tensor != nullptr ? tensor->data_type : ACL_DT_UNDEFINED;
}

aclFormat aclmdlGetInputFormat(const aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetInputFormat");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::input, index);
    return tensor != nullptr ? modelDesc->file->fed(index).format : ACL_FORMAT_UNDEFINED;
}

aclFormat aclmdlGetOutputFormat(const aclmdlDesc* modelDesc, std::size_t index) {
    const Call call("aclmdlGetOutputFormat");
    const TensorInfo* const tensor = tensor_at(call, modelDesc, Side::output, index);
    return tensor != nullptr ? tensor->format : ACL_FORMAT_UNDEFINED;
}

// Takes a tensor's own name or its replacement in aclmdlIODims; null for a name of neither.
const char* aclmdlGetTensorRealName(const aclmdlDesc* modelDesc, const char* name) {
    const Call call("aclmdlGetTensorRealName");
    std::size_t index = 0;
    if (check_filled(call, modelDesc) != kSuccess || name == nullptr) return nullptr;
    for (const Side side : {Side::input, Side::output}) {
        if (index_by_name(call, modelDesc, side, name, &index) == kSuccess) {
            return tensors_of(*modelDesc, side)[index].name.c_str();
        }
    }
    return nullptr;
}

}  // extern "C"
#pragma GCC visibility pop
