// SPDX-License-Identifier: Apache-2.0
// A model description: what a client learns of a model's tensors. One object belongs to one thread
// at a time, as in the real library.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulator/core/registry.h"
#include "simulator/models/om_file.h"

namespace mgn::acl {

struct aclmdlDesc {
    std::shared_ptr<const simulator::OmFile> file;  // null until something was described
    std::uint32_t model_id = 0;                     // of a loaded model
    bool is_loaded = false;
    // As aclmdlIODims carries them: names of 128 bytes and more are replaced.
    std::vector<std::string> input_names;
    std::vector<std::string> output_names;
};

}  // namespace mgn::acl

namespace mgn::simulator {

Registry<acl::aclmdlDesc>& descriptions();

// Fills `desc` for a file, or for the loaded model of that id.
void describe(acl::aclmdlDesc& desc, std::shared_ptr<const OmFile> file, std::uint32_t model_id,
              bool is_loaded);

}  // namespace mgn::simulator
