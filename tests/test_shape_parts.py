"""Every input, output and attribute of the operators that shapes go through: used now, and a gap shows."""

from __future__ import annotations

import onnx
import pytest

from cases import shape_parts as subject
from cases.case import Case
from cases.catalogue import catalogue
from cases.dynamic_shapes.control_flow import branches
from cases.dynamic_shapes.single_node import node_case
from cases.dynamic_shapes.symbolic import dynamic_case, f32
from cases.model import node
from cases.shape_coverage_table import shape_report
from cases.shape_parts import PART_EXEMPTIONS, Part, parts_used, shape_parts


def pool(*, opset: int = 22, outputs: tuple[str, ...] = ("y",), **attributes: object) -> Case:
    image = f32("N", 2, "H", "W")
    made = {name: image if name == "y" else ("int64", image[1]) for name in outputs}
    return node_case("x", "MaxPool", {"x": image}, made, opset=opset, attributes={"kernel_shape": [1, 1], **attributes})


def test_every_part_of_every_version_is_used() -> None:
    assert sorted(shape_parts() - parts_used(catalogue()) - PART_EXEMPTIONS.keys()) == []


def test_no_exemption_is_left_that_nothing_needs() -> None:
    assert PART_EXEMPTIONS.keys() <= shape_parts() - parts_used(catalogue())
    assert all(PART_EXEMPTIONS.values())


def test_parts_are_those_of_all_versions_from_the_oldest_on() -> None:
    found = shape_parts()
    assert Part(op="ReduceMean", kind="attribute", name="axes") in found
    assert Part(op="ReduceMean", kind="input", name="axes") in found
    assert Part(op="BatchNormalization", kind="attribute", name="spatial") in found
    assert Part(op="BatchNormalization", kind="attribute", name="is_test") not in found  # up to opset 6
    assert Part(op="LpPool", kind="attribute", name="dilations") in found


def test_what_is_left_out_is_not_used() -> None:
    places = Part(op="MaxPool", kind="output", name="Indices")
    order = Part(op="MaxPool", kind="attribute", name="storage_order")
    assert {places, order} & parts_used([pool()]) == set()
    assert {places, order} & parts_used([pool(outputs=("y", "places"))]) == {places}
    assert {places, order} & parts_used([pool(outputs=("y", "places"), storage_order=1)]) == {places, order}
    unnamed = node_case("x", "Clip", {"x": f32("N"), "low": None, "high": f32()}, f32("N"), opset=13)
    assert {each.name for each in parts_used([unnamed]) if each.kind == "input"} == {"input", "max"}


def test_bodies_and_operands_of_any_number_count() -> None:
    inner = [node("Concat", ["x", "x", "x"], ["y"], axis=0)]
    chosen = branches(inner, {"y": f32("M")}, [node("Neg", ["x"], ["y"])], {"y": f32("M")})
    flag = "bool", ()
    case = dynamic_case("x", "If", lambda: ([chosen], {}), {"x": f32("N"), "condition": flag}, {"y": f32(None)})
    found = parts_used([case])
    assert Part(op="Concat", kind="input", name="inputs") in found
    assert Part(op="If", kind="attribute", name="then_branch") in found
    assert not any(part.op == "Neg" for part in found)  # of no list


def test_a_new_part_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wider:
        def __init__(self, schema: onnx.defs.OpSchema) -> None:
            self.inputs, self.outputs = schema.inputs, schema.outputs
            self.attributes = {**schema.attributes, "brand_new": None}

    real = onnx.defs.get_schema

    class Defs:
        @staticmethod
        def get_schema(name: str, version: int) -> object:
            return Wider(real(name, version)) if name == "Compress" else real(name, version)

    class Onnx:
        defs = Defs

    monkeypatch.setattr(subject, "onnx", Onnx)
    assert "  missing: attribute brand_new of Compress" in list(shape_report(catalogue()))
