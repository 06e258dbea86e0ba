# SPDX-License-Identifier: Apache-2.0
"""The same path for ATC and the simulated one: programs that go wrong take ATC's place."""

import hashlib
import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import compile_om
from mgn_fast.cann import aipp
from mgn_fast.errors import CompileError, InvalidInputError, ModelError, RuntimeUnavailableError
from mgn_fast.models.contract import Contract
from support.atc_programs import SUCCESS, write_atc, write_good_atc
from support.tiny_model import write_tiny_model

pytestmark = pytest.mark.usefixtures("own_process")

CHIP = {"soc_version": "Ascend310P3"}


@pytest.fixture
def onnx(tmp_path):
    """A model in a directory of its own."""
    (tmp_path / "in").mkdir()
    return write_tiny_model(tmp_path / "in" / "tiny.onnx")


@pytest.fixture
def out(tmp_path):
    """Where the .om goes; it already holds one."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "m.om").write_bytes(b"the previous one")
    (folder / "m.om.json").write_bytes(b"{}")
    return folder / "m.om"


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def only_previous_in(folder, *others):
    assert names_in(folder) == sorted(["m.om", "m.om.json", *others])
    assert (folder / "m.om").read_bytes() == b"the previous one"
    assert (folder / "m.om.json").read_bytes() == b"{}"


def test_a_whole_om_gets_its_name_and_a_sidecar(onnx, out, tmp_path):
    atc = write_good_atc(tmp_path / "bin" / "atc")
    (tmp_path / "version.info").write_text("Version=8.0.RC3\n")
    assert (
        compile_om(onnx, out, atc=atc, batch_sizes=(1, 8), extra_args=["--log=error"], **CHIP)
        == out
    )
    assert out.read_bytes()[:4] == b"IMOD"
    assert names_in(out.parent) == ["m.om", "m.om.json"]
    facts = json.loads(Path(f"{out}.json").read_text())
    assert Contract.from_json(json.dumps(facts["contract"]), source="x") == Contract()
    assert facts["onnx_sha256"] == hashlib.sha256(onnx.read_bytes()).hexdigest()
    assert facts["arguments"] == json.loads(Path(f"{atc}.argv").read_text())
    assert facts["arguments"][-2:] == ["--dynamic_batch_size=1,8", "--log=error"]
    assert (facts["atc_version"], facts["simulated"]) == ("8.0.RC3", False)
    assert (facts["om_bytes"], facts["batch_sizes"]) == (1256, [1, 8])
    assert facts["schema"] == "mgn_fast.om/1"


def test_atc_sees_the_model_and_nothing_of_the_users_names(onnx, tmp_path):
    atc = write_good_atc(tmp_path / "atc")
    folder = tmp_path / "a 'dir'\n$(touch owned);"
    folder.mkdir()
    named = folder / '-m "x"\n.onnx'
    shutil.copy(onnx, named)
    written = compile_om(named, folder / "-o\t.om", atc=atc, **CHIP)
    assert written.read_bytes()[:4] == b"IMOD"
    assert json.loads(Path(f"{atc}.argv").read_text())[2:4] == [
        "--model=model.onnx",
        "--output=model",
    ]
    assert json.loads(Path(f"{atc}.files").read_text()) == ["atc.log", "model.onnx"]
    assert names_in(folder) == sorted([named.name, "-o\t.om", "-o\t.om.json"])


def test_the_environment_is_cann_s_and_no_more(onnx, out, tmp_path, monkeypatch):
    atc = write_good_atc(tmp_path / "atc")
    monkeypatch.setenv("TUNE_BANK_PATH", "/bank")
    monkeypatch.setenv("SECRET", "x")
    compile_om(onnx, out, atc=atc, **CHIP)
    seen = json.loads(Path(f"{atc}.env").read_text())
    assert seen["TUNE_BANK_PATH"] == "/bank"
    assert "SECRET" not in seen


def test_the_variable_chooses_the_compiler(onnx, out, tmp_path, monkeypatch):
    monkeypatch.setenv("MGN_FAST_ATC", str(write_good_atc(tmp_path / "other atc")))
    compile_om(onnx, out, **CHIP)
    assert out.stat().st_size == 1256


def test_aipp_brings_its_configuration_and_a_contract_of_pixels(onnx, out, tmp_path):
    body = "open('model.om', 'wb').write(om); sys.stdout.write(open('aipp.cfg').read())"
    log = tmp_path / "log"
    compile_om(onnx, out, atc=write_atc(tmp_path / "atc", body), aipp=True, log_path=log, **CHIP)
    assert log.read_text() == aipp.config_text()
    assert json.loads(Path(f"{out}.json").read_text())["contract"]["input"] == "uint8"


def test_lines_are_reported_while_atc_works(onnx, out, tmp_path):
    (tmp_path / "go").touch()
    body = (
        "print('ATC start working now', flush=True)\n"
        f"while os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\n"
        "open('model.om', 'wb').write(om)\n" + SUCCESS
    )
    lines = []

    def report(line):
        lines.append(line)
        (tmp_path / "go").unlink(missing_ok=True)

    atc = write_atc(tmp_path / "atc", body)
    compile_om(onnx, out, atc=atc, timeout_s=20, on_line=report, **CHIP)
    assert lines == ["ATC start working now", "ATC run success, welcome to the next use."]


def test_a_name_with_the_hosts_system_is_taken(onnx, out, tmp_path):
    body = "open('model_linux_x86_64.om', 'wb').write(om)\n"
    compile_om(onnx, out, atc=write_atc(tmp_path / "atc", body), **CHIP)
    assert out.stat().st_size == 1256


def test_a_model_without_contract_is_compiled(tmp_path, out):
    onnx = write_tiny_model(tmp_path / "foreign.onnx", contract=None)
    compile_om(onnx, out, atc=write_good_atc(tmp_path / "atc"), **CHIP)
    assert json.loads(Path(f"{out}.json").read_text())["contract"] is None


BAD_PROGRAMS = {
    "fails": (
        "print('E10016: Opname [x] specified in [--input_shape] is not found.'); sys.exit(255)",
        255,
        r"status 255: E10016: Opname \[x\].*likely cause:.*remedy:.*output is in '.*m\.om\.log'",
    ),
    "fails after writing": ("open('model.om', 'wb').write(om); sys.exit(1)", 1, "exit status 1"),
    "dies by a signal": ("os.kill(os.getpid(), 11)", -11, "was ended by signal 11"),
    "is killed": ("os.kill(os.getpid(), 9)", -9, "memory ran out.*TE_PARALLEL_COMPILER=1"),
    "is killed behind a shell": ("os._exit(137)", 137, "memory ran out"),
    "writes half a file": ("open('model.om', 'wb').write(om[:900])\n" + SUCCESS, 0, "half an .om"),
    "writes only a header": ("open('model.om', 'wb').write(om[:256])", 0, "half an .om"),
    "writes no header": ("open('model.om', 'wb').write(om[:100])", 0, "100 bytes .* no .om"),
    "writes an empty file": ("open('model.om', 'wb')", 0, "wrote 0 bytes"),
    "writes something else": ("open('model.om', 'wb').write(b'x' * 999)", 0, "begin with b'xxxx'"),
    "writes nothing": (SUCCESS, 0, "says success and wrote no .om"),
    "writes a directory": ("os.mkdir('model.om')", 0, "wrote no .om"),
    "writes a pipe": ("os.mkfifo('model.om')", 0, "wrote no .om"),
    "fills the disk": (
        "open('model.om', 'wb').write(om[:500]); sys.exit('OSError: No space left on device')",
        1,
        "disk is full",
    ),
}


@pytest.mark.parametrize(
    ("body", "status", "message"), BAD_PROGRAMS.values(), ids=BAD_PROGRAMS.keys()
)
def test_an_atc_that_goes_wrong_leaves_the_previous_om(onnx, out, tmp_path, body, status, message):
    atc = write_atc(tmp_path / "atc", body)
    with pytest.raises(CompileError, match=message) as info:
        compile_om(onnx, out, atc=atc, **CHIP)
    only_previous_in(out.parent, "m.om.log")
    error = info.value
    assert error.returncode == status
    assert error.command[0] == str(atc)
    assert error.log_path == str(out) + ".log"
    assert error.codes == (("E10016",) if "E10016" in body else ())
    assert str(onnx) in str(error)


def test_an_atc_that_hangs_is_stopped_with_all_that_it_started(onnx, out, tmp_path):
    body = (
        "for leave in (False, True):\n"
        "    if os.fork() == 0:\n"
        "        if leave: os.setsid()\n"
        f"        open({str(tmp_path)!r} + f'/{{os.getpid()}}.pid', 'w').close()\n"
        "        time.sleep(300)\n"
        "time.sleep(300)\n"
    )
    started = time.monotonic()
    with pytest.raises(CompileError, match="was stopped after 1 s, its limit") as info:
        compile_om(onnx, out, atc=write_atc(tmp_path / "atc", body), timeout_s=1, **CHIP)
    assert time.monotonic() - started < 6
    assert info.value.returncode is None
    only_previous_in(out.parent, "m.om.log")
    pids = [path.stem for path in tmp_path.glob("*.pid")]
    assert len(pids) == 2
    states = [Path(f"/proc/{pid}/stat") for pid in pids]
    assert not any(
        s.exists() and s.read_text().rpartition(")")[2].split()[0] != "Z" for s in states
    )


def test_an_interrupt_leaves_nothing(onnx, out, tmp_path):
    body = "print('working', flush=True); time.sleep(300)"

    def report(line):
        raise KeyboardInterrupt

    atc = write_atc(tmp_path / "atc", body)
    with pytest.raises(KeyboardInterrupt):
        compile_om(onnx, out, atc=atc, timeout_s=9, on_line=report, **CHIP)
    only_previous_in(out.parent)


def test_the_log_goes_where_it_is_asked_for(onnx, out, tmp_path):
    log = tmp_path / "atc.log"
    with pytest.raises(CompileError) as info:
        compile_om(
            onnx, out, atc=write_atc(tmp_path / "atc", "print(1); 1/0"), log_path=log, **CHIP
        )
    assert info.value.log_path == str(log)
    assert log.read_text().startswith("1\n")
    assert "ZeroDivisionError" in log.read_text()
    only_previous_in(out.parent)


def test_a_full_disk_under_the_log_is_said(onnx, out, tmp_path):
    body = "print('x' * 100000, flush=True); time.sleep(300)"
    with pytest.raises(InvalidInputError, match="No space left"):
        compile_om(onnx, out, atc=write_atc(tmp_path / "atc", body), log_path="/dev/full", **CHIP)
    only_previous_in(out.parent)


@pytest.mark.parametrize("content", ["no shebang", "#!/missing/interpreter\n"])
def test_a_program_that_cannot_be_run_is_said(onnx, out, tmp_path, content):
    atc = write_atc(tmp_path / "atc", "")
    atc.write_text(content)
    with pytest.raises(InvalidInputError, match=r"atc '.*' cannot be run"):
        compile_om(onnx, out, atc=atc, **CHIP)
    only_previous_in(out.parent)


def test_a_set_env_that_was_not_sourced_is_in_the_remedy(onnx, out, tmp_path, monkeypatch):
    script = tmp_path / "Ascend" / "cann" / "set_env.sh"
    script.parent.mkdir(parents=True)
    script.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("ASCEND_OPP_PATH", "ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    atc = write_atc(tmp_path / "atc", "print('E19999: Inner Error!'); sys.exit(255)")
    with pytest.raises(CompileError, match=f"ASCEND_OPP_PATH is not set: source {script}"):
        compile_om(onnx, out, atc=atc, **CHIP)


def test_without_atc_nothing_is_written(onnx, out, tmp_path, monkeypatch):
    for name in ("MGN_FAST_ATC", "ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RuntimeUnavailableError, match="ATC, CANN's compiler, is not found"):
        compile_om(onnx, out, **CHIP)
    only_previous_in(out.parent)


def test_a_file_that_is_no_onnx_is_refused_before_atc(out, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"garbage")
    with pytest.raises(ModelError, match="is no ONNX model"):
        compile_om(tmp_path / "m.onnx", out, atc=write_atc(tmp_path / "atc", "1/0"), **CHIP)
    only_previous_in(out.parent)


def test_a_place_that_cannot_be_written_is_refused_before_atc(onnx, tmp_path):
    atc = write_good_atc(tmp_path / "atc")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        compile_om(onnx, tmp_path / "missing" / "m.om", atc=atc, **CHIP)
    assert not Path(f"{atc}.argv").exists()


def test_a_link_keeps_its_place_and_its_target_is_replaced(onnx, out, tmp_path):
    link = tmp_path / "link.om"
    link.symlink_to(out)
    compile_om(onnx, link, atc=write_good_atc(tmp_path / "atc"), **CHIP)
    assert link.is_symlink()
    assert out.stat().st_size == 1256
    assert (tmp_path / "link.om.json").exists()


def test_two_compilations_do_not_disturb_each_other(onnx, tmp_path):
    atc = write_atc(tmp_path / "atc", "time.sleep(0.3); open('model.om', 'wb').write(om)")
    paths = [tmp_path / f"{name}.om" for name in "ab"]
    threads = [
        threading.Thread(target=compile_om, args=(onnx, path), kwargs={"atc": atc, **CHIP})
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(path.stat().st_size == 1256 for path in paths)


def test_the_simulated_one_goes_the_same_way(onnx, out):
    assert compile_om(onnx, out, simulate=True) == out
    facts = json.loads(Path(f"{out}.json").read_text())
    assert facts["simulated"] is True
    assert "(simulated)" in facts["atc_version"]
    assert facts["soc_version"] == "Ascend310P3"
    assert names_in(out.parent) == ["m.om", "m.om.json"]
    header = out.read_bytes()[:256]
    assert int.from_bytes(header[184:192], "little") == out.stat().st_size - 256


def test_the_simulated_one_fails_the_same_way(onnx, out):
    with pytest.raises(CompileError, match=r"the simulated ATC .*E20101.*npu-smi info") as info:
        compile_om(onnx, out, simulate=True, soc_version="Ascend310P4")
    assert info.value.returncode == 255
    assert info.value.codes == ("E20101",)
    only_previous_in(out.parent, "m.om.log")


def test_simulating_and_a_compiler_exclude_each_other(onnx, out):
    with pytest.raises(InvalidInputError, match="give one of the two"):
        compile_om(onnx, out, simulate=True, atc="atc")


def test_hostile_paths_reach_the_simulated_one_too(onnx, tmp_path):
    folder = tmp_path / 'it\'s\n"here" $(x)'
    folder.mkdir()
    named = folder / "- m.onnx"
    shutil.copy(onnx, named)
    written = compile_om(named, folder / "o o.om", simulate=True, aipp=True)
    assert np.frombuffer(written.read_bytes()[:4], np.uint8).tobytes() == b"IMOD"
