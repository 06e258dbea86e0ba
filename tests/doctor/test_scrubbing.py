# SPDX-License-Identifier: Apache-2.0
"""Nothing personal comes through, whatever it stands in; what tells of the host does."""

import json
import os
import random
import socket
import string
import time

import pytest

from mgn_fast.doctor.scrubbing import Scrubber, of_this_machine

USER, MACHINE, DOMAIN = "zoe.quill", "kestrel-07", "lab.example.org"
HOME = "/home/zoe.quill"
PACKAGE = f"{HOME}/.venv/lib/python3.11/site-packages/mgn_fast"


@pytest.fixture(scope="module")
def scrub():
    return Scrubber(
        [USER, "Zoe Quill", "zq", MACHINE, f"{MACHINE}.{DOMAIN}", DOMAIN],
        [HOME, "/usr/src/secret place"],
        [(PACKAGE, "<package>")],
    )


# What stands in outputs, and what comes of it.
TEXTS = {
    "home": (f"in {HOME}/models/night shift.om", "in <path> shift.om"),
    "home alone": (f"HOME={HOME}", "HOME=<path>"),
    "blank": ("at '/data/Zoe Q/a b.om'", "at '<path>'"),
    "blank, bare": ("open /data/My Files/x/y.om failed", "open <path> failed"),
    "tilde": ("~/Ascend/log and ~zoe/x", "<path> and <path>"),
    "upwards": ("../../clients/acme.om", "<path>"),
    "folder of ours": (f"{PACKAGE}/simulator/libascendcl.so", "<package>/simulator/libascendcl.so"),
    "a library": ("/srv/cann/lib64/libascendcl.so (x)", "<path>/libascendcl.so (x)"),
    "flag": ("g++ -I/srv/acme/include", "g++ -I<path>"),
    "system": ("/usr/local/Ascend/driver/lib64", "/usr/local/Ascend/driver/lib64"),
    "system and home": ("/usr/home/bob/x", "<path>"),
    "system, then up": ("/usr/../home2/x", "<path>"),
    "a home of the system's": ("/usr/src/secret place/a.om, 1", "<path>, 1"),
    "a library in it": ("/usr/src/secret place/lib/liba.so (x)", "<path>/liba.so (x)"),
    "blank in it": (f"no {HOME}/My Docs/acme.om, {HOME}/a", "no <path>, <path>"),
    "blank in it, quoted": (f"no '{HOME}/My Docs.om'", "no '<path>'"),
    "after a word": (f"x{HOME}/acme.om", "x<path>"),
    "beside it": ("/usr/src/secret placed", "/usr/src/secret placed"),
    "user": ("Zoe.Quill owns it; ZQ too", "<name> owns it; <name> too"),
    "user inside": ("log_of_zoe.quill2.txt", "log_of_<name>2.txt"),
    "short inside": ("zqueue", "zqueue"),
    "machine": (f"on {MACHINE}.{DOMAIN}: {MACHINE.upper()}", "on <name>: <name>"),
    "mail": ("to a.b+c@corp.example.com now", "to <address> now"),
    "IPv4": ("from 10.24.3.77:8080", "from <ip>:8080"),
    "IPv6": ("fe80::1ff:fe23:4567:890a%eth0 2001:db8:0:1:1:1:1:1", "<ip> <ip>"),
    "loopback": ("at ::1 and ::ffff:192.168.0.1", "at <ip> and ::ffff:<ip>"),
    "MAC": ("a4:dc:be:00:11:22 A4-DC-BE-00-11-22 a4dc.be00.1122", "<mac> <mac> <mac>"),
    "UUID": ("id 123e4567-e89b-12d3-a456-426614174000", "id <uuid>"),
    "serial": (
        "        Serial Number                  : 2102313LNR",
        "        Serial Number                  : <removed>",
    ),
    "die": ("        VDie ID  : 5A4F 0D30", "        VDie ID  : <removed>"),
    "bare serial": ("card 2102313LNR10K3000123 lost", "card <number> lost"),
    "N die": ("NDie ID : 1A2B3C4D", "NDie ID : <removed>"),
    "mail, no dot": ("jane@gpubox stays", "<address> stays"),
    "by hand": ("/usr/local/acme/secret, /usr/local", "<path>, /usr/local"),
    "by hand, more": ("/usr/local/libacme /usr/local/lib64/a", "<path> /usr/local/lib64/a"),
    "escaped break": (r"'failed\n/data/acme/m.om'", r"'failed\n<path>'"),
    "escaped break, MAC": (r"a\ta4dc.be00.1122\rzq", r"a\t<mac>\r<name>"),
    "escaped break, serial": (r"a: b\nSerial : 21X\nb: c", "a: b\\nSerial : <removed>b: c"),
    "relative": ("in clients/acme/libascendcl.so, x", "in <path>/libascendcl.so, x"),
    "relative, one slash": ("no acme/mgn.om here; acme/lib.so.1", "no <path> here; <path>"),
    "relative, blank in it": ("no clients/acme/My Docs/x.om", "no <path>"),
    "relative, upwards": ("in acme/../x, clients/acme/../x", "in <path>, <path>"),
    "relative, out of ours": ("tests/../clients/a.om, tests/../acme", "<path>, <path>"),
    "relative, two endings": ("no acme/x.om.json.zoe", "no <path>"),
    "after dots": ("see.../data/acme", "see...<path>"),
    "relative, in a repr": (r"'failed\nclients/acme/x'", r"'failed\n<path>'"),
    "no version": ("npu-smi: 10.1.2.3 is away", "npu-smi: <ip> is away"),
    "die, bare": ("4230C0DE 12345678 9ABCDEF0 00000001", "<number>"),
}


@pytest.mark.parametrize(("text", "left"), TEXTS.values(), ids=TEXTS.keys())
def test_each_kind_is_taken_out(scrub, text, left):
    assert scrub(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "| 0       310P3   | OK       | 15.8   42     0     / 0       |",
        "| 0       0       | 0000:82:00.0 | 0      1074 / 21534       |",
        "| npu-smi 23.0.3                       Version: 23.0.3       |",
        "        Firmware Version               : 7.1.0.6.220",
        "        Board ID                       : 0x26",
        "tests/device/test_npu.py::test_threads_share_a_session[static] 2026-12-01 08:00:00",
        "aclrtSynchronizeStreamWithTimeout failed with 507014 (ACL_ERROR_RT_AICORE_TIMEOUT)",
        "glibc 2.34, 21474836480 bytes, g++ 11.4.0",
        "E19999: [PID: 77] rtStreamSynchronize execution failed[FUNC:X][FILE:a.cc][LINE:3810]",
        "opencv 4.11.0, kernels avx512 of scalar, avx2, avx512; ASCEND_RT_VISIBLE_DEVICES is '1'",
        "CANN 8.0.RC3 in /usr/local/Ascend/ascend-toolkit/latest; and/or",
        "HwHiAiUser root ubuntu",
        "npu-smi 24.1.0.3 Version: 24.1.0.3",
        "Software Version                 : 24.1.0.3",
        "driver 24.1.0.3, CANN 8.0.0.1, opencv-python-headless 4.11.0.86",
        "at 2026/12/01, N/A, I/O, 3 rows/s of 0/0/0",
        "tests/device/test_npu.py:12 and python/mgn_fast/cann/host.py:30: in find",
        "<path>/libascendcl.so <package>/simulator/libascendcl.so",
    ],
)
def test_what_tells_of_the_host_stays(scrub, text):
    assert scrub(text) == text


def test_all_that_holds_texts_is_gone_through(scrub):
    value = {"a": [HOME, 3, None, True, (f"x {USER}",)], "b": {"c": 1.5}}
    assert scrub(value) == {"a": ["<path>", 3, None, True, ["x <name>"]], "b": {"c": 1.5}}


def test_a_version_is_no_address(scrub):
    value = {"kernel": "5.10.0-60.18.0.50.oe2203.aarch64", "version": "8.0.0.1", "other": "8.0.0.1"}
    assert scrub(value) == value | {"other": "<ip>"}
    assert scrub({"packages": {"a": "4.11.0.86", "b": None}})["packages"]["a"] == "4.11.0.86"
    assert scrub({"kernel": "5.10-zoe.quill", "version": "from 8.0.0.1"}) == {
        "kernel": "5.10-<name>",
        "version": "from <ip>",
    }


def test_a_list_of_paths_is_taken_apart_first(scrub):
    text = f"/usr/lib:{HOME}/My Lib:/data/x y/z:{PACKAGE}:/usr/lib/zoe.quill/lib::."
    assert scrub.search_path(text) == "/usr/lib:<path>:<path>:<package>:/usr/lib/<name>/lib::<path>"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/usr/lib;/data/acme", "/usr/lib;<path>"),
        ("/usr/lib, /data/acme,/usr/bin", "/usr/lib, <path>,/usr/bin"),
        ("/usr/lib /data/acme\n~/x", "/usr/lib <path>\n<path>"),
        ("/usr/lib acme/cann:acme/cann:x/", "<path>:<path>:<path>"),
        ("0,1", "0,1"),
        ("a=/data/acme;b", "a=<path>;b"),
    ],
)
def test_lists_have_any_separator(scrub, text, left):
    assert scrub.search_path(text) == left


def test_relative_directories_of_variables_are_known(monkeypatch):
    monkeypatch.setenv("ASCEND_HOME_PATH", "acme/cann")
    assert of_this_machine()("CANN 8.0 in acme/cann; acme/cannot") == (
        "CANN 8.0 in <path>; acme/cannot"
    )


def test_this_machine_s_own_names_are_known(monkeypatch, tmp_path):
    monkeypatch.setattr(socket, "gethostname", lambda: "heron.lab.example.net")
    monkeypatch.setenv("HOME", str(tmp_path / "people" / "quincy"))
    for name in ("USER", "LOGNAME", "SUDO_USER"):
        monkeypatch.setenv(name, f"quincy{name.lower()}")
    monkeypatch.chdir(tmp_path)
    left = of_this_machine()(
        f"heron lab.example.net quincyuser quincylogname quincysudo_user {tmp_path}/people/quincy/a"
    )
    assert left == "<name> <name> <name> <name> <name> <path>"
    assert of_this_machine()(os.uname().nodename) in ("<name>", os.uname().nodename.lower())


def word(random_, letters, least, most):
    return "".join(random_.choice(letters) for _ in range(random_.randint(least, most)))


def secrets(random_):
    """One secret of each kind, and the part of it that must not be seen anywhere."""
    low = string.ascii_lowercase
    user, folder = word(random_, low, 4, 9) + "x", word(random_, low, 8, 12)
    host = word(random_, low, 5, 9) + str(random_.randint(1, 99))
    ip = ".".join(str(random_.randint(10, 255)) for _ in range(4))
    ip6 = ":".join(f"{random_.randint(4096, 65535):x}" for _ in range(8))
    mac = ":".join(f"{random_.randint(0, 255):02x}" for _ in range(6))
    serial = word(random_, string.ascii_uppercase, 2, 4) + word(random_, string.digits, 12, 16)
    blank = f"/mnt/{folder} of {user}/model.om"
    return user, host, ip, ip6, mac, serial, folder, blank


# How a secret can stand in a text.
PLACES = (
    "{}", "x={}", "'{}'", '"{}"', "({})", "[{}]", "<{}>", "a: {}, b", "| {} |", "{};", "{}:1",
    "E1: {} failed", "-L{}", "\t{}\n", "{{'a': '{}'}}", "error={}; then {}", "{} {}",
    r"'failed\n{}'", r"'a\r\n{}\tb'",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_planted_secrets_are_never_seen(seed):
    """Whatever stands around them, and wherever in a bundle's nest of lists they are."""
    random_ = random.Random(seed)
    user, host, ip, ip6, mac, serial, folder, blank = secrets(random_)
    home = f"/home/{user}"
    scrub = Scrubber([user, host], [home], [("/opt/venv/mgn_fast", "<package>")])
    planted = [
        user, host, f"{user}@{host}.example.com", ip, mac, serial, f"/srv/{folder}/a.om",
        f"{home}/{folder}/b.om", f"{home}/of {folder}/{user}.om", f"~/{folder}/c",
        f"~{user}/{folder}", f"../{folder}/d.om",
        f"{folder}/../{user}/e.om", f"{folder}/f.om", f"{folder}/{user}/", f"./{folder}",
        f"/var/lib/{folder}", f"/usr/local/{user}/x", f"Serial Number : {serial}",
    ]  # fmt: skip
    texts = [
        place.replace("{{", "{").replace("}}", "}").replace("{}", secret)
        for secret in planted
        for place in random_.sample(PLACES, 6)
    ]
    # These hold colons or blanks, which not every place takes.
    texts += [f"from {ip6} to", f"'{blank}'", f'open "{blank}"', f"at {blank}", f"inet6 {ip6}"]
    left = json.dumps(scrub({"deep": [{"er": texts}]})).lower()
    for secret in (user, host, ip, ip6, mac, serial, folder):
        assert secret.lower() not in left, secret
    paths = scrub.search_path(f"/usr/lib:{home}/{folder}:{blank}:/srv/{folder}").lower()
    assert all(secret not in paths for secret in (user, folder))


@pytest.mark.parametrize(
    "piece", ["/a", "a/", "a ", "::", "1.", "ab:", "A1", "'/", "~", "\\", "/ x"]
)
def test_any_text_is_gone_through_in_no_time(scrub, piece):
    started = time.monotonic()
    scrub(piece * (20_000 // len(piece)))
    assert time.monotonic() - started < 2
