# SPDX-License-Identifier: Apache-2.0
"""What tests share: models, data, programs and checks; no test stands here."""
