"""A small stand-in for ComfyUI: what its V3 interface takes, and how it runs a workflow, as far as our nodes can tell.

As there, nodes run in inference mode with tensors made in it, inputs that grow come as a mapping, an unknown argument
of an input is refused, and what is asked of a widget must be within its bounds or among its options.
"""

import sys
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import torch


class InterruptedError(Exception):
    """What ComfyUI raises where its user cancels."""


@dataclass
class Input:
    id: str
    display_name: str | None = None
    optional: bool = False
    tooltip: str | None = None
    advanced: bool | None = None

    def check(self, value):
        pass


@dataclass
class Widget(Input):
    default: Any = None


@dataclass
class Number(Widget):
    min: float | None = None
    max: float | None = None
    step: float | None = None
    display_mode: Any = None

    def check(self, value):
        assert self.min <= value <= self.max, f"{self.id}: {value} is not from {self.min} to {self.max}"


@dataclass
class Whole(Number):
    control_after_generate: Any = None


@dataclass
class Choice(Widget):
    options: list | None = None

    def __post_init__(self):
        assert self.default in self.options, f"{self.id}: {self.default} is none of its options"

    def check(self, value):
        assert value in self.options, f"{self.id}: {value} is none of {self.options}"


@dataclass
class Template:
    input: Input
    prefix: str
    min: int = 1
    max: int = 10

    @property
    def names(self):
        return [f"{self.prefix}{i}" for i in range(self.max)]


@dataclass
class Growing(Input):
    template: Template | None = None


@dataclass
class Output:
    id: str | None = None
    display_name: str | None = None
    tooltip: str | None = None


@dataclass
class Schema:
    node_id: str
    display_name: str
    category: str
    description: str = ""
    search_aliases: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)


class ComfyNode:
    pass


class NodeOutput:
    def __init__(self, *values):
        self.result = values


class ComfyExtension:
    async def on_load(self):
        pass


def kind(input, name):
    """A type of input and output, of this name."""
    return type(
        name, (), {"Input": type("Input", (input,), {}), "Output": type("Output", (Output,), {}), "io_type": name}
    )


class NumberDisplay(StrEnum):
    number = "number"
    slider = "slider"


class ControlAfterGenerate(StrEnum):
    fixed = "fixed"
    randomize = "randomize"


class Comfy:
    """ComfyUI, whose modules can be imported after `install`.

    `told` has what its bar was told; once that is `cancel_at`, its user has cancelled.
    """

    def __init__(self):
        self.told, self.cancel_at, self.device = [], None, torch.device("cpu")

    def install(self, monkeypatch):
        io = SimpleNamespace(
            Image=kind(Input, "IMAGE"),
            Mask=kind(Input, "MASK"),
            Float=kind(Number, "FLOAT"),
            Int=kind(Whole, "INT"),
            Boolean=kind(Widget, "BOOLEAN"),
            String=kind(Widget, "STRING"),
            Combo=kind(Choice, "COMBO"),
            Autogrow=SimpleNamespace(Input=Growing, TemplatePrefix=Template),
            Custom=lambda name: kind(Input, name),
            NumberDisplay=NumberDisplay,
            ControlAfterGenerate=ControlAfterGenerate,
            Schema=Schema,
            ComfyNode=ComfyNode,
            NodeOutput=NodeOutput,
        )
        sync = lambda: SimpleNamespace(execution=SimpleNamespace(set_progress=self.set_progress))  # noqa: E731
        management = SimpleNamespace(
            get_torch_device=lambda: self.device,
            intermediate_device=lambda: torch.device("cpu"),
            throw_exception_if_processing_interrupted=self.throw,
        )
        modules = {
            "comfy_api": {},
            "comfy_api.latest": {"ComfyExtension": ComfyExtension, "io": io, "ComfyAPISync": sync},
            "comfy": {},
            "comfy.model_management": vars(management),
        }
        for name, content in modules.items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name, module)

    def set_progress(self, value, max_value, node_id=None, preview_image=None, ignore_size_limit=False):
        self.told.append((value, max_value, preview_image))

    def throw(self):
        if self.cancel_at is not None and self.told and self.told[-1][0] >= self.cancel_at:
            raise InterruptedError

    def run(self, node, **values):
        """What a node gives for these inputs; what is not said is as its widgets have it."""
        schema, given = node.define_schema(), {}
        for each in schema.inputs:
            if isinstance(each, Growing):
                grown = {name: values.pop(f"{each.id}.{name}", None) for name in each.template.names}
                given[each.id] = {name: value for name, value in grown.items() if value is not None}
            elif each.id in values or isinstance(each, Widget):
                value = values.pop(each.id, getattr(each, "default", None))
                each.check(value)
                given[each.id] = value
            else:
                assert each.optional, f"{each.id} is missing"
        assert not values, f"{schema.node_id} has no {', '.join(values)}"
        with torch.inference_mode():
            made = node.execute(**{name: _inference(value) for name, value in given.items()}).result
        assert len(made) == len(schema.outputs)
        return made

    def workflow(self, graph, nodes, load):
        """What each node of a workflow gave, by its number.  `load(name)` is what LoadImage gives."""
        links, made = {link[0]: link for link in graph["links"]}, {}
        for each in sorted(graph["nodes"], key=lambda node: node["order"]):
            values = {
                slot["name"]: made[links[slot["link"]][1]][links[slot["link"]][2]]
                for slot in each["inputs"]
                if slot.get("link") is not None
            }
            if each["type"] == "LoadImage":
                made[each["id"]] = load(each["widgets_values"][0])
            elif each["type"] == "SaveImage":
                made[each["id"]] = tuple(values.values())
            else:
                node = nodes[each["type"]]
                names = list(_widget_names(node.define_schema()))
                assert len(names) == len(each["widgets_values"])
                pairs = zip(names, each["widgets_values"], strict=True)
                made[each["id"]] = self.run(node, **values, **{name: value for name, value in pairs if name})
        return made


def _widget_names(schema):
    """The widgets in the order of a workflow's values; an empty name for the one that says what becomes of a seed."""
    for each in schema.inputs:
        if isinstance(each, Widget):
            yield each.id
            if getattr(each, "control_after_generate", None):
                yield ""


def _inference(value):
    """A tensor as nodes before this one made it."""
    if isinstance(value, dict):
        return {name: _inference(each) for name, each in value.items()}
    return value.clone() if isinstance(value, torch.Tensor) else value
