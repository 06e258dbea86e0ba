// SPDX-License-Identifier: Apache-2.0
// Errors that cross into Python as typed exceptions; bindings/module.cpp translates each class.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mgn {

// An argument's shape, type, range or value. Python sees InvalidInputError.
class InvalidInput : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

// A model file cannot be used. Python sees ModelError.
class ModelError : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

// A vendor library was not found or lacks functions. Python sees RuntimeUnavailableError.
class RuntimeUnavailable : public std::runtime_error {
public:
    RuntimeUnavailable(const std::string& message, std::vector<std::string> tried_paths,
                       std::vector<std::string> missing_symbols)
        : std::runtime_error(message),
          tried(std::move(tried_paths)),
          missing(std::move(missing_symbols)) {}

    std::vector<std::string> tried;
    std::vector<std::string> missing;
};

// A call of a device's runtime failed. Python sees DeviceError, or DeviceMemoryError where memory
// was what it lacked.
class DeviceError : public std::runtime_error {
public:
    DeviceError(const std::string& message, std::string failed_call, int return_code,
                std::string vendor_text, bool lacks_memory)
        : std::runtime_error(message),
          call(std::move(failed_call)),
          code(return_code),
          detail(std::move(vendor_text)),
          out_of_memory(lacks_memory) {}

    std::string call;
    int code;
    std::string detail;
    bool out_of_memory;
};

// The caller asked to stop. Python sees the pending signal's own exception (KeyboardInterrupt).
class Cancelled : public std::runtime_error {
public:
    Cancelled() : std::runtime_error("cancelled") {}
};

}  // namespace mgn
