// SPDX-License-Identifier: Apache-2.0
// The return codes of AscendCL that the client or the simulator name; all others pass by number.
#pragma once

#include "acl/acl.h"

namespace mgn::acl {

// acl_base.h: ACL_ERROR_*
constexpr aclError kInvalidParam = 100000;
constexpr aclError kUninitialized = 100001;
constexpr aclError kRepeatInitialize = 100002;
constexpr aclError kInvalidFile = 100003;
constexpr aclError kModelNotDynamic = 100019;
constexpr aclError kRepeatFinalize = 100037;
constexpr aclError kNotStaticAipp = 100038;
constexpr aclError kBadAlloc = 200000;
constexpr aclError kInvalidDevice = 200002;
constexpr aclError kFeatureUnsupported = 200006;
constexpr aclError kStorageOverLimit = 300000;
constexpr aclError kInternalError = 500000;
constexpr aclError kFailure = 500001;
constexpr aclError kGeFailure = 500002;

// rt_error_codes.h: ACL_ERROR_RT_*
constexpr aclError kRtParamInvalid = 107000;
constexpr aclError kRtInvalidDevice = 107001;
constexpr aclError kRtContextNull = 107002;
constexpr aclError kRtStreamContext = 107003;
constexpr aclError kRtModelContext = 107004;
constexpr aclError kRtEventTimestampInvalid = 107006;
constexpr aclError kRtAddressUnaligned = 107008;
constexpr aclError kRtStreamSubscribe = 107011;
constexpr aclError kRtThreadSubscribe = 107012;
constexpr aclError kRtStreamNoCallback = 107015;
constexpr aclError kRtInvalidHandle = 107017;
constexpr aclError kRtStreamAbort = 107023;
constexpr aclError kRtFeatureNotSupported = 207000;
constexpr aclError kRtMemoryAllocation = 207001;
constexpr aclError kRtNoDevice = 207004;
constexpr aclError kRtNoEvent = 207007;
constexpr aclError kRtNoStream = 207008;
constexpr aclError kRtDeviceOutOfMemory = 207018;
constexpr aclError kRtInternalError = 507000;
constexpr aclError kRtLostHeartbeat = 507010;
constexpr aclError kRtModelExecute = 507011;
constexpr aclError kRtReportTimeout = 507012;
constexpr aclError kRtAicoreTimeout = 507014;
constexpr aclError kRtAicoreException = 507015;
constexpr aclError kRtDeviceSetup = 507033;
constexpr aclError kRtStreamSyncTimeout = 507046;
constexpr aclError kRtEventSyncTimeout = 507047;
constexpr aclError kRtDeviceMemoryError = 507053;
constexpr aclError kRtDriverError = 507899;

// ge_error_codes.h: ACL_ERROR_GE_*
constexpr aclError kGeParamInvalid = 145000;
constexpr aclError kGePathInvalid = 145002;
constexpr aclError kGeModelIdInvalid = 145003;
constexpr aclError kGeModelDataSize = 145006;
constexpr aclError kGeModelAddress = 145007;
constexpr aclError kGeGearAddress = 145012;
constexpr aclError kGeGearInvalid = 145013;
constexpr aclError kGeAippNotExist = 145015;
constexpr aclError kGeMemoryAllocation = 245000;
constexpr aclError kGeLoadModel = 545001;
constexpr aclError kGeUnloadModel = 545009;

}  // namespace mgn::acl
