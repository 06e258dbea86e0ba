// SPDX-License-Identifier: Apache-2.0
// One registration function per area of the core.
#pragma once

#include <pybind11/pybind11.h>

namespace mgn::bindings {

void bind_image(pybind11::module_& module);
void bind_eval(pybind11::module_& module);
void bind_ascend(pybind11::module_& module);

}  // namespace mgn::bindings
