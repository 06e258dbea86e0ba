// SPDX-License-Identifier: Apache-2.0
// AscendCL as one table of functions, filled by dlopen at first use. Everything else here calls the
// vendor through it. A function that CANN of mid-2022 lacks, or that only measures, is optional and
// asked for by `is_loaded()`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "acl/acl.h"
#include "acl/acl_errors.h"

namespace mgn::ascend {

using namespace mgn::acl;

enum class Need { required, optional };

template <typename Signature>
class Function;

// One function of the vendor's library; its name stands in every error.
template <typename Result, typename... Arguments>
class Function<Result(Arguments...)> {
public:
    using Pointer = Result (*)(Arguments...);

    constexpr explicit Function(const char* symbol, Need how = Need::required)
        : name(symbol), need(how) {}

    Result operator()(Arguments... arguments) const { return pointer_(arguments...); }
    bool is_loaded() const noexcept { return pointer_ != nullptr; }
    void bind(void* address) noexcept { pointer_ = reinterpret_cast<Pointer>(address); }

    const char* name;
    Need need;

private:
    Pointer pointer_ = nullptr;
};

struct Api {
    Function<aclError(const char*)> init{"aclInit"};
    Function<aclError()> finalize{"aclFinalize"};
    Function<aclError(std::uint64_t*)> finalize_reference{"aclFinalizeReference", Need::optional};
    Function<const char*()> soc_name{"aclrtGetSocName"};
    Function<aclError(std::int32_t*, std::int32_t*, std::int32_t*)> version{"aclrtGetVersion"};
    Function<const char*()> recent_error{"aclGetRecentErrMsg"};
    Function<aclError(std::uint32_t*)> device_count{"aclrtGetDeviceCount"};
    Function<aclError(aclrtRunMode*)> run_mode{"aclrtGetRunMode"};
    Function<aclError(aclrtContext*, std::int32_t)> create_context{"aclrtCreateContext"};
    Function<aclError(aclrtContext)> set_context{"aclrtSetCurrentContext"};
    Function<aclError(aclrtContext*)> current_context{"aclrtGetCurrentContext"};
    Function<aclError(aclrtContext)> destroy_context{"aclrtDestroyContext"};

    Function<aclError(aclrtStream*)> create_stream{"aclrtCreateStream"};
    Function<aclError(aclrtStream*, std::uint32_t, std::uint32_t)> create_stream_with_config{
        "aclrtCreateStreamWithConfig", Need::optional};
    Function<aclError(aclrtStream)> destroy_stream{"aclrtDestroyStream"};
    Function<aclError(aclrtStream, aclrtStreamStatus*)> query_stream{"aclrtStreamQuery",
                                                                     Need::optional};
    Function<aclError(aclrtStream)> synchronize_stream{"aclrtSynchronizeStream"};
    Function<aclError(aclrtStream, std::int32_t)> synchronize_stream_with_timeout{
        "aclrtSynchronizeStreamWithTimeout", Need::optional};
    Function<aclError(aclrtStream)> abort_stream{"aclrtStreamAbort", Need::optional};

    Function<aclError(aclrtEvent*, std::uint32_t)> create_event{"aclrtCreateEventWithFlag"};
    Function<aclError(aclrtEvent*)> create_plain_event{"aclrtCreateEvent", Need::optional};
    Function<aclError(aclrtEvent)> destroy_event{"aclrtDestroyEvent"};
    Function<aclError(aclrtEvent, aclrtStream)> record_event{"aclrtRecordEvent"};
    Function<aclError(aclrtEvent, aclrtEventRecordedStatus*)> query_event{"aclrtQueryEventStatus"};
    Function<aclError(float*, aclrtEvent, aclrtEvent)> elapsed_time{"aclrtEventElapsedTime",
                                                                    Need::optional};

    Function<aclError(void**, std::size_t, aclrtMemMallocPolicy)> malloc{"aclrtMalloc"};
    Function<aclError(void*)> free{"aclrtFree"};
    Function<aclError(void**, std::size_t)> malloc_host{"aclrtMallocHost"};
    Function<aclError(void*)> free_host{"aclrtFreeHost"};
    Function<aclError(void*, std::size_t, const void*, std::size_t, aclrtMemcpyKind, aclrtStream)>
        memcpy_async{"aclrtMemcpyAsync"};
    Function<aclError(void*, std::size_t, std::int32_t, std::size_t)> memset{"aclrtMemset"};
    Function<aclError(aclrtMemAttr, std::size_t*, std::size_t*)> memory_info{"aclrtGetMemInfo",
                                                                             Need::optional};

    Function<aclError(const char*, std::size_t*, std::size_t*)> query_size{"aclmdlQuerySize"};
    Function<aclError(const char*, std::uint32_t*)> load{"aclmdlLoadFromFile"};
    Function<aclError(const char*, std::uint32_t*, void*, std::size_t, void*, std::size_t)>
        load_with_memory{"aclmdlLoadFromFileWithMem"};
    Function<aclError(std::uint32_t)> unload{"aclmdlUnload"};
    Function<aclmdlDesc*()> create_description{"aclmdlCreateDesc"};
    Function<aclError(aclmdlDesc*)> destroy_description{"aclmdlDestroyDesc"};
    Function<aclError(aclmdlDesc*, std::uint32_t)> describe{"aclmdlGetDesc"};
    Function<std::size_t(aclmdlDesc*)> num_inputs{"aclmdlGetNumInputs"};
    Function<std::size_t(aclmdlDesc*)> num_outputs{"aclmdlGetNumOutputs"};
    Function<std::size_t(aclmdlDesc*, std::size_t)> input_bytes{"aclmdlGetInputSizeByIndex"};
    Function<std::size_t(aclmdlDesc*, std::size_t)> output_bytes{"aclmdlGetOutputSizeByIndex"};
    // V2 is the shape to feed, where static AIPP makes it another than the network's own.
    Function<aclError(const aclmdlDesc*, std::size_t, aclmdlIODims*)> input_dims{
        "aclmdlGetInputDimsV2"};
    Function<aclError(const aclmdlDesc*, std::size_t, aclmdlIODims*)> output_dims{
        "aclmdlGetOutputDims"};
    Function<const char*(const aclmdlDesc*, std::size_t)> input_name{"aclmdlGetInputNameByIndex"};
    Function<const char*(const aclmdlDesc*, std::size_t)> output_name{"aclmdlGetOutputNameByIndex"};
    Function<aclDataType(const aclmdlDesc*, std::size_t)> input_type{"aclmdlGetInputDataType"};
    Function<aclDataType(const aclmdlDesc*, std::size_t)> output_type{"aclmdlGetOutputDataType"};
    Function<aclError(const aclmdlDesc*, aclmdlBatch*)> batch_gears{"aclmdlGetDynamicBatch"};
    Function<aclError(const aclmdlDesc*, std::size_t, aclmdlHW*)> size_gears{"aclmdlGetDynamicHW"};
    Function<aclError(const aclmdlDesc*, std::size_t, std::size_t*)> dims_gears{
        "aclmdlGetInputDynamicGearCount"};
    Function<aclError(std::uint32_t, aclmdlDataset*, std::size_t, std::uint64_t)> set_gear{
        "aclmdlSetDynamicBatchSize"};
    Function<aclError(std::uint32_t, const aclmdlDataset*, aclmdlDataset*, aclrtStream)> execute{
        "aclmdlExecuteAsync"};

    Function<aclDataBuffer*(void*, std::size_t)> create_data_buffer{"aclCreateDataBuffer"};
    Function<aclError(const aclDataBuffer*)> destroy_data_buffer{"aclDestroyDataBuffer"};
    Function<aclmdlDataset*()> create_dataset{"aclmdlCreateDataset"};
    Function<aclError(const aclmdlDataset*)> destroy_dataset{"aclmdlDestroyDataset"};
    Function<aclError(aclmdlDataset*, aclDataBuffer*)> add_data_buffer{"aclmdlAddDatasetBuffer"};

    // The libraries that were opened; never closed, because threads and exit handlers live in them.
    std::vector<std::string> libraries;
    bool is_simulated = false;
};

// Where a library may be: an explicit path wins over MGN_FAST_ASCENDCL, and either over the search:
// libascendcl.so, also below $ASCEND_HOME_PATH (lib64, MACHINE-linux/lib64), then likewise the
// split libraries of CANN 9. `without` names functions to do without, as an older CANN would.
struct Search {
    std::string library;
    std::vector<std::string> without;
};

// One function of the table: whether it is there, and whether it has to be.
struct Presence {
    std::string name;
    bool is_required;
    bool is_loaded;
};

std::vector<Presence> functions_of(const Api& api);

// Opens and binds. Throws RuntimeUnavailable with everything tried and every symbol missing; where
// AscendCL is there and a library that it needs is not, with that library.
Api load_api(const Search& search);

}  // namespace mgn::ascend
