"""What a user says of a model of their own: the table `[foreign]` of the settings. Loads nothing."""

from typing import Annotated

import msgspec

# A name such as "english" would match no text's tag, and the model would silently judge nothing.
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")]


class ForeignModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transformers model that judges sentiment instead of the shipped one.

    `model` is a folder or a hub id (a folder of that name wins). `labels` says what its labels mean (`negative`,
    `neutral`, `positive`) where their names do not; `languages` are those that it reads, none: all. Nothing is fetched
    unless `download` is set. Logits are divided by `temperature`.
    """

    model: Annotated[str, msgspec.Meta(min_length=1)]
    labels: dict[str, str] = {}
    languages: tuple[Language, ...] = ()
    download: bool = False
    temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0
