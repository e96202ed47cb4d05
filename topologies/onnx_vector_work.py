"""ONNX operators that multiply no matrices, and which multiplications they do value by value."""

from __future__ import annotations

import math
from typing import Any

from topologies.onnx_calls import Call

POINTWISE = frozenset(
    """
    Abs Acos Acosh Add Asin Asinh Atan Atanh Cast CastLike Ceil Celu Clip Cos Cosh Div Elu Erf Exp Floor Gelu
    HardSigmoid HardSwish Identity LeakyRelu Log Max Mean Min Mish Mod Mul Neg PRelu Pow Reciprocal Relu Round
    Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu
    """.split()  # noqa: SIM905
)
NORMALISING = frozenset(
    """
    BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
    MeanVarianceNormalization RMSNormalization
    """.split()  # noqa: SIM905
)
OTHERS = frozenset(
    """
    And ArgMax ArgMin AveragePool BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad
    Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape CumProd CumSum DepthToSpace
    DequantizeLinear Dropout DynamicQuantizeLinear Equal Expand EyeLike Flatten Gather GatherElements GatherND
    GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample Hardmax IsInf IsNaN Less
    LessOrEqual LogSoftmax LpPool MaxPool MaxRoiPool MaxUnpool NonMaxSuppression NonZero Not OneHot Optional
    OptionalGetElement OptionalHasElement Or Pad QuantizeLinear Range ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape Resize
    ReverseSequence RoiAlign RotaryEmbedding Scatter ScatterElements ScatterND SequenceAt SequenceConstruct
    SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size Slice Softmax SpaceToDepth Split
    SplitToSequence Squeeze SwiGLU TensorScatter Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor
    Bernoulli BlackmanWindow HammingWindow HannWindow Multinomial RandomNormal RandomNormalLike RandomUniform
    RandomUniformLike
    """.split()  # noqa: SIM905
)
PASSED = POINTWISE | NORMALISING | OTHERS
"""Operators in which stored values at most scale, shift, normalise, choose or join activations: the vector
unit's work, no weight SRAM reads in SCALE-Sim's model."""

LOOKUPS = ("Gather", "GatherND", "GatherElements")
GATED = {"LSTM": 3, "GRU": 2}
"""Recurrent operators and how many gates scale each value of their state."""

FARTHEST = 8
"""Nodes between an activation function's result and its argument."""


class Producers:
    """Which node wrote a tensor: activation functions and norms that the exporter spelled out are found."""

    def __init__(self) -> None:
        self._nodes: dict[str, Any] = {}

    def add(self, node: Any) -> None:
        for name in node.output:
            self._nodes[name] = node

    def vector_multiplications(self, call: Call) -> int:
        """Multiplications of two tensors; an activation function of a tensor and a norm's scale are none."""
        op = call.node.op_type
        if op == "RotaryEmbedding":
            return 2 * math.prod(call.shape(0))
        if op == "SwiGLU":
            return math.prod(call.shape(-1))
        if op in GATED:
            return GATED[op] * math.prod(call.shape(0)[:2]) * call.shape(2)[0] * call.shape(2)[2]
        if op not in ("Mul", "Einsum") or len(call.node.input) < 2:
            return 0
        if any(call.shapes.size(call.name(place), 0) <= 1 for place in (0, 1)) or self._gates_itself(call):
            return 0
        scales = [place for place in (0, 1) if not call.is_activation(place)]
        if any(self._is_norm(call.name(1 - place)) for place in scales):
            return 0
        return math.prod(call.shape(-1))

    def _gates_itself(self, call: Call) -> bool:
        first, second = call.name(0), call.name(1)
        if first == second:
            return False
        return self._is_function_of(first, second, call, FARTHEST) or self._is_function_of(
            second, first, call, FARTHEST
        )

    def _is_function_of(self, name: str, source: str, call: Call, steps: int) -> bool:
        """Whether every value of `name` hangs on the same value of `source`, and on constants."""
        if name == source:
            return True
        node = self._nodes.get(name)
        if node is None or steps == 0 or node.op_type not in POINTWISE:
            return False
        inputs = [given for given in node.input if given and call.shapes.size(given, 2) > 1]
        return bool(inputs) and all(self._is_function_of(given, source, call, steps - 1) for given in inputs)

    def _is_norm(self, name: str, steps: int = FARTHEST) -> bool:
        """Whether a tensor was just normalised, perhaps by a norm that the exporter spelled out."""
        node = self._nodes.get(name)
        if node is None or steps == 0:
            return False
        if node.op_type in ("Reshape", "Transpose", "Cast", "Unsqueeze", "Squeeze"):
            return self._is_norm(node.input[0], steps - 1)
        if node.op_type in ("Div", "Mul"):
            roots = [self._nodes.get(given) for given in node.input]
            return any(root is not None and root.op_type in ("Sqrt", "Reciprocal") for root in roots)
        return node.op_type in NORMALISING
