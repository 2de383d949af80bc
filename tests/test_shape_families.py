"""The families of dynamic-shape cases: what each has to cover, and that a mistake in what it tests would show."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from cases.case import Array, Case
from cases.dynamic_shapes.shape_values import CONSUMERS, SOURCES
from cases.dynamic_shapes.size_steps import STEPS
from cases.model import model, node
from tests.dynamic_cases import CASES, made, reference

# What decides nothing in a model that has it: the shape of the weight says kernel_shape, and it is the same each time.
REDUNDANT = {"kernel_shape", "epsilon", "momentum"}
MOVING = ("conv2d", "conv1d", "conv3d", "convtranspose", "pool", "lpnormalization", "lrn", "depthtospace", "flatten-")


def cases_with(*words: str) -> list[Case]:
    return [case for case in CASES.values() if any(word in case.id for word in words)]


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.id)


def evaluated(case: Case, changed: onnx.ModelProto, point: str) -> Mapping[str, Array] | None:
    """Run a changed model with the inputs of a point; None where the change makes it invalid."""
    names = [value.name for value in changed.graph.input]
    arrays = {name: array for name, array in made(case.id).inputs[point].items() if name in names}
    try:
        onnx.checker.check_model(changed)
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(changed).run(None, arrays)
    except Exception:  # noqa: BLE001 - the evaluator raises whatever its operators raise
        return None
    return dict(zip((output.name for output in changed.graph.output), map(np.asarray, found), strict=True))


def would_show(case: Case, changed: onnx.ModelProto) -> bool:
    """Tell whether what a changed model gives would be taken for wrong at some point."""
    for point in ("inside", "opt", "max", "min"):
        found = evaluated(case, changed, point)
        if found is None:
            return True
        for name, want in reference(case.id)[point].items():
            got = found[name]
            if got.shape != want.shape:
                return True
            limit = case.tolerance.absolute + case.tolerance.relative * np.abs(want.astype(np.float64))
            if (np.abs(got.astype(np.float64) - want.astype(np.float64)) > limit).any():
                return True
    return False


def test_the_family_is_large() -> None:
    assert len(CASES) >= 700


def test_steps_and_consumers_of_a_size_meet_in_pairs() -> None:
    found = [tuple(name.split("-")[1:5]) for name in CASES if name.startswith("shape_values-")]
    sources, steps, consumers = set(SOURCES), {step.name for step in STEPS}, {each.name for each in CONSUMERS}
    whole = {step.name for step in STEPS if not step.is_float}
    types = {"int64", "int32"}
    for left, right, wanted in (
        (1, 3, product(steps, consumers)),
        (0, 1, product(sources, steps)),
        (0, 3, product(sources, consumers)),
        (1, 2, product(whole, types)),
        (2, 3, product(types, consumers)),
        (0, 2, product(sources, types)),
    ):
        assert set(wanted) <= {(axes[left], axes[right]) for axes in found}
    assert len(found) == len(set(found)) == len(steps) * len(consumers)


def test_sizes_of_a_step_tell_it_from_its_like() -> None:
    by_name = {step.name: step for step in STEPS}
    for step in STEPS:
        results = [step.result(size) for size in step.sizes]
        low, best, inside, high = results
        assert 0 < low < best < high
        assert low < inside < high
        assert results != list(step.sizes)
    halves = [size / 2 for size in by_name["round"].sizes]
    rounded = [round(half) for half in halves]
    assert rounded not in ([int(half) for half in halves], [-int(-half // 1) for half in halves])
    assert any(-((1 - size) // 2) != by_name["div_negative"].result(size) for size in by_name["div_negative"].sizes)
    assert all(np.fmod(-size, 17) != by_name["mod_negative"].result(size) for size in by_name["mod_negative"].sizes)


@each(cases_with(*MOVING))
def test_every_attribute_matters(case: Case) -> None:
    """Without any one of its attributes the model would be invalid or give a wrong answer."""
    for number, operator in enumerate(made(case.id).model.graph.node):
        for attribute in operator.attribute:
            if attribute.name in REDUNDANT or is_default(operator, attribute, case.opset):
                continue
            changed = onnx.ModelProto()
            changed.CopyFrom(made(case.id).model)
            left = [each for each in operator.attribute if each.name != attribute.name]
            del changed.graph.node[number].attribute[:]
            changed.graph.node[number].attribute.extend(left)
            assert would_show(case, changed), attribute.name


def is_default(operator: onnx.NodeProto, attribute: onnx.AttributeProto, opset: int) -> bool:
    schema = onnx.defs.get_schema(operator.op_type, opset)
    default = schema.attributes[attribute.name].default_value
    means_no_pads = attribute.name == "auto_pad" and attribute.s == b"VALID"
    return means_no_pads or default.SerializeToString() == attribute.SerializeToString()


@each([case for case in CASES.values() if case.op == "Attention"])
def test_masks_and_attributes_of_attention_matter(case: Case) -> None:
    """Without its mask, or any one attribute, an Attention would give another answer."""
    (operator,) = made(case.id).model.graph.node
    for attribute in operator.attribute:
        changed = onnx.ModelProto()
        changed.CopyFrom(made(case.id).model)
        changed.graph.node[0].ClearField("attribute")
        changed.graph.node[0].attribute.extend(each for each in operator.attribute if each.name != attribute.name)
        if attribute.name in ("qk_matmul_output_mode", "softmax_precision"):  # the default too; within the tolerance
            continue
        assert would_show(case, changed), attribute.name
    for place, name in enumerate(operator.input):
        if name in ("mask", "lengths"):
            changed = onnx.ModelProto()
            changed.CopyFrom(made(case.id).model)
            changed.graph.node[0].input[place] = ""
            assert would_show(case, changed), name


@each(cases_with("window_partition_reverse-reshape", "padded_and_cropped", "window_shift-partition_and_back"))
def test_what_is_cut_and_put_together_is_the_image(case: Case) -> None:
    for point, arrays in made(case.id).inputs.items():
        assert np.array_equal(reference(case.id)[point]["y"], np.maximum(arrays["x"], 0))


SHIFTS = [("constant", -2, -2), ("backwards", 2, 1), ("gather_mod", -2, 0)]


@pytest.mark.parametrize(("name", "rows", "columns"), SHIFTS)
def test_shifts_are_cyclic(name: str, rows: int, columns: int) -> None:
    case_id = f"window_shift-{name}-opset17"
    for point, arrays in made(case_id).inputs.items():
        assert np.array_equal(reference(case_id)[point]["y"], np.roll(arrays["x"], (rows, columns), (1, 2)))


@each([case for case in cases_with("if-") if case.op == "If" and "data" not in case.id])
def test_sizes_decide_for_both_branches(case: Case) -> None:
    exposed = onnx.ModelProto()
    exposed.CopyFrom(made(case.id).model)
    (branch,) = (each for each in exposed.graph.node if each.op_type == "If")
    del exposed.graph.output[:]
    exposed.graph.output.append(onnx.helper.make_tensor_value_info(branch.input[0], onnx.TensorProto.BOOL, None))
    taken = set()
    for arrays in made(case.id).inputs.values():
        (condition,) = ReferenceEvaluator(exposed).run(None, dict(arrays))
        taken.add(bool(np.asarray(condition).item()))
    assert taken == {True, False} or "same_shape" in case.id


def pooled_same_lower(case: Case, arrays: Mapping[str, Array]) -> Array:
    """Maxima of 3 x 2 windows, 2 apart, of x padded so that ceil(size / 2) fit, more of it at the begin."""
    x = arrays["x"]
    counts = [-(-size // 2) for size in x.shape[2:]]
    totals = [max(0, (count - 1) * 2 + k - size) for count, k, size in zip(counts, (3, 2), x.shape[2:], strict=True)]
    pads = [(total - total // 2, total // 2) for total in totals]
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=-np.inf)
    rows, columns = counts
    shifted = [padded[:, :, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] for i in range(3) for j in range(2)]
    return np.asarray(np.max(shifted, axis=0))


def transposed_by_group(case: Case, arrays: Mapping[str, Array]) -> Array:
    """Each of two groups by itself, one after the other."""
    (weight,) = (onnx.numpy_helper.to_array(each) for each in made(case.id).model.graph.initializer)
    return np.concatenate(
        [
            transposed(part, half)
            for part, half in zip(np.split(arrays["x"], 2, axis=1), np.split(weight, 2, axis=0), strict=True)
        ],
        axis=1,
    )


def transposed(x: Array, weight: Array) -> Array:
    operator = node("ConvTranspose", ["x", "weight"], ["y"], strides=[2, 2])
    signatures = {"x": (np.float32, x.shape), "weight": (np.float32, weight.shape)}
    single = model([operator], signatures, {"y": (np.float32, [None] * 4)}, opset=17)
    (y,) = ReferenceEvaluator(single).run(None, {"x": x, "weight": weight})
    return np.asarray(y)


def transposed_to_shape(case: Case, arrays: Mapping[str, Array]) -> Array:
    """The uncut result without its first row and column: ONNX cuts more at the begin unless SAME_UPPER is asked for."""
    weight, bias = (onnx.numpy_helper.to_array(each) for each in made(case.id).model.graph.initializer)
    return np.asarray(transposed(arrays["x"], weight)[:, :, 1:, 1:] + bias.reshape(1, -1, 1, 1))


IN_OTHER_WORDS = {
    "height_width-maxpool2d_same_lower-opset17": pooled_same_lower,
    "height_width-convtranspose2d_group2-opset17": transposed_by_group,
    "batch-convtranspose2d_output_shape-opset17": transposed_to_shape,
}


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_the_reference_says_what_the_specification_says_in_other_words(name: str) -> None:
    for point, arrays in made(name).inputs.items():
        want = IN_OTHER_WORDS[name](CASES[name], arrays)
        got = reference(name)[point]["y"]
        assert got.shape == want.shape
        assert (np.abs(got - want) <= CASES[name].tolerance.absolute).all()


def test_every_case_has_a_reference() -> None:
    assert not [name for name, case in CASES.items() if case.no_reference]


def test_no_two_cases_are_the_same() -> None:
    """Cases with one model differ in their points, or one of them has an input that selects nothing."""
    seen: dict[tuple[bytes, str, tuple[str, ...]], str] = {}
    for name in CASES:
        constant = (
            f"{point}/{key}"
            for point, arrays in made(name).inputs.items()
            for key, array in arrays.items()
            if not array.any() or (array.size > 1 and len(np.unique(array)) == 1)
        )
        content = made(name).model_bytes, repr((CASES[name].points, CASES[name].profiles)), tuple(constant)
        assert seen.setdefault(content, name) == name


def test_kinds_of_dimensions_meet_the_usual_layers() -> None:
    kinds = ("dynamic_batch", "dynamic_height_width", "dynamic_channel")
    for kind, op in product(kinds, ("conv", "maxpool", "averagepool", "relu", "softmax", "add")):
        assert any({kind, op} <= case.tags for case in CASES.values()), (kind, op)
    for left, right in combinations(("dynamic_batch", "dynamic_channel", "dynamic_sequence"), 2):
        assert any({left, right} <= case.tags for case in CASES.values())
