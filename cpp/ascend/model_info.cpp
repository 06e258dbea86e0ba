// SPDX-License-Identifier: Apache-2.0
// Reads a description through AscendCL and checks it. Owns, loads and keeps nothing: any thread
// that has a context current.
#include "ascend/model_info.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace mgn::ascend {

namespace {

// What tells the embedding from other outputs where nobody says it (contract.py's OUTPUT_NAME).
const std::string kOutputName = "features";

struct Tensor {
    std::string name;
    aclDataType type = ACL_DT_UNDEFINED;
    std::vector<std::int64_t> dims;
    std::size_t bytes = 0;
};

std::string describe(const Tensor& tensor) {
    std::string text = tensor.name + " type " + std::to_string(tensor.type) + " (";
    for (const std::int64_t size : tensor.dims) text += std::to_string(size) + ", ";
    return text + std::to_string(tensor.bytes) + " bytes)";
}

std::string describe(const std::vector<Tensor>& tensors) {
    std::string text;
    for (const Tensor& tensor : tensors) text += (text.empty() ? "" : "; ") + describe(tensor);
    return text;
}

[[noreturn]] void refuse(const std::string& path, const std::string& what,
                         const std::vector<Tensor>& tensors) {
    throw ModelError(path + " " + what + "; it has " + describe(tensors));
}

std::size_t element_bytes(aclDataType type) {
    switch (type) {
        case ACL_FLOAT:
            return 4;
        case ACL_FLOAT16:
            return 2;
        case ACL_UINT8:
            return 1;
        default:
            return 0;
    }
}

// Elements behind the batch axis. An absurd count is one that no memory holds: 0 then.
std::size_t row_elements(const Tensor& tensor) {
    std::size_t count = 1;
    for (std::size_t axis = 1; axis < tensor.dims.size(); ++axis) {
        const std::int64_t size = tensor.dims[axis];
        if (size < 1 || count > (std::size_t{1} << 40) / static_cast<std::size_t>(size)) return 0;
        count *= static_cast<std::size_t>(size);
    }
    return tensor.dims.empty() ? 0 : count;
}

class Reader {
public:
    Reader(const Runtime& runtime, aclmdlDesc* description)
        : runtime_(runtime), api_(runtime.api()), description_(description) {}

    std::vector<Tensor> inputs() const {
        return tensors(api_.num_inputs, api_.input_name, api_.input_type, api_.input_dims,
                       api_.input_bytes);
    }

    std::vector<Tensor> outputs() const {
        return tensors(api_.num_outputs, api_.output_name, api_.output_type, api_.output_dims,
                       api_.output_bytes);
    }

    // Ascending; empty for a model without gears.
    std::vector<std::int64_t> gears() const {
        aclmdlBatch gears{};
        runtime_.call(api_.batch_gears, description_, &gears);
        std::vector<std::int64_t> sizes;
        for (std::size_t i = 0; i < std::min(gears.batchCount, kMaxGears); ++i) {
            sizes.push_back(static_cast<std::int64_t>(gears.batch[i]));
        }
        std::sort(sizes.begin(), sizes.end());
        return sizes;
    }

    bool changes_more_than_batch() const {
        aclmdlHW sizes{};
        runtime_.call(api_.size_gears, description_, kAnyInput, &sizes);
        std::size_t shapes = 0;
        runtime_.call(api_.dims_gears, description_, kAnyInput, &shapes);
        return sizes.hwCount != 0 || shapes != 0;
    }

private:
    template <typename Count, typename Name, typename Type, typename Dims, typename Bytes>
    std::vector<Tensor> tensors(const Count& count, const Name& name, const Type& type,
                                const Dims& dims, const Bytes& bytes) const {
        const std::size_t number = count(description_);
        if (number == 0) throw runtime_.refusal(count.name);
        std::vector<Tensor> found(number);
        for (std::size_t i = 0; i < number; ++i) {
            const char* const text = name(description_, i);
            if (text == nullptr || *text == '\0') throw runtime_.refusal(name.name);
            found[i].name = text;
            found[i].type = type(description_, i);
            if (found[i].type == ACL_DT_UNDEFINED) throw runtime_.refusal(type.name);
            aclmdlIODims shape{};
            runtime_.call(dims, description_, i, &shape);
            found[i].dims.assign(shape.dims, shape.dims + std::min(shape.dimCount, kMaxDimensions));
            found[i].bytes = bytes(description_, i);
            // A shape that is known has a size.
            const bool known = std::all_of(found[i].dims.begin(), found[i].dims.end(),
                                           [](std::int64_t size) { return size > 0; });
            if (known && found[i].bytes == 0) throw runtime_.refusal(bytes.name);
        }
        return found;
    }

    const Runtime& runtime_;
    const Api& api_;
    aclmdlDesc* const description_;
};

void read_input(ModelInfo& info, const std::vector<Tensor>& inputs, const std::string& path) {
    std::vector<std::size_t> pictures;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].name == kDynamicAippInput) {
            refuse(path, "has dynamic AIPP, expected static AIPP or none", inputs);
        }
        if (inputs[i].name == kGearInput) {
            info.gear_input = i;
        } else {
            pictures.push_back(i);
        }
        info.input_bytes.push_back(inputs[i].bytes);
    }
    if (pictures.size() != 1) refuse(path, "does not have exactly one input of pictures", inputs);
    info.input = pictures.front();
    const Tensor& input = inputs[info.input];
    info.input_type = input.type;
    info.picture_bytes = row_elements(input) * element_bytes(input.type);
    const bool supported =
        input.type == ACL_FLOAT || input.type == ACL_FLOAT16 || input.type == ACL_UINT8;
    if (!supported || info.picture_bytes == 0 || input.dims.size() < 2) {
        refuse(path,
               "has an input that is not float32, float16 or uint8 with a batch axis and fixed "
               "other sizes",
               inputs);
    }
    info.input_shape.assign(input.dims.begin() + 1, input.dims.end());
}

void read_batch_sizes(ModelInfo& info, std::vector<std::int64_t> gears, std::int64_t batch,
                      const std::vector<Tensor>& inputs, const std::string& path) {
    if (gears.empty() != !info.gear_input) {
        refuse(path, "has gears without their input or the input without gears", inputs);
    }
    info.batch_sizes = gears.empty() ? std::vector<std::int64_t>{batch} : std::move(gears);
    if (info.batch_sizes.front() < 1) {
        refuse(path,
               "has no fixed batch size and no gears; compile it with --input_shape or "
               "--dynamic_batch_size",
               inputs);
    }
    const std::size_t largest = info.largest_batch();
    if (largest > (std::size_t{1} << 20) ||
        inputs[info.input].bytes < largest * info.picture_bytes) {
        refuse(path, "has an input smaller than its batch", inputs);
    }
    if (info.gear_input && inputs[*info.gear_input].bytes < 4) {
        refuse(path, "has a gear input below 4 bytes", inputs);
    }
}

template <typename Condition>
std::vector<std::size_t> places(const std::vector<Tensor>& outputs, const Condition& holds) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (holds(outputs[i])) found.push_back(i);
    }
    return found;
}

// ATC names an output <node>:<index>:<tensor>; older ones leave the tensor out.
bool has_tensor_name(const Tensor& output) {
    return std::count(output.name.begin(), output.name.end(), ':') != 1;
}

// Whether an output is called so, or <node>:<index>:so; a tensor's name may have colons of its own.
bool bears(const Tensor& output, const std::string& name) {
    if (output.name == name) return true;
    const std::string end = ":" + name;
    if (output.name.size() <= end.size()) return false;
    const std::size_t cut = output.name.size() - end.size();
    const std::size_t before = output.name.find_last_not_of("0123456789", cut - 1);
    return output.name.compare(cut, end.size(), end) == 0 && before != std::string::npos &&
           before + 1 < cut && output.name[before] == ':';
}

// The only output; of several the one that is named, or the only one of the width where the names
// of the model are not in the file.
std::size_t find_embedding(const std::vector<Tensor>& outputs, const WantedOutput& wanted,
                           const std::string& path) {
    const bool says_names = std::any_of(outputs.begin(), outputs.end(), has_tensor_name);
    if (outputs.size() == 1 && (wanted.name.empty() || !says_names)) return 0;
    const std::string& name = wanted.name.empty() ? kOutputName : wanted.name;
    std::vector<std::size_t> found =
        places(outputs, [&](const Tensor& output) { return bears(output, name); });
    if (found.empty() && (wanted.name.empty() || !says_names)) {
        found = places(outputs, [&](const Tensor& output) {
            return wanted.width != 0 && row_elements(output) == wanted.width;
        });
    }
    if (found.size() == 1) return found.front();
    refuse(path,
           wanted.name.empty() ? "has several outputs and does not say which holds the embeddings, "
                                 "expected its name as output"
                               : "has no output '" + wanted.name + "'",
           outputs);
}

void read_output(ModelInfo& info, const std::vector<Tensor>& outputs, const WantedOutput& wanted,
                 const std::string& path) {
    for (const Tensor& output : outputs) {
        if (output.bytes == 0) refuse(path, "has an output of unknown size", outputs);
        info.output_bytes.push_back(output.bytes);
        info.output_widths.push_back(row_elements(output));
    }
    info.output = find_embedding(outputs, wanted, path);
    const Tensor& output = outputs[info.output];
    info.output_type = output.type;
    info.embedding_width = row_elements(output);
    info.embedding_bytes = info.embedding_width * element_bytes(output.type);
    const auto sides = std::count_if(output.dims.begin(), output.dims.end(),
                                     [](std::int64_t size) { return size > 1; });
    const std::int64_t first = output.dims.empty() ? 0 : output.dims.front();
    const bool is_row = sides - (first > 1 ? 1 : 0) <= 1;
    const bool supported = is_row && (output.type == ACL_FLOAT || output.type == ACL_FLOAT16);
    if (!supported || info.embedding_bytes == 0 || first != info.batch_sizes.back() ||
        output.bytes < info.largest_batch() * info.embedding_bytes) {
        refuse(path, "has embeddings that are not float32 or float16 (batch, width)", outputs);
    }
}

}  // namespace

std::size_t ModelInfo::buffer_bytes() const {
    const std::size_t inputs =
        std::accumulate(input_bytes.begin(), input_bytes.end(), std::size_t{0});
    return std::accumulate(output_bytes.begin(), output_bytes.end(), inputs);
}

ModelInfo read_model_info(const Runtime& runtime, aclmdlDesc* description, const std::string& path,
                          const WantedOutput& wanted) {
    const Reader reader(runtime, description);
    const std::vector<Tensor> inputs = reader.inputs();
    if (reader.changes_more_than_batch()) {
        refuse(path, "has gears of other sizes than the batch, expected none", inputs);
    }
    ModelInfo info;
    read_input(info, inputs, path);
    const std::vector<std::int64_t> gears = reader.gears();
    // With gears every size is known: that of the largest.
    if (!gears.empty() && inputs[info.input].bytes == 0) {
        throw runtime.refusal(runtime.api().input_bytes.name);
    }
    read_batch_sizes(info, gears, inputs[info.input].dims.front(), inputs, path);
    read_output(info, reader.outputs(), wanted, path);
    return info;
}

}  // namespace mgn::ascend
