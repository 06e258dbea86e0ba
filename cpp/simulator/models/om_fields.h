// SPDX-License-Identifier: Apache-2.0
// Fields of the simulated .om's description lines. Throws OmError for whatever is not as expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "simulator/models/om_file.h"

namespace mgn::simulator {

// One line, taken apart field by field.
class Fields {
public:
    explicit Fields(const std::string& line) : line_(line) {}

    const std::string& line() const { return line_; }
    bool at_end() const { return cursor_ > line_.size(); }
    std::string word();
    std::string name();  // percent-decoded
    std::int64_t integer(std::int64_t least, std::int64_t most);
    float number();  // finite
    void expect_end() const;

private:
    [[noreturn]] void refuse(const std::string& expected) const;

    const std::string& line_;
    std::size_t cursor_ = 0;
};

// NAME DTYPE FORMAT NDIMS D0 ...
TensorInfo read_tensor(Fields& fields);

// NDIMS D0 ...; only D0 may be -1.
void read_dims(Fields& fields, TensorInfo& tensor);

// DTYPE NDIMS D0 ... MIN x3 VAR_RECI x3
StaticAipp read_aipp(Fields& fields);

// Bytes of the tensor with `batch` in place of a first dimension of -1; refuses sizes over 1 TiB.
std::size_t tensor_bytes(const TensorInfo& tensor, std::uint64_t batch);

[[noreturn]] void refuse_om(const std::string& why);

}  // namespace mgn::simulator
