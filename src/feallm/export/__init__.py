"""Writing a checkpoint's ONNX graphs, so that it can be read without torch.

Importing this package imports torch and onnxscript.
"""

try:
    from feallm.export.write import Exported, ExportError, export
except ModuleNotFoundError as error:
    raise ImportError(f"exporting needs {error.name}, which is missing: pip install 'feallm[export]'") from error

__all__ = ["ExportError", "Exported", "export"]
