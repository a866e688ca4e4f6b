"""Reading what a detector or a market wrote of its state: of this version and whole, or not at all."""

from typing import Protocol, TypeVar

import msgspec

from alerts.errors import StateError


class _Versioned(Protocol):
    schema: int


State = TypeVar("State", bound=_Versioned)


def read_state(raw: bytes, kind: type[State], schema: int, whose: str) -> State:
    """The state in msgpack; StateError for broken bytes or another schema, with `whose` it is."""
    try:
        state: State = msgspec.msgpack.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise StateError(f"{whose} state cannot be read ({error}); rebuild it from history") from None
    if state.schema != schema:
        raise StateError(f"{whose} state has schema {state.schema}, this version reads {schema}; rebuild it")
    return state
