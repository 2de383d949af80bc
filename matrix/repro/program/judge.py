"""From what came back to a status: by rules on facts, of which the first that fits decides, never by a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import figures

Verdict = Tuple[str, str]
NO_IMPLEMENTATION = "UNSUPPORTED_STATE"  # tensorrt.ErrorCodeTRT: no tactic of any source that is on can run a layer
# What a shape point's status makes of its cell, from best to worst.
ORDER = ("match", "unverified", "not_run", "drift", "run_failed", "wrong")


def judge(
    cell: Dict[str, Any],
    reply: Optional[Dict[str, Any]],
    ended: Verdict,
    *,
    job: Path,
    expected: Dict[str, List[Tuple[str, Any, str]]],
    has_gpu: bool,
) -> Verdict:
    """Return the status and why.

    ``reply`` is the worker's, None where it ended without one: then ``ended`` says how. ``expected`` are the reference
    outputs by shape point: name, values and dtype.
    """
    if reply is None:
        return ended
    failed, not_here = reply["failed"], _why_not_here(cell, reply, has_gpu)
    differences = _network_differences(cell["outputs"], reply["network"]) + _ignored(cell, reply["network"])
    if reply["not_applicable"]:
        return "not_applicable", reply["not_applicable"]
    if reply["machine"]:
        return "not_run", "this machine could not: " + reply["machine"]
    if cell["must_refuse"] and failed is None:
        return "wrong", cell["must_refuse"] + ", and the runtime took it without an error"
    if differences and (failed is None or not_here):
        return "wrong", "; ".join(differences)
    if failed is not None and not failed.startswith("run"):
        return _refused(failed, _first_words(reply), not_here)
    if failed is None and not reply["executed"]:
        signed = _signed(cell, reply["network"])
        return ("wrong", signed) if signed else ("builds", "")
    return _ran(cell, reply, job, expected)


def _why_not_here(cell: Dict[str, Any], reply: Dict[str, Any], has_gpu: bool) -> str:
    """Return why this machine, or this request, could not have built the network, whatever the release can."""
    network = reply["network"]
    if network is None:
        return ""
    dtypes = sorted(set(network["dtypes"]) & set(cell["dtypes_that_need_a_gpu"]))
    if dtypes and not has_gpu:
        return "this release needs a GPU to build a network with {} inside".format(", ".join(dtypes))
    sources = str(reply["settings"].get("tactic_sources", ""))
    if sources and any(item.get("code") == NO_IMPLEMENTATION for item in reply["diagnostics"]):
        return "the builder found no implementation, and was restricted to the tactic sources " + sources
    return ""


def _refused(failed: str, words: str, not_here: str) -> Verdict:
    if failed in ("load", "parse"):
        return "unsupported", words
    if failed == "build" and not_here:
        return "not_run", not_here
    if failed in ("build", "profile"):
        return "build_failed", words
    return "run_failed", "at {}: {}".format(failed, words)


def _ran(
    cell: Dict[str, Any], reply: Dict[str, Any], job: Path, expected: Dict[str, List[Tuple[str, Any, str]]]
) -> Verdict:
    replies = {point["point"]: point for point in reply["points"]}
    judged = [_judge_point(cell, point, replies.get(point["name"]), job, expected) for point in cell["points"]]
    nothing = ("unverified", "nothing was compared: there are no shape points")
    worst, reason = max(judged, key=lambda each: ORDER.index(each[0]), default=nothing)
    if reply["failed"] is not None and worst != "wrong":
        return "run_failed", _first_words(reply)
    if worst == "match" and cell["dynamic"] and _one_shape(cell, replies):
        return "unverified", "the model has dynamic shapes, and all that ran had the same one"
    return ("unverified" if worst == "not_run" else worst), reason


def _judge_point(
    cell: Dict[str, Any],
    point: Dict[str, Any],
    reply: Optional[Dict[str, Any]],
    job: Path,
    expected: Dict[str, List[Tuple[str, Any, str]]],
) -> Verdict:
    name = point["name"]
    if reply is None:
        return "not_run", "shape point {} was not reached".format(name)
    if reply["error"]:
        return "run_failed", "at {}: {}".format(name, reply["error"])
    if not point["allowed"]:
        return "wrong", "at {}: the request is at fault, and the runtime ran it without an error".format(name)
    asked = {key: list(shape) for key, shape in point["shapes"].items()}
    if {key: list(shape) for key, shape in reply.get("shapes", {}).items()} != asked:
        return "unverified", "at {}: the runtime had inputs of other shapes".format(name)
    status, reason = _compare(cell, reply["outputs"], job, expected.get(name))
    return status, "at {}: {}".format(name, reason) if reason else ""


def _compare(
    cell: Dict[str, Any], outputs: Sequence[Dict[str, Any]], job: Path, want: Optional[List[Tuple[str, Any, str]]]
) -> Verdict:
    declared = {output["name"]: output["dtype"] for output in cell["outputs"]}
    problems: List[Verdict] = []
    alone = []
    for output in outputs:
        name, dtype = output["name"], output["dtype"]
        raw = (job / output["file"]).read_bytes() if output["file"] else b""
        got = figures.decode(dtype, output["shape"], raw, cell["tables"])
        reference, wanted = figures.by_name(want or [], name) or (None, "")
        alone += [name] if reference is None else []
        status, why = figures.compare(got, dtype, reference, wanted, declared.get(name, ""), cell["tolerance"])
        if reference is None and name not in declared and figures.by_name(want or [], _first_element(name)):
            status, why = "wrong", "the reference's sequence ends before it"
        problems += [(status, "output {}: {}".format(name, why))] if status else []
    returned = {output["name"] for output in outputs}
    missing = [name for name, _, _ in want or [] if name not in returned]
    problems += [("wrong", "output {}: the runtime did not return it".format(name)) for name in missing]
    if problems:
        return max(problems, key=lambda each: ORDER.index(each[0]))
    if want is None:
        return "unverified", cell["no_reference"] or "there is no reference"
    if not outputs:
        return "unverified", "nothing was compared: the model has no outputs"
    return ("unverified", "output {} was compared with nothing".format(alone[0])) if alone else ("match", "")


def _first_element(name: str) -> str:
    """Return ``y[0]`` for the element ``y[3]`` of a sequence, empty for anything else."""
    return name.rpartition("[")[0] + "[0]" if name.endswith("]") else ""


def _one_shape(cell: Dict[str, Any], replies: Dict[str, Dict[str, Any]]) -> bool:
    values = {point["name"]: point["values"] for point in cell["points"]}
    ran = [(reply["shapes"], values[name]) for name, reply in replies.items() if not reply["error"]]
    return all(each == ran[0] for each in ran)


def _ignored(cell: Dict[str, Any], network: Optional[Dict[str, Any]]) -> List[str]:
    """Return the inputs that the parsed network does not read, of those on which ONNX's answer depends."""
    unread = network["unread"] if network else []
    words = "ONNX's answer depends on an input that no layer of the parsed network reads: {}"
    return [words.format(name) for name in cell["must_read"] if name in unread]


def _signed(cell: Dict[str, Any], network: Optional[Dict[str, Any]]) -> str:
    """Return that the parsed network quantizes to int8 what ONNX's answer needs as uint8; empty where it does not."""
    names, quantized = cell["must_be_unsigned"], network["quantized"] if network else {}
    if not names or any(quantized.get(name) != "int8" for name in names):
        return ""
    words = "uint8 in ONNX, int8 in the parsed network: {}; with the codes of int8 the answer is another than ONNX's"
    return words.format(", ".join(name[:100] for name in names[:5]) + (" and others" if len(names) > 5 else ""))


def _network_differences(declared: Sequence[Dict[str, Any]], network: Optional[Dict[str, Any]]) -> List[str]:
    """Return how the outputs of the parsed network differ from what ONNX declares, in what both sides state."""
    if network is None:
        return []
    parsed = {output["name"]: output for output in network["outputs"]}
    differences = []
    for output in declared:
        name, found = output["name"], parsed.get(output["name"])
        if found is None:
            differences.append("output {} is missing from the parsed network".format(name))
            continue
        if output["dtype"] and found["dtype"] != output["dtype"]:
            differences.append(
                "output {} is {} in ONNX, {} in the parsed network".format(name, output["dtype"], found["dtype"])
            )
        if not _agree(output["shape"], found["shape"]):
            differences.append(
                "output {} has shape {} in ONNX, {} in the parsed network".format(name, output["shape"], found["shape"])
            )
    return differences


def _agree(declared: Optional[Sequence[Optional[int]]], parsed: Optional[Sequence[int]]) -> bool:
    if declared is None or parsed is None:
        return True
    pairs = list(zip(declared, parsed))
    return len(declared) == len(parsed) and all(want is None or got in (-1, want) for want, got in pairs)


def _first_words(reply: Dict[str, Any]) -> str:
    errors = [item for item in reply["diagnostics"] if item.get("severity") == "error"]
    return str(errors[0]["message"]) if errors else "the runtime gave no reason"
