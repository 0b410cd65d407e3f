"""The FEALLM network: a Hugging Face config / model / processor trio, registered with the Auto classes.

Importing this package imports torch; nothing outside the torch engine, training and the benchmark does.
"""

from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, AutoProcessor

from feallm.model.configuration import (
    FeallmClueConfig,
    FeallmConfig,
    FeallmHeadConfig,
    FeallmProjectorConfig,
)
from feallm.model.modeling import FeallmForConditionalGeneration
from feallm.model.processing import FeallmProcessor
from feallm.model.seeing import FeallmModel

AutoConfig.register("feallm", FeallmConfig, exist_ok=True)
AutoModel.register(FeallmConfig, FeallmModel, exist_ok=True)
AutoModelForImageTextToText.register(FeallmConfig, FeallmForConditionalGeneration, exist_ok=True)
AutoProcessor.register(FeallmConfig, FeallmProcessor, exist_ok=True)

__all__ = [
    "FeallmClueConfig",
    "FeallmConfig",
    "FeallmForConditionalGeneration",
    "FeallmHeadConfig",
    "FeallmModel",
    "FeallmProcessor",
    "FeallmProjectorConfig",
]
