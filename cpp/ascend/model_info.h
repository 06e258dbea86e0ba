// SPDX-License-Identifier: Apache-2.0
// What a loaded .om says of itself, checked: one input of pictures, gears or one batch size, and
// the one output that holds the embeddings. Anything ambiguous is refused. Needs a current context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ascend/api.h"
#include "ascend/runtime.h"

namespace mgn::ascend {

struct ModelInfo {
    std::size_t input = 0;  // index of the pictures
    aclDataType input_type = ACL_DT_UNDEFINED;
    std::vector<std::int64_t> input_shape;  // of one picture
    std::size_t picture_bytes = 0;

    std::optional<std::size_t> gear_input;  // index of the input that says which gear runs
    std::vector<std::int64_t> batch_sizes;  // ascending; a single one without gears
    std::vector<std::size_t> input_bytes;   // of every input, for the largest batch
    std::vector<std::size_t> output_bytes;  // of every output, for the largest batch
    std::vector<std::size_t> output_widths;  // of every output, elements per picture

    std::size_t output = 0;  // index of the embeddings
    aclDataType output_type = ACL_DT_UNDEFINED;
    std::size_t embedding_width = 0;
    std::size_t embedding_bytes = 0;

    // Of the device's memory, what one instance's inputs and outputs take.
    std::size_t buffer_bytes() const;

    std::size_t largest_batch() const { return static_cast<std::size_t>(batch_sizes.back()); }
};

// What the caller knows of the output that holds the embeddings; "" and 0: nothing.
struct WantedOutput {
    std::string name;
    std::size_t width = 0;
};

// Throws ModelError (what the model is, what was expected) or DeviceError.
ModelInfo read_model_info(const Runtime& runtime, aclmdlDesc* description, const std::string& path,
                          const WantedOutput& wanted);

}  // namespace mgn::ascend
