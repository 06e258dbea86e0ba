// SPDX-License-Identifier: Apache-2.0
// When a stream reached the stages of a batch. Only lanes that are timed have one.
//
// Note [host time]
// Two events of a stream tell the time between them, by the device's clock; how that clock stands
// to the host's is not told, and the two drift. But a batch begins on an idle stream, which
// reaches the first event as soon as the host has recorded it. So that moment of the host is when
// the batch began, every time anew, and the others follow from it; only the first stage begins a
// little later, when that record is made. What this leaves out is the way
// to the device, some microseconds: all times of a batch are too early by that much, none is before
// its submit and none after its end was seen.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "ascend/owned.h"

namespace mgn::ascend {

// Belongs to its lane's mutex. Nothing that fails here fails a batch: a record that failed has put
// nothing on the stream, and what is wrong with the device shows in the batch's own calls. Such a
// batch has no times.
class Timeline {
public:
    // Takes the events; the caller has the device's context current. Throws DeviceError.
    Timeline(std::shared_ptr<Device> device, std::size_t num_marks);

    // A batch begins, on an idle stream: its first mark. The context is current here and in mark.
    void begin(const Stream& stream);

    // What was put on the stream so far ends here.
    void mark(const Stream& stream);

    // Of all marks, in seconds of the host's steady clock, once the stream is through; or empty.
    std::vector<double> times() const;

private:
    const std::shared_ptr<Device> device_;
    std::vector<Event> events_;
    std::size_t num_recorded_ = 0;
    bool failed_ = false;    // of the batch that began last
    double recorded_s_ = 0;  // before the first record
    double began_s_ = 0;     // after it: the record's own time is none of the batch's
};

}  // namespace mgn::ascend
