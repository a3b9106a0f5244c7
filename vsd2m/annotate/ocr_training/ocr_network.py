"""PaddleX's trainable class of the packaged PP-OCRv6 text recogniser.

B lines, H = 48 and W pixels, S = W / 8 positions along the line, N characters of the dictionary with the blank.
"""

import copy
import os
import warnings
from typing import Any

from vsd2m.core.registry import import_extra

MODEL_NAME = "PP-OCRv6_small_rec"
_MODULE = "paddlex.inference.models.text_recognition.modeling.pp_ocrv6_small_rec"
_CONFIGS = "paddlex.modules.base.utils.pdparams2safetensors.model_config"


def build_network(num_characters: int) -> Any:
    """The network with random weights; `num_characters` is the N of its last layer."""
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    os.environ.setdefault("GLOG_minloglevel", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # paddle's imports emit warnings that users cannot act on
        import_extra("paddle", extra="annotate")
        module = import_extra(_MODULE, extra="annotate")
        configs = import_extra(_CONFIGS, extra="annotate").MODEL_CONFIGS
    config = copy.deepcopy(configs[MODEL_NAME]) | {"head_out_channels": num_characters}
    return module.PPOCRV6SmallRec(module.PPOCRV6SmallRecConfig(**config))


def logits(network: Any, pictures: Any) -> Any:
    """Logits [B, S, N] of `pictures` float32 [B, 3, H, W]; the class itself returns probabilities as numpy arrays."""
    return network.head.head(network.head.encoder(network.model(pictures)))


def train_mode(network: Any) -> None:
    """Sets the network to training, with every BatchNorm frozen.

    In the packaged graph they are folded into the convolutions, so their statistics are unknown; statistics of batches
    would destroy the network.
    """
    import paddle

    network.train()
    for layer in network.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer.eval()
