// SPDX-License-Identifier: Apache-2.0
// The simulated .om: the real container's 256-byte header, a description in text lines, the ONNX.
// Nothing in a file is trusted: every number is range-checked. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "acl/acl_errors.h"

namespace mgn::simulator {

// Note [simulated om]
// Header as acl-api's container prologue; then lines of fields parted by single blanks, any order
// after the first, `#` begins a comment, names percent-encoded:
//   mgn-fast-simulated-om 1
//   soc_version NAME
//   batch N | gears N1 N2 ...                        a fixed batch, or ascending gears
//   input NAME DTYPE FORMAT NDIMS D0 ...             D0 = -1 with gears
//   aipp DTYPE NDIMS D0 ... MIN x3 VAR_RECI x3       static AIPP of input 0: what the client feeds
//   output NAME DTYPE FORMAT NDIMS D0 ...            D0 = largest gear
//   weight_bytes N | work_bytes N | onnx_bytes N
//   end
// and exactly onnx_bytes bytes.

struct TensorInfo {
    std::string name;
    acl::aclDataType data_type = acl::ACL_DT_UNDEFINED;
    acl::aclFormat format = acl::ACL_FORMAT_UNDEFINED;
    std::vector<std::int64_t> dims;
    std::size_t bytes = 0;  // at the largest gear
};

// The client feeds `source` (uint8 NHWC); the network sees (half(x) - half(min)) * half(var_reci).
struct StaticAipp {
    TensorInfo source;
    float min_chn[3] = {0, 0, 0};
    float var_reci[3] = {1, 1, 1};
};

struct OmFile {
    std::uint64_t id = 0;  // of the content: equal for files with equal bytes
    std::string soc_version;
    std::vector<std::uint64_t> gears;  // ascending; empty: a fixed batch
    std::uint64_t batch = 0;           // the fixed batch or the largest gear
    std::vector<TensorInfo> inputs;    // with gears the last one holds the gear
    std::vector<TensorInfo> outputs;
    std::optional<StaticAipp> aipp;
    std::size_t weight_bytes = 0;
    std::size_t work_bytes = 0;
    std::string content;  // the whole file
    std::size_t onnx_bytes = 0;

    const char* onnx() const { return content.data() + (content.size() - onnx_bytes); }
    std::size_t num_data_inputs() const { return inputs.size() - (gears.empty() ? 0 : 1); }
    // What the client feeds: the AIPP's source for input 0 of a model with static AIPP.
    const TensorInfo& fed(std::size_t input) const {
        return input == 0 && aipp ? aipp->source : inputs[input];
    }
};

// Why a file is no model, with the code that loading it returns.
class OmError : public std::runtime_error {
public:
    OmError(acl::aclError code, const std::string& why) : std::runtime_error(why), code_(code) {}
    acl::aclError code() const noexcept { return code_; }

private:
    acl::aclError code_;
};

// Parses a whole file's bytes. Files with equal bytes that are in use share one object. Throws
// OmError.
std::shared_ptr<const OmFile> parse_om(std::string content);

// The same from a regular file.
std::shared_ptr<const OmFile> read_om(const std::string& path);

}  // namespace mgn::simulator
