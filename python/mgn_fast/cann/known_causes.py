# SPDX-License-Identifier: Apache-2.0
"""Causes of ATC's errors by text and by code, as data: pattern, likely cause, remedy.

The first entry that fits counts. Codes are CANN's own (GE: E1xxxx, FE: E2xxxx, TBE: E4xxxx, EBxxxx,
ECxxxx, operators: E5xxxx to E8xxxx, EZxxxx); those of what runs below ATC stand in `known_faults`.
"""

from __future__ import annotations

from mgn_fast.cann.known_faults import OF_THE_HOST

_SOURCE = "source CANN's set_env.sh in the shell that calls this"

# A pattern anywhere in the output; these go first.
BY_TEXT = (
    (
        r"libascend_hal\.so"
        r"|lib(?:c_sec|mmpa|drv\w+|dcmi\w*)\.so[^\n]{0,200}cannot open shared object",
        "the driver's libraries are not on the library path: a container without the driver, or a "
        "compile host without an NPU",
        "in a container mount /usr/local/Ascend/driver; add its lib64/driver and lib64/common, or "
        "on a host without an NPU CANN's own <arch>-linux/devlib, to LD_LIBRARY_PATH",
    ),
    (
        r"error while loading shared libraries",
        "a library of CANN is not on the library path",
        _SOURCE,
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "the disk is full: ATC's work directory, its cache ($HOME/atc_data, kernel_meta) or /tmp",
        "make room, or point --op_compiler_cache_dir, --debug_dir or TMPDIR to a larger disk",
    ),
    (
        r"np\.(?:float_|bool|int|object)\b[^\n]{0,200}(?:was removed|has no attribute)"
        r"|module 'numpy' has no attribute",
        "ATC's operator compiler uses functions that NumPy 2 has no longer",
        "pip install 'numpy<2' for the python3 that ATC runs, which may not be the one of an "
        "activated environment",
    ),
    (
        r"(?:No module named|ModuleNotFoundError:?) ?'?(?:_struct|_ctypes|_ssl)",
        "ATC runs a Python without its own extension modules",
        "put the bin directory of a complete Python first in PATH",
    ),
    (
        r"No module named '?absl",
        "the Python package absl is missing, which tuning and compiling need",
        "pip install absl-py for the python3 that ATC runs",
    ),
    (
        r"No module named|ModuleNotFoundError",
        "a Python package that ATC's operator compiler needs is missing, or set_env.sh was not "
        "sourced and CANN's own are not on PYTHONPATH",
        "pip install decorator attrs psutil sympy scipy cloudpickle ml-dtypes tornado absl-py for "
        f"the python3 that ATC runs; {_SOURCE}",
    ),
    (
        r"Failed to get real ?path",
        "a known fault of CANN 7.0's path check",
        "upgrade to CANN 8, or give a model and output whose paths have no links",
    ),
    (
        r"\bKilled\b|MemoryError|[Cc]annot allocate memory|Out of memory|std::bad_alloc",
        "the machine ran out of memory: compiling takes several GB, more with more processes",
        "set TE_PARALLEL_COMPILER=1 and MAX_COMPILE_CORE_NUMBER=1, add swap, or compile on a "
        "larger machine: the .om does not depend on where it was compiled",
    ),
    (
        r"unknown command line flag|Non-option parameter|is missing its argument",
        "ATC does not know an option: a typing error, or an option of another CANN version",
        "look at `atc --help` of this CANN and correct extra_args",
    ),
)

# A pattern of the code, and one that the error's own lines hold.
BY_CODE = (
    (
        "E20101|E10001",
        r"soc_?[vV]ersion|SocVersion",
        "CANN does not know this soc_version: a typing error, or an older CANN than the chip",
        "take 'Ascend' and the Name column of `npu-smi info`, for example Ascend310P3; CANN's "
        "list is in its data/platform_config directory",
    ),
    (
        "E10001",
        r"host_env_(?:os|cpu)",
        "ATC does not find its own installation: set_env.sh was not sourced",
        _SOURCE,
    ),
    (
        "E10001",
        r"auto_tune_mode",
        "--auto_tune_mode was withdrawn",
        "tune with AOE instead; later compilations take up its knowledge banks by themselves",
    ),
    (
        "E10001",
        r"compression_optimize_conf|AMCT",
        "quantisation needs AMCT, which is not installed or not found",
        "install the AMCT package of the same CANN version, or leave the option out",
    ),
    (
        "E10001",
        r"input_format",
        "ONNX models take NCHW, ND or NCDHW as --input_format",
        "leave --input_format to compile_om",
    ),
    (
        "E10001",
        r"precision_mode|modify_mixlist",
        "this CANN or chip does not have the precision mode, or two options about it contradict "
        "each other",
        "leave precision out, or look at `atc --help` for what this CANN takes",
    ),
    (
        "E10001",
        r"dynamic_dims",
        "AIPP does not go with --dynamic_dims",
        "compile gears with several batch_sizes instead",
    ),
    (
        "E10001|E10003|E10013|E10014|E10060|E10061",
        "",
        "ATC does not take the value of the option that its text names",
        "correct it in extra_args; `atc --help` lists what it takes",
    ),
    (
        "E10002|E10011|E10048|E10050",
        "",
        "ATC cannot read --input_shape, or a size in it is not positive",
        "export the model with a dynamic batch (batch_size=None) and leave --input_shape to "
        "compile_om",
    ),
    (
        "E10004|E10054|E10058",
        "",
        "an option is empty; a shell may have split a value that needed quotes",
        "give it a value; a list of extra_args needs no quotes",
    ),
    (
        "E10005|E10006",
        "",
        "an option takes only true and false, or only 0 and 1",
        "correct it in extra_args",
    ),
    (
        "E10007|E10008",
        "",
        "a required option is missing: ATC was not called as compile_om does",
        "look whether the program in MGN_FAST_ATC passes its arguments on, every one of them",
    ),
    (
        "E10009|E10047|E10056|E10057",
        "",
        "two options exclude each other, or one needs another that is missing",
        "give one of them only; several batch_sizes already set --dynamic_batch_size",
    ),
    (
        "E10055",
        "",
        "this CANN does not do what its text names, or not on this chip",
        "leave the option that it names out of extra_args, or compile with a newer CANN",
    ),
    (
        "E11005",
        "",
        "the input that its text names has no shape, neither in the model nor in --input_shape",
        "export the model with its shapes; leave --input_shape and --framework to compile_om",
    ),
    (
        "E10010",
        "",
        "--log takes debug, info, warning, error or null",
        "correct it in extra_args",
    ),
    (
        "E10012|E10018|E10031|E10040",
        "",
        "the gears do not fit --input_shape: only the batch, and that one, must be -1",
        "export the model with a dynamic batch (batch_size=None) and leave both to compile_om",
    ),
    (
        "E10016",
        "",
        "the model has no input or node of the name in the option",
        "look the names up in the ONNX file (mgn_fast's own input is 'image'); separate several "
        "by semicolons",
    ),
    (
        "E10017",
        "",
        "the option names a node that is not an input of the model",
        "name the input itself ('image' in mgn_fast's own models)",
    ),
    (
        "E10019|E10020",
        "",
        "--dynamic_image_size is for models whose height and width are free; MGN's are not",
        "leave it out; use several batch_sizes",
    ),
    (
        "E10021|E10022|E13000|E13002|E13026",
        "",
        "ATC cannot use a path: too long, without a file name, or not there",
        "compile to a shorter path that exists",
    ),
    (
        "E10034",
        "",
        "the input that AIPP feeds was set to float16 with --input_fp16_nodes",
        "give aipp=True or --input_fp16_nodes, not both",
    ),
    (
        "E10035|E10036|E10037|E10038|E10039|E10045|E10046",
        "",
        "the gears are too few (one), too many (more than 100), repeated or not positive",
        "give 2 to 100 different batch_sizes; 3 or 4 are enough, each costs compile time",
    ),
    (
        "E10041|E13005|E16001|E16004|E16005",
        "",
        "ATC cannot read the ONNX file: damaged, empty, or with weights in other files",
        "export it again as one file; a model of more than 2 GB needs its weights beside it",
    ),
    (
        "E10049",
        "",
        "--input_shape has another number of sizes than the model's input",
        "leave --input_shape to compile_om",
    ),
    (
        "E10052|E13018",
        "",
        "ATC does not take the AIPP configuration",
        "leave --insert_op_conf to aipp=True; in your own, means belong into min_chn_i unless "
        "they are whole numbers",
    ),
    (
        "E10501|E13010|EZ0501",
        "",
        "CANN's operator package is not found (ASCEND_OPP_PATH), or lacks an operator",
        f"{_SOURCE}; install the ops package of the chip's family (separate from CANN 8.5 on)",
    ),
    (
        "E13001|E13003|E13004|E13006|E13015|E10410|E10032",
        "",
        "ATC cannot open, read or write a file that its text names",
        "check that it exists, and who may read and write it",
    ),
    (
        "E19010|E76002|E16002|E11009|EZ9010",
        "",
        "this CANN has no parser for an operator at this opset: the opset is newer than the CANN, "
        "or the operator is no standard one",
        "export with opset=11, which every CANN from 5.1 on takes",
    ),
    (
        "EZ3002|EZ3003",
        "",
        "an operator is not supported on this chip, or the operator package is not installed",
        "install the ops package that belongs to this CANN and chip; export with opset=11",
    ),
    (
        "EC0010|E40000|E40020|E40002|E4000[13-9]|E4001\\d|E40023|E40024",
        "",
        "ATC's Python part does not start: a missing package, or a Python version that this CANN "
        "does not take (3.7 to 3.11)",
        f"{_SOURCE}; look which python3 comes first in PATH and what it can import",
    ),
    (
        "E2000[1-9]|E2010\\d|E21\\d{3}|E40021|EB\\d{4}|EB0500",
        r"fatal error:[^\n]{0,200}file not found|type_traits",
        "the C++ headers that the operator compiler needs are not installed",
        "install g++ and its standard library (libstdc++ headers)",
    ),
    (
        "E2000[1-9]|E2010\\d|E21\\d{3}|E40021|EB\\d{4}|EB0500",
        "",
        "an operator does not compile for this chip: a shape or type it cannot do, or too little "
        "memory",
        "try batch_sizes=(1,), precision='float16' and TE_PARALLEL_COMPILER=1; then report the "
        "operator in the log to CANN",
    ),
    (
        "E80001",
        "",
        "a file of CANN's operator package lacks what its text names: installed in part, or of "
        "another version",
        "install the ops package of this CANN and chip again",
    ),
    (
        r"E[568]\d{4}|E7[0-6]\d{3}",
        "",
        "an operator's shape, type or attribute is not one that this chip's operators take",
        "try batch_sizes=(1,) and opset=11; its text names operator and value: report them to CANN",
    ),
    *OF_THE_HOST,
    (
        "EZ9999|E29999|E39999|E[A-Z]9999",
        "",
        "an operator or engine failed inside CANN",
        "look for the first error in the log; try another precision or CANN version",
    ),
    (
        "E19999",
        "",
        "an error inside ATC that has no code of its own",
        "look for the first error in the log; set_env.sh that was not sourced is a frequent reason",
    ),
)
