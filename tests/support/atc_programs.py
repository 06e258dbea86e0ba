# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for ATC: small programs that go wrong, or right, in one way each."""

import sys

OM = (
    "import struct; header = bytearray(256); header[:4] = b'IMOD'; "
    "struct.pack_into('<I', header, 76, 1000); struct.pack_into('<Q', header, 184, 1000); "
    "om = bytes(header) + bytes(1000)\n"
)
SUCCESS = "print('ATC run success, welcome to the next use.')\n"


def write_atc(path, body):
    """An executable program whose body is Python; `om` in it is a small, whole .om."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable} -S\nimport os, sys, time\n{OM}{body}")
    path.chmod(0o755)
    return path


def write_good_atc(path):
    """One that writes an .om and tells its arguments and environment in files beside itself."""
    body = (
        "import json\n"
        f"json.dump(sys.argv[1:], open({str(path)!r} + '.argv', 'w'))\n"
        f"json.dump(dict(os.environ), open({str(path)!r} + '.env', 'w'))\n"
        f"json.dump(sorted(os.listdir('.')), open({str(path)!r} + '.files', 'w'))\n"
        "print('ATC start working now, please wait for a moment.', flush=True)\n"
        "open('model.om', 'wb').write(om)\n" + SUCCESS
    )
    return write_atc(path, body)
