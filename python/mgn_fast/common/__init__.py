# SPDX-License-Identifier: Apache-2.0
"""Helpers that every room uses; they know nothing of pictures, models or re-identification.

checks       checks of arguments, and one wording for their refusals
files        files that appear whole or not at all, and opening none but regular ones
walking      the files below a directory that a user keeps there
extras       what an extra brings, or how to install it
cache        the cache directory, and a file's SHA-256
threads      how many threads to use
memory       how much memory a run may take
machine      CPU, memory and control groups by Linux's own files
observer     timing hooks of embedding
bottleneck   what embedding waits for
progress     the callback that long runs report to
text         text that cannot command a terminal or a page
wiring       the one call that runs up the floors
"""

from mgn_fast.common.bottleneck import Bottleneck, StageTally
from mgn_fast.common.cache import cache_directory, file_sha256
from mgn_fast.common.files import open_regular, replacing, write_atomically
from mgn_fast.common.machine import cpu_name
from mgn_fast.common.memory import available_bytes, require_fit
from mgn_fast.common.observer import Observer, Span, current_observer, observing
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count

__all__ = [
    "Bottleneck",
    "Observer",
    "Progress",
    "Span",
    "StageTally",
    "available_bytes",
    "cache_directory",
    "cpu_name",
    "current_observer",
    "file_sha256",
    "no_progress",
    "observing",
    "open_regular",
    "replacing",
    "require_fit",
    "thread_count",
    "write_atomically",
]
