"""torchvision, importable beside a torch build without torchvision's compiled operators.

A CPU-only torch paired with a torchvision built for another torch misses `torchvision::nms`, and the
import fails although nothing here detects boxes. Declaring the two missing schemas first lets it load.
"""

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "DEF")  # kept: schemas live as long as the library
    for _schema in _SCHEMAS:
        _library.define(_schema)
    import torchvision

__all__ = ["torchvision"]
