// SPDX-License-Identifier: Apache-2.0
// The tables of names and remedies. Calls nothing of AscendCL and changes nothing: any thread.
#include "ascend/error_names.h"

#include <algorithm>
#include <iterator>

namespace mgn::ascend {

namespace {

struct Named {
    int code;
    const char* text;
};

// acl_base.h, rt_error_codes.h and ge_error_codes.h up to CANN 9.1, without "ACL_ERROR_";
// ascending.
constexpr Named kNames[] = {{100000, "INVALID_PARAM"},
                            {100001, "UNINITIALIZE"},
                            {100002, "REPEAT_INITIALIZE"},
                            {100003, "INVALID_FILE"},
                            {100004, "WRITE_FILE"},
                            {100005, "INVALID_FILE_SIZE"},
                            {100006, "PARSE_FILE"},
                            {100007, "FILE_MISSING_ATTR"},
                            {100008, "FILE_ATTR_INVALID"},
                            {100009, "INVALID_DUMP_CONFIG"},
                            {100010, "INVALID_PROFILING_CONFIG"},
                            {100011, "INVALID_MODEL_ID"},
                            {100012, "DESERIALIZE_MODEL"},
                            {100013, "PARSE_MODEL"},
                            {100014, "READ_MODEL_FAILURE"},
                            {100015, "MODEL_SIZE_INVALID"},
                            {100016, "MODEL_MISSING_ATTR"},
                            {100017, "MODEL_INPUT_NOT_MATCH"},
                            {100018, "MODEL_OUTPUT_NOT_MATCH"},
                            {100019, "MODEL_NOT_DYNAMIC"},
                            {100020, "OP_TYPE_NOT_MATCH"},
                            {100021, "OP_INPUT_NOT_MATCH"},
                            {100022, "OP_OUTPUT_NOT_MATCH"},
                            {100023, "OP_ATTR_NOT_MATCH"},
                            {100024, "OP_NOT_FOUND"},
                            {100025, "OP_LOAD_FAILED"},
                            {100026, "UNSUPPORTED_DATA_TYPE"},
                            {100027, "FORMAT_NOT_MATCH"},
                            {100028, "BIN_SELECTOR_NOT_REGISTERED"},
                            {100029, "KERNEL_NOT_FOUND"},
                            {100030, "BIN_SELECTOR_ALREADY_REGISTERED"},
                            {100031, "KERNEL_ALREADY_REGISTERED"},
                            {100032, "INVALID_QUEUE_ID"},
                            {100033, "REPEAT_SUBSCRIBE"},
                            {100034, "STREAM_NOT_SUBSCRIBE"},
                            {100035, "THREAD_NOT_SUBSCRIBE"},
                            {100036, "WAIT_CALLBACK_TIMEOUT"},
                            {100037, "REPEAT_FINALIZE"},
                            {100038, "NOT_STATIC_AIPP"},
                            {100039, "COMPILING_STUB_MODE"},
                            {100040, "GROUP_NOT_SET"},
                            {100041, "GROUP_NOT_CREATE"},
                            {100042, "PROF_ALREADY_RUN"},
                            {100043, "PROF_NOT_RUN"},
                            {100044, "DUMP_ALREADY_RUN"},
                            {100045, "DUMP_NOT_RUN"},
                            {107000, "RT_PARAM_INVALID"},
                            {107001, "RT_INVALID_DEVICEID"},
                            {107002, "RT_CONTEXT_NULL"},
                            {107003, "RT_STREAM_CONTEXT"},
                            {107004, "RT_MODEL_CONTEXT"},
                            {107005, "RT_STREAM_MODEL"},
                            {107006, "RT_EVENT_TIMESTAMP_INVALID"},
                            {107007, "RT_EVENT_TIMESTAMP_REVERSAL"},
                            {107008, "RT_ADDR_UNALIGNED"},
                            {107009, "RT_FILE_OPEN"},
                            {107010, "RT_FILE_WRITE"},
                            {107011, "RT_STREAM_SUBSCRIBE"},
                            {107012, "RT_THREAD_SUBSCRIBE"},
                            {107013, "RT_GROUP_NOT_SET"},
                            {107014, "RT_GROUP_NOT_CREATE"},
                            {107015, "RT_STREAM_NO_CB_REG"},
                            {107016, "RT_INVALID_MEMORY_TYPE"},
                            {107017, "RT_INVALID_HANDLE"},
                            {107018, "RT_INVALID_MALLOC_TYPE"},
                            {107019, "RT_WAIT_TIMEOUT"},
                            {107020, "RT_TASK_TIMEOUT"},
                            {107021, "RT_SYSPARAMOPT_NOT_SET"},
                            {107022, "RT_DEVICE_TASK_ABORT"},
                            {107023, "RT_STREAM_ABORT"},
                            {107024, "RT_CAPTURE_DEPENDENCY"},
                            {107025, "RT_STREAM_UNJOINED"},
                            {107026, "RT_MODEL_CAPTURED"},
                            {107027, "RT_STREAM_CAPTURED"},
                            {107028, "RT_EVENT_CAPTURED"},
                            {107029, "RT_STREAM_NOT_CAPTURED"},
                            {107030, "RT_CAPTURE_MODE_NOT_SUPPORT"},
                            {107031, "RT_STREAM_CAPTURE_IMPLICIT"},
                            {107032, "STREAM_CAPTURE_CONFLICT"},
                            {107033, "STREAM_TASK_GROUP_STATUS"},
                            {107034, "STREAM_TASK_GROUP_INTR"},
                            {107035, "RT_TASK_ABORT_STOP"},
                            {107036, "RT_STREAM_CAPTURE_UNMATCHED"},
                            {107037, "RT_MODEL_RUNNING"},
                            {107038, "RT_STREAM_CAPTURE_WRONG_THREAD"},
                            {107039, "RT_INSUFFICIENT_INPUT_ARRAY"},
                            {107040, "RT_MODEL_UPDATE_FAILED"},
                            {107041, "RT_CAPTURE_MODE_BLOCK_ASYNC"},
                            {107042, "RT_SYMBOL_NOT_FOUND"},
                            {107043, "RT_INVALID_SYMBOL"},
                            {107044, "RT_INVALID_DEVICE_FUNCTION"},
                            {107045, "RT_SUB_ACLGRAPH_IS_CAPTURING"},
                            {145000, "GE_PARAM_INVALID"},
                            {145001, "GE_EXEC_NOT_INIT"},
                            {145002, "GE_EXEC_MODEL_PATH_INVALID"},
                            {145003, "GE_EXEC_MODEL_ID_INVALID"},
                            {145006, "GE_EXEC_MODEL_DATA_SIZE_INVALID"},
                            {145007, "GE_EXEC_MODEL_ADDR_INVALID"},
                            {145008, "GE_EXEC_MODEL_QUEUE_ID_INVALID"},
                            {145009, "GE_EXEC_LOAD_MODEL_REPEATED"},
                            {145011, "GE_DYNAMIC_INPUT_ADDR_INVALID"},
                            {145012, "GE_DYNAMIC_INPUT_LENGTH_INVALID"},
                            {145013, "GE_DYNAMIC_BATCH_SIZE_INVALID"},
                            {145014, "GE_AIPP_BATCH_EMPTY"},
                            {145015, "GE_AIPP_NOT_EXIST"},
                            {145016, "GE_AIPP_MODE_INVALID"},
                            {145017, "GE_OP_TASK_TYPE_INVALID"},
                            {145018, "GE_OP_KERNEL_TYPE_INVALID"},
                            {145019, "GE_PLGMGR_PATH_INVALID"},
                            {145020, "GE_FORMAT_INVALID"},
                            {145021, "GE_SHAPE_INVALID"},
                            {145022, "GE_DATATYPE_INVALID"},
                            {148046, "PROF_REPEAT_SUBSCRIBE"},
                            {148047, "PROF_API_CONFLICT"},
                            {148048, "INVALID_MAX_OPQUEUE_NUM_CONFIG"},
                            {148049, "INVALID_OPP_PATH"},
                            {148050, "OP_UNSUPPORTED_DYNAMIC"},
                            {148051, "RELATIVE_RESOURCE_NOT_CLEARED"},
                            {148052, "UNSUPPORTED_JPEG"},
                            {148053, "INVALID_BUNDLE_MODEL_ID"},
                            {200000, "BAD_ALLOC"},
                            {200001, "API_NOT_SUPPORT"},
                            {200002, "INVALID_DEVICE"},
                            {200003, "MEMORY_ADDRESS_UNALIGNED"},
                            {200004, "RESOURCE_NOT_MATCH"},
                            {200005, "INVALID_RESOURCE_HANDLE"},
                            {200006, "FEATURE_UNSUPPORTED"},
                            {200007, "PROF_MODULES_UNSUPPORTED"},
                            {207000, "RT_FEATURE_NOT_SUPPORT"},
                            {207001, "RT_MEMORY_ALLOCATION"},
                            {207002, "RT_MEMORY_FREE"},
                            {207003, "RT_AICORE_OVER_FLOW"},
                            {207004, "RT_NO_DEVICE"},
                            {207005, "RT_RESOURCE_ALLOC_FAIL"},
                            {207006, "RT_NO_PERMISSION"},
                            {207007, "RT_NO_EVENT_RESOURCE"},
                            {207008, "RT_NO_STREAM_RESOURCE"},
                            {207009, "RT_NO_NOTIFY_RESOURCE"},
                            {207010, "RT_NO_MODEL_RESOURCE"},
                            {207011, "RT_NO_CDQ_RESOURCE"},
                            {207012, "RT_OVER_LIMIT"},
                            {207013, "RT_QUEUE_EMPTY"},
                            {207014, "RT_QUEUE_FULL"},
                            {207015, "RT_REPEATED_INIT"},
                            {207016, "RT_AIVEC_OVER_FLOW"},
                            {207017, "RT_OVER_FLOW"},
                            {207018, "RT_DEVICE_OOM"},
                            {207019, "RT_FEATURE_NOT_SUPPORT_UPDATE_OP"},
                            {207020, "RT_TIMEOUT"},
                            {207021, "RT_LINK_TYPE_NOT_SUPPORTED"},
                            {245000, "GE_MEMORY_ALLOCATION"},
                            {245001, "GE_MEMORY_OPERATE_FAILED"},
                            {245002, "GE_DEVICE_MEMORY_OPERATE_FAILED"},
                            {300000, "STORAGE_OVER_LIMIT"},
                            {345102, "GE_SUBHEALTHY"},
                            {345103, "GE_USER_RAISE_EXCEPTION"},
                            {345104, "GE_DATA_NOT_ALIGNED"},
                            {500000, "INTERNAL_ERROR"},
                            {500001, "FAILURE"},
                            {500002, "GE_FAILURE"},
                            {500003, "RT_FAILURE"},
                            {500004, "DRV_FAILURE"},
                            {500005, "PROFILING_FAILURE"},
                            {507000, "RT_INTERNAL_ERROR"},
                            {507001, "RT_TS_ERROR"},
                            {507002, "RT_STREAM_TASK_FULL"},
                            {507003, "RT_STREAM_TASK_EMPTY"},
                            {507004, "RT_STREAM_NOT_COMPLETE"},
                            {507005, "RT_END_OF_SEQUENCE"},
                            {507006, "RT_EVENT_NOT_COMPLETE"},
                            {507007, "RT_CONTEXT_RELEASE_ERROR"},
                            {507008, "RT_SOC_VERSION"},
                            {507009, "RT_TASK_TYPE_NOT_SUPPORT"},
                            {507010, "RT_LOST_HEARTBEAT"},
                            {507011, "RT_MODEL_EXECUTE"},
                            {507012, "RT_REPORT_TIMEOUT"},
                            {507013, "RT_SYS_DMA"},
                            {507014, "RT_AICORE_TIMEOUT"},
                            {507015, "RT_AICORE_EXCEPTION"},
                            {507016, "RT_AICORE_TRAP_EXCEPTION"},
                            {507017, "RT_AICPU_TIMEOUT"},
                            {507018, "RT_AICPU_EXCEPTION"},
                            {507019, "RT_AICPU_DATADUMP_RSP_ERR"},
                            {507020, "RT_AICPU_MODEL_RSP_ERR"},
                            {507021, "RT_PROFILING_ERROR"},
                            {507022, "RT_IPC_ERROR"},
                            {507023, "RT_MODEL_ABORT_NORMAL"},
                            {507024, "RT_KERNEL_UNREGISTERING"},
                            {507025, "RT_RINGBUFFER_NOT_INIT"},
                            {507026, "RT_RINGBUFFER_NO_DATA"},
                            {507027, "RT_KERNEL_LOOKUP"},
                            {507028, "RT_KERNEL_DUPLICATE"},
                            {507029, "RT_DEBUG_REGISTER_FAIL"},
                            {507030, "RT_DEBUG_UNREGISTER_FAIL"},
                            {507031, "RT_LABEL_CONTEXT"},
                            {507032, "RT_PROGRAM_USE_OUT"},
                            {507033, "RT_DEV_SETUP_ERROR"},
                            {507034, "RT_VECTOR_CORE_TIMEOUT"},
                            {507035, "RT_VECTOR_CORE_EXCEPTION"},
                            {507036, "RT_VECTOR_CORE_TRAP_EXCEPTION"},
                            {507037, "RT_CDQ_BATCH_ABNORMAL"},
                            {507038, "RT_DIE_MODE_CHANGE_ERROR"},
                            {507039, "RT_DIE_SET_ERROR"},
                            {507040, "RT_INVALID_DIEID"},
                            {507041, "RT_DIE_MODE_NOT_SET"},
                            {507042, "RT_AICORE_TRAP_READ_OVERFLOW"},
                            {507043, "RT_AICORE_TRAP_WRITE_OVERFLOW"},
                            {507044, "RT_VECTOR_CORE_TRAP_READ_OVERFLOW"},
                            {507045, "RT_VECTOR_CORE_TRAP_WRITE_OVERFLOW"},
                            {507046, "RT_STREAM_SYNC_TIMEOUT"},
                            {507047, "RT_EVENT_SYNC_TIMEOUT"},
                            {507048, "RT_FFTS_PLUS_TIMEOUT"},
                            {507049, "RT_FFTS_PLUS_EXCEPTION"},
                            {507050, "RT_FFTS_PLUS_TRAP_EXCEPTION"},
                            {507051, "RT_SEND_MSG"},
                            {507052, "RT_COPY_DATA"},
                            {507053, "RT_DEVICE_MEM_ERROR"},
                            {507054, "RT_HBM_MULTI_BIT_ECC_ERROR"},
                            {507055, "RT_SUSPECT_DEVICE_MEM_ERROR"},
                            {507056, "RT_LINK_ERROR"},
                            {507057, "RT_SUSPECT_REMOTE_ERROR"},
                            {507899, "RT_DRV_INTERNAL_ERROR"},
                            {507900, "RT_AICPU_INTERNAL_ERROR"},
                            {507901, "RT_SOCKET_CLOSE"},
                            {507902, "RT_AICPU_INFO_LOAD_RSP_ERR"},
                            {507903, "RT_STREAM_CAPTURE_INVALIDATED"},
                            {507904, "RT_COMM_OP_RETRY_FAIL"},
                            {507905, "SNAPSHOT_LOCK_TIMEOUT"},
                            {507906, "SNAPSHOT_LOCK_FAILED"},
                            {507907, "SNAPSHOT_UNLOCK_FAILED"},
                            {507908, "SNAPSHOT_BACKUP_FAILED"},
                            {507909, "SNAPSHOT_RESTORE_FAILED"},
                            {507910, "HOST_MEMORY_ALREADY_REGISTERED"},
                            {507911, "HOST_MEMORY_NOT_REGISTERED"},
                            {507912, "SNAPSHOT_CALLBACK_FAILED"},
                            {507913, "SNAPSHOT_REGISTER_CALLBACK_FAILED"},
                            {507914, "RT_L3_PORT_ERROR"},
                            {507915, "RT_CCU_TIMEOUT"},
                            {507916, "RT_CCU_EXCEPTION"},
                            {545000, "GE_INTERNAL_ERROR"},
                            {545001, "GE_LOAD_MODEL"},
                            {545002, "GE_EXEC_LOAD_MODEL_PARTITION_FAILED"},
                            {545003, "GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED"},
                            {545004, "GE_EXEC_LOAD_TASK_PARTITION_FAILED"},
                            {545005, "GE_EXEC_LOAD_KERNEL_PARTITION_FAILED"},
                            {545006, "GE_EXEC_RELEASE_MODEL_DATA"},
                            {545007, "GE_COMMAND_HANDLE"},
                            {545008, "GE_GET_TENSOR_INFO"},
                            {545009, "GE_UNLOAD_MODEL"},
                            {545601, "GE_MODEL_EXECUTE_TIMEOUT"},
                            {545602, "GE_REDEPLOYING"}};

constexpr const char* kCoreFailed =
    "a core of the device failed; check first whether the driver is older than CANN, then close "
    "the session and open it again";

// What users meet, and what helps.
constexpr Named kRemedies[] = {
    {100039, "a stub library was loaded; take `devlib` and `stub` out of LD_LIBRARY_PATH"},
    {107001, "no such device; `npu-smi info` lists them"},
    {145006, "the file is no .om, or was cut short"},
    {200000, "use fewer lanes or a smaller batch"},
    {207001, "use fewer lanes or a smaller batch"},
    {207004, "no device here; check the driver with `npu-smi info`"},
    {207008, "the device is out of streams; close other sessions"},
    {207018, "use fewer lanes or a smaller batch"},
    {245000, "use fewer lanes or a smaller batch"},
    {500002,
     "while a model is loaded: it is for another chip, or by a newer CANN than this one; compile "
     "it on this host"},
    {507008,
     "the chip cannot be read: the driver is not mounted here, /dev/davinci* is not passed in, or "
     "another container holds the device"},
    {507009,
     "the driver is older than CANN, or a vNPU's template does not have this kind of task; "
     "install the driver that goes with this CANN"},
    {507010, "the device is lost; close the session and open it again"},
    {507011, "the model failed on the device; the first error in the vendor's log says where"},
    {507014, kCoreFailed},
    {507015, kCoreFailed},
    {507017, kCoreFailed},
    {507018, kCoreFailed},
    {507033,
     "the device cannot be set up: no permission for /dev/davinci* (join the driver's group), "
     "driver and CANN do not fit, another container holds the device, or the system on the device "
     "hangs (restart it)"},
    {507034, kCoreFailed},
    {507035, kCoreFailed},
    {507036, kCoreFailed},
    {507899,
     "driver error; check that driver and CANN fit, that the device is there and that no other "
     "container holds it"},
    {545002, "the file is damaged, or by another generation of CANN; compile it on this host"}};

const char* find(const Named* begin, const Named* end, int code) {
    const Named* found = std::lower_bound(
        begin, end, code, [](const Named& entry, int wanted) { return entry.code < wanted; });
    return found != end && found->code == code ? found->text : nullptr;
}

}  // namespace

std::string error_name(int code) {
    const char* name = find(std::begin(kNames), std::end(kNames), code);
    return name == nullptr ? "" : std::string("ACL_ERROR_") + name;
}

std::string error_remedy(int code) {
    const char* remedy = find(std::begin(kRemedies), std::end(kRemedies), code);
    return remedy == nullptr ? "" : remedy;
}

bool is_out_of_memory(int code) {
    for (const int known : {200000, 207001, 207018, 245000, 245001, 245002}) {
        if (code == known) return true;
    }
    return false;
}

bool is_unsupported(int code) { return code == 200001 || code == 200006 || code == 207000; }

bool is_timeout(int code) { return code == 507046 || code == 507047; }

bool is_device_lost(int code) {
    constexpr int kRanges[][2] = {{507010, 507010}, {507014, 507018}, {507034, 507036},
                                  {507042, 507045}, {507048, 507050}, {507053, 507057},
                                  {507899, 507899}};
    const auto holds = [code](const auto& range) { return range[0] <= code && code <= range[1]; };
    return std::any_of(std::begin(kRanges), std::end(kRanges), holds);
}

}  // namespace mgn::ascend
