// SPDX-License-Identifier: Apache-2.0
// How long the simulated device takes: the time model's numbers. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mgn::simulator {

// Seconds one batch of MGN computes, from the throughput published for one Ascend 310P chip; the
// network that a .om really carries makes no difference. Between published batch sizes linear in
// seconds, beyond the largest one at its rate. Every soc_version has this table: it is the only one
// published, so times of other chips mean nothing.
double compute_s(std::uint64_t batch);

// Seconds one H2D or D2H copy of `bytes` takes.
double copy_in_s(std::size_t bytes);
double copy_out_s(std::size_t bytes);

}  // namespace mgn::simulator
