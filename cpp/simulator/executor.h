// SPDX-License-Identifier: Apache-2.0
// Who runs the carried ONNX: the registered executor. Any thread.
#pragma once

#include "simulator/model.h"

namespace mgn::simulator {

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
