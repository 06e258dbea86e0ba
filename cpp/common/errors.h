// SPDX-License-Identifier: Apache-2.0
// Errors that cross into Python as typed exceptions; bindings/module.cpp translates each class.
#pragma once

#include <stdexcept>
#include <string>

namespace mgn {

// An argument's shape, type, range or value. Python sees InvalidInputError.
class InvalidInput : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

// The caller asked to stop. Python sees the pending signal's own exception (KeyboardInterrupt).
class Cancelled : public std::runtime_error {
public:
    Cancelled() : std::runtime_error("cancelled") {}
};

}  // namespace mgn
