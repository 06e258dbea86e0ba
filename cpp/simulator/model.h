// SPDX-License-Identifier: Apache-2.0
// Hooks between the simulator's runtime part and its models: what each side offers the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simulator/call.h"

namespace mgn::simulator {

// One tensor as the executor sees it: the simulator's own bytes, never a client's device address.
struct ExecutorTensor {
    const char* name;
    std::int32_t data_type;  // aclDataType
    std::int32_t num_dims;
    std::int64_t dims[8];
    void* data;
    std::uint64_t bytes;
};

// Runs the carried ONNX for one batch; 0 or the code that the execution then fails with. Called on
// a stream's thread without any lock of the simulator. `file` tells loaded files apart.
using Executor = aclError (*)(std::uint64_t file, const void* onnx, std::uint64_t onnx_bytes,
                              const ExecutorTensor* inputs, std::int32_t num_inputs,
                              ExecutorTensor* outputs, std::int32_t num_outputs);

// Null takes it away again and waits until no batch is inside it.
void set_executor(Executor executor);

// A context ends, and with it the models that were loaded in it.
void drop_models_of(std::uint64_t context);

// Seconds one H2D or D2H copy of `bytes` takes in the profile in force.
double copy_in_s(std::size_t bytes);
double copy_out_s(std::size_t bytes);

}  // namespace mgn::simulator
