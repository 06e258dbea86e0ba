// SPDX-License-Identifier: Apache-2.0
// Who runs the carried ONNX: the registered executor. Any thread.
#pragma once

#include <cstdint>

#include "simulator/core/call.h"

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

// The registered executor for as long as this object lives; taking it away waits for that.
class ExecutorUse {
public:
    ExecutorUse();
    ~ExecutorUse();
    ExecutorUse(const ExecutorUse&) = delete;
    ExecutorUse& operator=(const ExecutorUse&) = delete;

    Executor get() const noexcept { return executor_; }  // null: none is registered

private:
    Executor executor_;
};

}  // namespace mgn::simulator
