// SPDX-License-Identifier: Apache-2.0
// Opens the libraries and fills the table. Knows no rule of AscendCL's calls: runtime.cpp keeps
// those. A filled table does not change: any thread reads it.
#include "ascend/api.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "common/errors.h"

namespace mgn::ascend {

namespace {

using Names = std::vector<std::string>;

// Calls visit(function) for every function of the table.
template <typename Table, typename Visit>
void for_each_function(Table& api, Visit visit) {
    const auto all = [&](auto&... functions) { (visit(functions), ...); };
    all(api.init, api.finalize, api.finalize_reference, api.soc_name, api.version,
        api.recent_error, api.device_count, api.run_mode, api.create_context, api.set_context,
        api.current_context, api.destroy_context);
    all(api.create_stream, api.create_stream_with_config, api.destroy_stream, api.query_stream,
        api.synchronize_stream, api.synchronize_stream_with_timeout, api.abort_stream);
    all(api.create_event, api.create_plain_event, api.destroy_event, api.record_event,
        api.query_event, api.elapsed_time);
    all(api.malloc, api.free, api.malloc_host, api.free_host, api.memcpy_async, api.memset,
        api.memory_info);
    all(api.query_size, api.load, api.load_with_memory, api.unload, api.create_description,
        api.destroy_description, api.describe, api.num_inputs, api.num_outputs, api.input_bytes,
        api.output_bytes, api.input_dims, api.output_dims, api.input_name, api.output_name,
        api.input_type, api.output_type, api.batch_gears, api.size_gears, api.dims_gears,
        api.set_gear, api.execute);
    all(api.create_data_buffer, api.destroy_data_buffer, api.create_dataset, api.destroy_dataset,
        api.add_data_buffer);
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// As CANN's directories name the machine.
#if defined(__aarch64__)
constexpr const char* kMachine = "aarch64";
#else
constexpr const char* kMachine = "x86_64";
#endif

// Sets of files that together are AscendCL, in the order of trying.
std::vector<Names> candidates(const Search& search) {
    if (!search.library.empty()) return {{search.library}};
    const std::string chosen = environment("MGN_FAST_ASCENDCL");
    if (!chosen.empty()) return {{chosen}};
    std::vector<Names> sets = {{"libascendcl.so"}};
    const std::string home = environment("ASCEND_HOME_PATH");
    // The first is a link to the second where the installer has made one.
    Names folders;
    if (!home.empty()) folders = {home + "/lib64/", home + "/" + kMachine + "-linux/lib64/"};
    for (const auto& folder : folders) sets.push_back({folder + "libascendcl.so"});
    sets.push_back({"libacl_rt.so", "libacl_mdl.so"});
    for (const auto& folder : folders) {
        sets.push_back({folder + "libacl_rt.so", folder + "libacl_mdl.so"});
    }
    return sets;
}

std::string join(const Names& parts, const char* between) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
    return text;
}

// A library of AscendCL that is there and cannot be opened: the loader's reason, and the library
// that it needs and that is not there, if that is the reason.
struct Unopened {
    std::string file;
    std::string why;
    std::string lacks;
};

// The library that is not there, by the loader's text; "" where the text says something else.
std::string absent_library(const std::string& why) {
    const std::size_t end = why.find(": cannot open shared object file: No such file");
    return end == std::string::npos ? "" : why.substr(0, end);
}

// Handles of all files of a set, or none; what failed goes to `tried`, and to `unopened` if the
// file itself is there.
std::vector<void*> open_all(const Names& files, Names& tried, std::vector<Unopened>& unopened) {
    std::vector<void*> handles;
    for (const std::string& file : files) {
        void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            const char* const text = dlerror();
            const std::string why = text == nullptr ? "unknown reason" : text;
            tried.push_back(file + " (" + why + ")");
            const std::string lacks = absent_library(why);
            if (lacks != file) unopened.push_back({file, why, lacks});
            return {};
        }
        handles.push_back(handle);
    }
    return handles;
}

// Null too for what the simulator, as a library of its generation would, has not.
void* find_symbol(const std::vector<void*>& handles, const char* name) {
    for (void* const handle : handles) {
        void* const address = dlsym(handle, name);
        if (address == nullptr) continue;
        const auto is_missing =
            reinterpret_cast<int (*)(const char*)>(dlsym(handle, "mgnsim_is_missing"));
        return is_missing != nullptr && is_missing(name) != 0 ? nullptr : address;
    }
    return nullptr;
}

// Binds every function; returns the names of required ones that are not there.
Names bind_all(Api& api, const std::vector<void*>& handles, const Names& without) {
    Names missing;
    for_each_function(api, [&](auto& function) {
        const bool hidden = std::count(without.begin(), without.end(), function.name) != 0;
        function.bind(hidden ? nullptr : find_symbol(handles, function.name));
        if (!function.is_loaded() && function.need == Need::required)
            missing.push_back(function.name);
    });
    return missing;
}

bool is_simulator(const std::vector<void*>& handles) {
    return find_symbol(handles, "mgnsim_is_simulator") != nullptr;
}

// The simulator, once it has been in use, answers to the vendor's name for as long as the process
// lives. Only who asks for it gets it.
bool is_unasked_simulator(const std::vector<void*>& handles, const Search& search) {
    const bool asked = !search.library.empty() || !environment("MGN_FAST_ASCENDCL").empty() ||
                       !environment("MGN_FAST_SIMULATOR").empty();
    return !asked && is_simulator(handles);
}

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

// Libraries that come with the driver and not with CANN.
bool is_of_driver(const std::string& library) {
    for (const char* const name : {"libascend_hal", "libdrv", "libdcmi"}) {
        if (contains(library, name)) return true;
    }
    return false;
}

// What is to be told of a library that is there: which part it lacks, and how that part gets there.
std::string fault_of(const Unopened& found) {
    if (is_of_driver(found.lacks)) {
        return "AscendCL was found, its driver was not: " + found.file + " needs " + found.lacks +
               ". Install the driver, or in a container mount the host's /usr/local/Ascend/driver; "
               "then add its lib64/driver and lib64/common to LD_LIBRARY_PATH";
    }
    if (!found.lacks.empty()) {
        return "AscendCL was found, a library that it needs was not: " + found.file + " needs " +
               found.lacks +
               ". `source set_env.sh` of CANN; in a container mount the host's "
               "/usr/local/Ascend/driver too, and add its lib64/driver and lib64/common to "
               "LD_LIBRARY_PATH";
    }
    const std::string start = "AscendCL was found and cannot be opened: " + found.why;
    // The driver's functions are hal*, drv* and dcmi*.
    for (const char* const name :
         {"undefined symbol: hal", "undefined symbol: drv", "undefined symbol: dcmi"}) {
        if (contains(found.why, name)) {
            return start + ". The driver is older than this CANN; install the one that CANN's "
                           "release notes name";
        }
    }
    return start + ". Install CANN for this machine, or set MGN_FAST_ASCENDCL to another "
                   "libascendcl.so";
}

}  // namespace

std::vector<Presence> functions_of(const Api& api) {
    std::vector<Presence> found;
    for_each_function(api, [&](const auto& function) {
        found.push_back({function.name, function.need == Need::required, function.is_loaded()});
    });
    return found;
}

Api load_api(const Search& search) {
    Names tried;
    Names missing;
    std::vector<Unopened> unopened;
    for (const Names& files : candidates(search)) {
        const std::vector<void*> handles = open_all(files, tried, unopened);
        if (handles.empty()) continue;
        if (is_unasked_simulator(handles, search)) {
            tried.push_back(join(files, " + ") + " (is the simulator, which is not enabled)");
            continue;
        }
        Api api;
        missing = bind_all(api, handles, search.without);
        if (missing.empty()) {
            api.libraries = files;
            api.is_simulated = is_simulator(handles);
            return api;
        }
        tried.push_back(join(files, " + ") + " (lacks " + join(missing, ", ") + ")");
    }
    // One that is there and lacks something tells more than all those that are not there.
    if (!unopened.empty() && missing.empty()) {
        const Unopened& found = unopened.front();
        const Names needed = found.lacks.empty() ? Names{} : Names{found.lacks};
        throw RuntimeUnavailable(fault_of(found), tried, needed);
    }
    throw RuntimeUnavailable(
        "AscendCL was not found: tried " + join(tried, "; ") +
            ". On an Ascend host install CANN 5.1 or later and `source set_env.sh` of it, or set "
            "MGN_FAST_ASCENDCL to libascendcl.so; without an NPU call mgn_fast.simulator.enable(), "
            "or run the .onnx model instead",
        tried, missing);
}

}  // namespace mgn::ascend
