// SPDX-License-Identifier: Apache-2.0
// mgn_fast._core: the boundary between C++ and Python. No loop over data and no policy lives here.
#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "common/errors.h"

namespace py = pybind11;

namespace {

// The Python class mgn_fast.errors.<name>; looked up when an error happens, never at import.
py::object error_class(const char* name) {
    return py::module_::import("mgn_fast.errors").attr(name);
}

// As text whatever the bytes: the vendor's messages and file names need not be UTF-8.
py::str readable(const std::string& text) {
    return py::reinterpret_steal<py::str>(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

py::list readable(const std::vector<std::string>& texts) {
    py::list list;
    for (const std::string& text : texts) list.append(readable(text));
    return list;
}

template <typename... Fields>
void raise(const char* name, const char* message, Fields&&... fields) {
    const py::object type = error_class(name);
    py::set_error(type, type(readable(message), std::forward<Fields>(fields)...));
}

void translate(std::exception_ptr failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const mgn::InvalidInput& error) {
        raise("InvalidInputError", error.what());
    } catch (const mgn::ModelError& error) {
        raise("ModelError", error.what());
    } catch (const mgn::RuntimeUnavailable& error) {
        raise("RuntimeUnavailableError", error.what(), py::arg("tried") = readable(error.tried),
              py::arg("missing") = readable(error.missing));
    } catch (const mgn::DeviceError& error) {
        raise(error.out_of_memory ? "DeviceMemoryError" : "DeviceError", error.what(),
              py::arg("call") = error.call, py::arg("code") = error.code,
              py::arg("detail") = readable(error.detail));
    } catch (const mgn::Cancelled&) {
        if (PyErr_Occurred() == nullptr) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
}

py::dict build_info() {
    py::dict info;
#ifdef __clang__
    info["compiler"] = "clang " PYBIND11_TOSTRING(__clang_major__) "." PYBIND11_TOSTRING(
        __clang_minor__) "." PYBIND11_TOSTRING(__clang_patchlevel__);
#else
    info["compiler"] = "g++ " __VERSION__;
#endif
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
    mgn::bindings::bind_ascend(module);
}
