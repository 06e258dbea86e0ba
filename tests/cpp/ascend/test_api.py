# SPDX-License-Identifier: Apache-2.0
"""How AscendCL is found. Other tests run on the simulator; these need no AscendCL at all."""

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from mgn_fast import RuntimeUnavailableError, _core, simulator

START = "from mgn_fast import _core; _core.ascend_start(); print(_core.ascend_info()['libraries'])"


@pytest.fixture(autouse=True)
def no_ascendcl(monkeypatch):
    for name in ("MGN_FAST_ASCENDCL", "ASCEND_HOME_PATH"):
        monkeypatch.delenv(name, raising=False)
    yield
    _core.ascend_use_library("")


def refusal():
    with pytest.raises(RuntimeUnavailableError) as error:
        _core.ascend_start()
    return error.value


def test_a_host_without_cann_is_told_what_was_tried_and_what_to_do():
    error = refusal()
    assert [entry.split()[0] for entry in error.tried] == ["libascendcl.so", "libacl_rt.so"]
    assert error.missing == ()
    for text in ("libascendcl.so", "source set_env.sh", "MGN_FAST_ASCENDCL", "simulator.enable()"):
        assert text in str(error)


def test_the_home_of_cann_is_searched_too(monkeypatch, tmp_path):
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tmp_path))
    tried = [entry.split()[0] for entry in refusal().tried]
    homes = [f"{tmp_path}/lib64/", f"{tmp_path}/{platform.machine()}-linux/lib64/"]
    assert tried == [
        *(home + "libascendcl.so" for home in ("", *homes)),
        *(home + "libacl_rt.so" for home in ("", *homes)),
    ]


def test_the_environment_replaces_the_search_and_an_argument_replaces_both(monkeypatch, tmp_path):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", str(tmp_path / "mine.so"))
    assert [entry.split()[0] for entry in refusal().tried] == [str(tmp_path / "mine.so")]
    _core.ascend_use_library(str(tmp_path / "other.so"))
    assert [entry.split()[0] for entry in refusal().tried] == [str(tmp_path / "other.so")]


def test_a_library_without_the_functions_is_named_with_all_of_them(monkeypatch):
    monkeypatch.setenv("MGN_FAST_ASCENDCL", "libm.so.6")
    error = refusal()
    assert "libm.so.6 (lacks aclInit, aclFinalize, " in error.tried[0]
    assert {"aclInit", "aclrtMalloc", "aclmdlExecuteAsync", "aclDestroyDataBuffer"} <= set(
        error.missing
    )
    # What CANN of mid-2022 did not have is never asked for.
    assert not {"aclrtStreamQuery", "aclrtSynchronizeStreamWithTimeout"} & set(error.missing)


def build(compiler, path, *needs):
    """A library that needs others and has nothing else in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    named = [f"-Wl,-soname,{path.name}", f"-Wl,-rpath,{path.parent}"]
    links = [*named, "-Wl,--no-as-needed", *needs]
    command = [compiler, "-shared", "-x", "c", os.devnull, "-x", "none", "-o", path, *links]
    subprocess.run(command, check=True)
    return path


def installed_without(compiler, folder, library, *, by_way_of=()):
    """A libascendcl.so that needs a library, by way of others, which was there and has gone."""
    needed = build(compiler, folder / library)
    last = needed
    for name in by_way_of:
        last = build(compiler, folder / name, last)
    path = build(compiler, folder / "libascendcl.so", last)
    needed.unlink()
    return path


@pytest.mark.parametrize("by_way_of", [(), ("libruntime.so",)], ids=["needed", "needed below"])
@pytest.mark.parametrize("library", ["libascend_hal.so", "libdrvdsmi_host.so"])
def test_a_missing_driver_is_not_taken_for_a_missing_cann(
    monkeypatch, tmp_path, compiler, library, by_way_of
):
    """The most frequent failure in containers: CANN is in the image, the driver is the host's."""
    path = installed_without(compiler, tmp_path / "lib64", library, by_way_of=by_way_of)
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tmp_path))
    error = refusal()
    assert error.missing == (library,)
    assert f"its driver was not: {path} needs {library}" in str(error)
    for text in ("/usr/local/Ascend/driver", "lib64/driver and lib64/common", "LD_LIBRARY_PATH"):
        assert text in str(error)
    assert "install CANN" not in str(error)
    assert any(library in entry for entry in error.tried)


def test_any_other_library_that_it_needs_is_named_too(monkeypatch, tmp_path, compiler):
    path = installed_without(compiler, tmp_path, "libprofapi.so")
    monkeypatch.setenv("MGN_FAST_ASCENDCL", str(path))
    error = refusal()
    assert error.missing == ("libprofapi.so",)
    assert f"was found, a library that it needs was not: {path} needs libprofapi.so" in str(error)
    assert "set_env.sh" in str(error)


def test_the_second_of_the_split_libraries_may_lack_its_driver(monkeypatch, tmp_path, compiler):
    build(compiler, tmp_path / "lib64" / "libacl_rt.so")
    path = installed_without(compiler, tmp_path / "lib64", "libascend_hal.so")
    path.rename(path.with_name("libacl_mdl.so"))
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tmp_path))
    error = refusal()
    assert error.missing == ("libascend_hal.so",)
    assert "its driver was not" in str(error)


@pytest.mark.parametrize(
    ("symbol", "advice"),
    [("halGetDeviceInfo", "older than this CANN"), ("other", "for this machine")],
)
def test_a_driver_without_a_function_is_older_than_cann(
    monkeypatch, tmp_path, compiler, symbol, advice
):
    source = tmp_path / "needs.c"
    source.write_text(f"int {symbol}(void); int aclInit(void) {{ return {symbol}(); }}\n")
    path = tmp_path / "libascendcl.so"
    subprocess.run([compiler, "-x", "c", "-shared", "-fPIC", "-o", path, source], check=True)
    monkeypatch.setenv("MGN_FAST_ASCENDCL", str(path))
    error = refusal()
    assert "was found and cannot be opened" in str(error)
    assert f"undefined symbol: {symbol}" in str(error)
    assert advice in str(error)


def test_a_file_that_is_no_library_is_there_and_cannot_be_opened(monkeypatch, tmp_path):
    path = tmp_path / "libascendcl.so"
    path.write_text("no library")
    monkeypatch.setenv("MGN_FAST_ASCENDCL", str(path))
    assert "was found and cannot be opened" in str(refusal())


@pytest.mark.usefixtures("own_process")
def test_the_split_libraries_of_cann_9_serve_together(tmp_path, simulator_library, compiler):
    """Two libraries that each only lead to the real one, as a distribution may have them."""
    for name in ("libacl_rt.so", "libacl_mdl.so"):
        command = [
            compiler,
            "-shared",
            "-o",
            tmp_path / name,
            "-Wl,--no-as-needed",
            simulator_library,
        ]
        subprocess.run([*command, f"-Wl,-rpath,{simulator_library.parent}"], check=True)
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(tmp_path),
        "MGN_FAST_SIMULATOR": "timing=false",
        "PYTHONPATH": ":".join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['libacl_rt.so', 'libacl_mdl.so']"


def test_the_table_tells_which_functions_are_there(simulator_library):
    simulator.enable(timing=False)
    _core.ascend_use_library(str(simulator_library), ["aclrtStreamQuery", "aclrtGetMemInfo"])
    try:
        functions = _core.ascend_functions()
    finally:
        simulator.disable()
    names = [name for name, _, _ in functions]
    assert len(names) == len(set(names)) > 50
    assert {name for name, _, there in functions if not there} == {
        "aclrtStreamQuery",
        "aclrtGetMemInfo",
    }
    required = {name: need for name, need, _ in functions}
    assert required["aclInit"] is True
    assert required["aclrtStreamQuery"] is False


def test_a_code_s_remedy_is_the_one_that_its_error_has():
    assert "/dev/davinci" in _core.ascend_remedy(507033)
    assert _core.ascend_remedy(1) == ""


def test_a_simulator_that_is_not_enabled_is_not_taken_for_an_npu(simulator_library):
    """Once loaded it answers to the vendor's name in the whole process."""
    ctypes.CDLL(str(simulator_library))
    assert "libascendcl.so (is the simulator, which is not enabled)" in refusal().tried


@pytest.mark.usefixtures("own_process")
def test_nothing_is_loaded_at_import():
    code = "import mgn_fast; print('ascendcl' in open('/proc/self/maps').read())"
    environment = os.environ | {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
