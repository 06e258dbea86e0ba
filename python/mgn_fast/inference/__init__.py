# SPDX-License-Identifier: Apache-2.0
"""A model opened on a backend, and its lanes.

opening      what users call: `open_session`
session      an opened model: runs any number of pictures
pool         who has which lane
adopting     a contract written down for good: `adopt`
fitting      what caller and file say of a model, and whether they fit
lane         one caller's turn on a lane, its ticket, and a flight of tickets
backend      what every backend gives
backend_ascend, backend_onnxruntime, backend_openvino   one each; backend_cpu: of the last two
"""

from mgn_fast.inference.adopting import adopt
from mgn_fast.inference.lane import Flight, Lane, Ticket
from mgn_fast.inference.opening import Backend, open_session
from mgn_fast.inference.session import Session

__all__ = ["Backend", "Flight", "Lane", "Session", "Ticket", "adopt", "open_session"]
