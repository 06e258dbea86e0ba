# SPDX-License-Identifier: Apache-2.0
# Builds for AArch64 on another machine, by the headers and libraries of the root that
# tools/aarch64/make_root has made and MGN_AARCH64_ROOT names.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
if(NOT IS_DIRECTORY "$ENV{MGN_AARCH64_ROOT}/usr/include/python3.11")
  message(FATAL_ERROR "MGN_AARCH64_ROOT is \"$ENV{MGN_AARCH64_ROOT}\", expected a directory that "
    "tools/aarch64/make_root has made")
endif()
set(CMAKE_SYSROOT "$ENV{MGN_AARCH64_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# What an interpreter that cannot run here would be asked for.
set(Python_INCLUDE_DIR "${CMAKE_SYSROOT}/usr/include/python3.11")
set(PYTHON_MODULE_EXTENSION ".cpython-311-aarch64-linux-gnu.so" CACHE STRING "")
