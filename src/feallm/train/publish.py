"""Puts a finished checkpoint on the Hugging Face hub."""

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

from feallm.settings import SettingsError

NETWORK: tuple[type[Exception], ...] = (
    OSError,
    *(base for base in HfHubHTTPError.__mro__ if issubclass(base, Exception) and base.__name__ == "HTTPError"),
)
"""What a network raises; the HTTP client under huggingface_hub is not the same in all its releases."""


def push(folder: Path, repo: str, *, endpoint: str | None = None) -> str:
    """Upload `folder` to the model repository `repo` ("owner/name", made private if it is new); returns its address.

    Raises SettingsError where the hub cannot be reached or refuses; what is in `folder` stays.
    """
    api = HfApi(endpoint=endpoint)
    kept = f"the checkpoint stays in {folder}"
    try:
        api.create_repo(repo, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=repo, folder_path=folder, commit_message=f"{folder.parent.name}"))
    except HFValidationError as error:
        raise SettingsError(f"--push {repo}: {error}; give owner/name; {kept}") from error
    except LocalTokenNotFoundError as error:
        raise SettingsError(f"--push {repo}: not signed in: run `hf auth login`; {kept}") from error
    except HfHubHTTPError as error:
        code = error.response.status_code
        hint = "run `hf auth login` with a token that may write there" if code in (401, 403) else "try again later"
        raise SettingsError(f"--push {repo}: the hub answered {code}: {hint}; {kept}") from error
    except NETWORK as error:
        raise SettingsError(f"--push {repo}: the hub cannot be reached ({error}): try again later; {kept}") from error
