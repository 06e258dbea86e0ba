# SPDX-License-Identifier: Apache-2.0
"""What a command shows while it runs, and how it ends.

progress     what commands call: say, track, stages
course       how far the steps of a command are; bars: draws them with rich
level        --quiet and --verbose; verbose: what the latter adds
last_words   the line an interrupted command ends with; start: what `mgn-fast` alone shows
"""

__all__: list[str] = []
