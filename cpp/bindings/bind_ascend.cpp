// SPDX-License-Identifier: Apache-2.0
// The Ascend engine for python/mgn_fast/inference/backend_ascend.py. Whatever may wait for the
// device runs without Python's lock; destructors too.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ascend/engine.h"
#include "ascend/error_names.h"
#include "bindings/bindings.h"

namespace py = pybind11;
using mgn::ascend::Batch;
using mgn::ascend::Engine;
using mgn::ascend::Lane;
using mgn::ascend::Runtime;
using Seconds = std::chrono::duration<double>;

namespace {

// Python's lock let go for a while. At the end of the process a thread that takes it back is ended
// on the spot, which no destructor survives; so once `leave` was called it waits for the end
// instead.
class Unlocked {
public:
    Unlocked() : state_(PyEval_SaveThread()) {}
    ~Unlocked() {
        ++num_returning;
        if (is_leaving && std::this_thread::get_id() != leaver) {
            --num_returning;
            while (true) pause();
        }
        PyEval_RestoreThread(state_);
        --num_returning;
    }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

    // For the exit handler, which has the lock: from here on no other thread takes it back. Exit
    // handlers that follow may close what is open.
    static void leave() {
        leaver = std::this_thread::get_id();
        is_leaving = true;
        PyThreadState* const state = PyEval_SaveThread();
        while (num_returning != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        Runtime::leave();
        PyEval_RestoreThread(state);
    }

private:
    static inline std::thread::id leaver;  // written before is_leaving
    static inline std::atomic<bool> is_leaving{false};
    static inline std::atomic<int> num_returning{0};
    PyThreadState* const state_;
};

constexpr double kSignalCheckS = 1.0;  // Ctrl-C is answered after this at the latest

// What Python holds of a lane: its views hold it, so the input outlives the last of them.
struct LaneHandle {
    std::shared_ptr<Lane> lane;
    std::shared_ptr<std::byte> input;
    py::dtype dtype;
    std::vector<py::ssize_t> shape;
};

py::dtype input_dtype(const Engine& engine) {
    switch (engine.info().input_type) {
        case mgn::acl::ACL_FLOAT:
            return py::dtype::of<float>();
        case mgn::acl::ACL_FLOAT16:
            return py::dtype("float16");
        default:
            return py::dtype::of<std::uint8_t>();
    }
}

// `output` and `width` are "" and 0 where the caller does not know the embeddings' output.
std::unique_ptr<Engine> open_engine(const std::string& path, std::int32_t device,
                                    std::size_t num_lanes, bool timed, std::string output,
                                    std::size_t width) {
    // Not a call guard: it would keep the lock away while pybind11 registers the new object.
    const Unlocked unlocked;
    return std::make_unique<Engine>(path, device, num_lanes, timed,
                                    mgn::ascend::WantedOutput{std::move(output), width});
}

std::unique_ptr<LaneHandle> take_lane(Engine& engine) {
    const std::shared_ptr<Lane> lane = engine.take_lane();
    if (!lane) return nullptr;
    const auto& info = engine.info();
    std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(info.largest_batch())};
    shape.insert(shape.end(), info.input_shape.begin(), info.input_shape.end());
    return std::make_unique<LaneHandle>(
        LaneHandle{lane, lane->input(), input_dtype(engine), shape});
}

// A writable alias of the memory that the device reads.
py::array input_view(const py::object& self) {
    const auto& handle = py::cast<LaneHandle&>(self);
    return py::array(handle.dtype, handle.shape, handle.input.get(), self);
}

std::shared_ptr<Batch> submit(const LaneHandle& handle, std::size_t count) {
    const Unlocked unlocked;
    return handle.lane->submit(count);
}

// Waits in slices, so that signals are answered.
template <typename Wait>
bool wait_in_slices(double limit_s, Wait wait) {
    const auto until = std::chrono::steady_clock::now() + Seconds(limit_s);
    while (true) {
        const Seconds rest = until - std::chrono::steady_clock::now();
        {
            const Unlocked unlocked;
            if (wait(std::min(rest, Seconds(kSignalCheckS)))) return true;
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (std::chrono::steady_clock::now() >= until) return false;
    }
}

bool wait_batch(const Batch& batch, double limit_s) {
    return wait_in_slices(limit_s, [&](Seconds slice) { return batch.lane->wait(batch, slice); });
}

// An array on the batch's own memory; raises what the batch failed with.
py::array_t<float> embeddings(const py::object& self) {
    const auto& batch = py::cast<const Batch&>(self);
    if (!batch.lane->done(batch)) throw mgn::InvalidInput("the batch has not ended; wait for it");
    if (batch.failure) throw *batch.failure;
    const std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(batch.count),
                                            static_cast<py::ssize_t>(batch.width)};
    return py::array_t<float>(shape, batch.embeddings.get(), self);
}

// Empty while it runs, after a failure, and where they were not taken.
std::vector<double> times(const Batch& batch) {
    return batch.lane->done(batch) ? batch.times : std::vector<double>();
}

// (free, total) bytes, or None.
std::optional<std::pair<std::size_t, std::size_t>> memory(std::int32_t device) {
    const auto info = Runtime::open_device(device)->memory();
    if (!info) return std::nullopt;
    return std::pair(info->free_bytes, info->total_bytes);
}

py::dict runtime_info() {
    const std::shared_ptr<Runtime> runtime = Runtime::get();
    std::uint32_t num_devices = 0;
    const mgn::acl::aclError code = runtime->api().device_count(&num_devices);
    if (code == mgn::acl::kRtNoDevice || code == mgn::acl::kRtDriverError) {
        num_devices = 0;
        runtime->forget_failure();
    } else if (code != mgn::acl::kSuccess) {
        throw runtime->error(runtime->api().device_count.name, code);
    }
    std::int32_t major = 0, minor = 0, patch = 0;
    runtime->call(runtime->api().version, &major, &minor, &patch);
    const char* const soc_name = runtime->api().soc_name();
    py::dict info;
    info["libraries"] = runtime->api().libraries;
    info["version"] =
        std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
    info["soc_name"] = soc_name == nullptr ? "" : soc_name;
    info["num_devices"] = num_devices;
    return info;
}

// (name, whether it has to be there, whether it is) of every function that is called.
py::list functions() {
    py::list found;
    for (const auto& each : mgn::ascend::functions_of(Runtime::get()->api())) {
        found.append(py::make_tuple(each.name, each.is_required, each.is_loaded));
    }
    return found;
}

void bind_runtime(py::module_& module) {
    module.def(
        "ascend_use_library",
        [](std::string path, std::vector<std::string> without) {
            Runtime::set_search({std::move(path), std::move(without)});
        },
        py::arg("path"), py::arg("without") = std::vector<std::string>());
    module.def("ascend_start", [] { Runtime::get(); }, py::call_guard<Unlocked>());
    module.def("ascend_stop", &Runtime::stop, py::call_guard<Unlocked>());
    module.def("ascend_leave", &Unlocked::leave);
    module.def("ascend_info", &runtime_info);
    module.def(
        "ascend_is_simulated", [] { return Runtime::get()->api().is_simulated; },
        py::call_guard<Unlocked>());
    module.def("ascend_functions", &functions);
    module.def("ascend_remedy", &mgn::ascend::error_remedy, py::arg("code"));
    module.def("ascend_memory", &memory, py::arg("device"), py::call_guard<Unlocked>());
}

}  // namespace

void mgn::bindings::bind_ascend(py::module_& module) {
    bind_runtime(module);
    py::class_<Batch, std::shared_ptr<Batch>>(module, "AscendBatch",
                                              py::release_gil_before_calling_cpp_dtor())
        // Asks, never waits, so the lock is kept: a mutex of ours is never held for Python's.
        .def("done", [](const Batch& batch) { return batch.lane->done(batch); })
        .def("wait", &wait_batch, py::arg("limit_s"))
        .def("embeddings", &embeddings)
        .def("times", &times);
    py::class_<LaneHandle>(module, "AscendLane", py::release_gil_before_calling_cpp_dtor())
        .def("input", &input_view)
        .def("submit", &submit, py::arg("count"))
        // Asked at every turn, as `idle` is: taking the lock back would cost more than asking.
        .def("idle", [](const LaneHandle& handle) { return handle.lane->idle(); })
        .def("require_alive", [](const LaneHandle& handle) { handle.lane->require_alive(); });
    py::class_<Engine>(module, "AscendEngine", py::release_gil_before_calling_cpp_dtor())
        .def(py::init(&open_engine), py::arg("path"), py::arg("device"), py::arg("num_lanes"),
             py::arg("timed") = false, py::arg("output") = "", py::arg("width") = 0)
        .def("input_dtype", &input_dtype)
        .def("input_shape", [](const Engine& engine) { return engine.info().input_shape; })
        .def("batch_sizes", [](const Engine& engine) { return engine.info().batch_sizes; })
        .def("output_widths", [](const Engine& engine) { return engine.info().output_widths; })
        .def("embedding_width", [](const Engine& engine) { return engine.info().embedding_width; })
        .def("shares_memory", &Engine::shares_memory)
        .def("weights_bytes", &Engine::weights_bytes)
        .def("device_bytes", &Engine::device_bytes)
        .def("take_lane", &take_lane)
        .def(
            "wait_idle",
            [](Engine& engine, double limit_s) {
                return wait_in_slices(limit_s,
                                      [&](Seconds slice) { return engine.wait_idle(slice); });
            },
            py::arg("limit_s"))
        .def("close", [](Engine& engine) { engine.close(Seconds(0)); }, py::call_guard<Unlocked>());
    module.def(
        "ascend_close",
        [](const std::vector<Engine*>& engines) { Engine::close_all(engines, Seconds(0)); },
        py::arg("engines"), py::call_guard<Unlocked>());
}
