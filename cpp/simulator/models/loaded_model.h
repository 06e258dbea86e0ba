// SPDX-License-Identifier: Apache-2.0
// Models that are loaded: one modelId each, with what may be done with it and by whom. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "simulator/core/call.h"
#include "simulator/devices/context.h"
#include "simulator/memory/memory.h"
#include "simulator/models/om_file.h"

namespace mgn::simulator {

// A client's work or weight memory. Empty: the system's own.
struct Region {
    Held memory;
    const void* address = nullptr;
    std::size_t size = 0;
};

enum class Mode { none, sync, async };

struct LoadedModel {
    LoadedModel() = default;
    ~LoadedModel();
    LoadedModel(const LoadedModel&) = delete;
    LoadedModel& operator=(const LoadedModel&) = delete;

    std::uint32_t id = 0;
    std::shared_ptr<const OmFile> file;
    std::uint64_t context = 0;
    std::weak_ptr<Context> home;  // that context
    std::uint32_t device = 0;
    Region work;
    Region weights;
    std::uint64_t system_bytes = 0;      // of the device, for what the client lent no memory
    std::uint64_t weight_sum = 0;        // of the weight memory as load left it
    std::atomic<std::uint64_t> gear{0};  // as last set; 0: never
    std::vector<float> scratch;          // of the execution that runs, for AIPP's result

    // What is queued or running. The mutex is held for bookkeeping only.
    std::mutex mutex;
    Mode mode = Mode::none;
    std::size_t in_flight = 0;
    const void* stream = nullptr;           // of what is in flight
    std::vector<const void*> gear_buffers;  // of what is in flight
};

using ModelHeld = std::shared_ptr<LoadedModel>;

// The model of that id, which must have been loaded in the calling thread's context; else null, and
// call.code() is what to return. `verb` completes "model 3 was loaded in context 1, ... in context
// 2".
ModelHeld model_in_context(const Call& call, std::uint32_t id, const char* verb);

// Null if no such model is loaded; 145003 is then recorded.
ModelHeld find_model(const Call& call, std::uint32_t id);

// What the client lends at load: null means the system's memory.
struct Lent {
    void* work = nullptr;
    std::size_t work_bytes = 0;
    void* weights = nullptr;
    std::size_t weight_bytes = 0;
};

// Loads into the calling thread's context; gives the new id.
aclError load_model(const Call& call, std::shared_ptr<const OmFile> file, const Lent& lent,
                    std::uint32_t* id);

// The file's model, or null with what loading it gives in call.code().
std::shared_ptr<const OmFile> om_from_path(const Call& call, const char* path);
std::shared_ptr<const OmFile> om_from_memory(const Call& call, const void* model, std::size_t size);

// A context ends, and with it the models that were loaded in it.
void drop_models_of(std::uint64_t context);

// Whether the region's memory is still the live allocation that it was at load.
bool is_alive(const Region& region);

}  // namespace mgn::simulator
