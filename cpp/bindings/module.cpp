// SPDX-License-Identifier: Apache-2.0
// mgn_fast._core: the boundary between C++ and Python. No loop over data and no policy lives here.
#include <pybind11/pybind11.h>

#include "bindings/bindings.h"
#include "common/errors.h"

namespace py = pybind11;

namespace {

// The Python class mgn_fast.errors.<name>; looked up when an error happens, never at import.
py::object error_class(const char* name) {
    return py::module_::import("mgn_fast.errors").attr(name);
}

void translate(std::exception_ptr failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const mgn::InvalidInput& error) {
        py::set_error(error_class("InvalidInputError"), error.what());
    } catch (const mgn::Cancelled&) {
        if (PyErr_Occurred() == nullptr) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
}

py::dict build_info() {
    py::dict info;
    info["compiler"] = __VERSION__;
    info["cxx_standard"] = static_cast<long>(__cplusplus);
    info["version"] = MGN_VERSION;
    info["pybind11"] = PYBIND11_TOSTRING(PYBIND11_VERSION_MAJOR) "." PYBIND11_TOSTRING(
        PYBIND11_VERSION_MINOR) "." PYBIND11_TOSTRING(PYBIND11_VERSION_MICRO);
    return info;
}

}  // namespace

PYBIND11_MODULE(_core, module) {
    py::register_local_exception_translator(&translate);
    module.def("build_info", &build_info);
    mgn::bindings::bind_image(module);
    mgn::bindings::bind_eval(module);
}
