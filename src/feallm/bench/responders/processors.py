"""Loading the processor of a Hugging Face vision-language model, with or without torchvision.

transformers reads pictures without torchvision through its PIL processors, but the processors of models that see
videos too (Qwen-VL, InternVL, SmolVLM, LLaVA-OneVision) want a video processor, which there is none without it. Such a
processor is put together from its parts here, without videos. transformers is imported when it is used.
"""

from typing import Any


def open_processor(what: str, config: Any) -> Any:
    """The processor of the model `what`, whose config is given.

    Raises:
        OSError, ValueError, TypeError: as transformers does.
        ImportError: a library is missing, also for pictures alone.
    """
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(what)
    except (ImportError, ValueError) as error:  # which of the two, depends on the model
        from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

        kind = PROCESSOR_MAPPING.get(type(config), None)
        if "torchvision" not in str(error).lower() or kind is None or "video_processor" not in kind.get_attributes():
            raise
        return _without_videos(kind, what)


def _without_videos(kind: Any, what: str) -> Any:
    from transformers import AutoImageProcessor, AutoTokenizer

    loaders = {"image_processor": AutoImageProcessor, "tokenizer": AutoTokenizer}
    parts = [loaders[name].from_pretrained(what) if name in loaders else None for name in kind.get_attributes()]

    class Pictures(kind):
        """The processor with nothing where the video processor would be."""

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == "video_processor":
                return type(argument)
            return super().check_argument_for_proper_class(argument_name, argument)

    Pictures.__name__ = kind.__name__  # the name chooses the defaults of its keywords
    settings, _ = Pictures.get_processor_dict(what)
    return Pictures.from_args_and_dict(parts, settings)
