# SPDX-License-Identifier: Apache-2.0
"""The state of an installation, and of the Ascend host under it, told.

installation   `examine`: a finding for each part, tried and not just searched for
ascend         the parts that an Ascend host has
finding        what is told of a part
bundle         all of it in one file, to send to who cannot see the host
device_tests   the tests that need a chip, run for the bundle
scrubbing      takes out of it what is personal
"""

from mgn_fast.doctor.bundle import collect_bundle
from mgn_fast.doctor.finding import Finding, in_short
from mgn_fast.doctor.installation import examine

__all__ = ["Finding", "collect_bundle", "examine", "in_short"]
