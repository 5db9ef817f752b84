"""The outbox: `record` in the transaction that changes something, `subscribe` in the room above that cares."""

from promote.outbox.topics import Handler, record, record_all, subscribe, subscribe_many, wake_if_read

__all__ = ["Handler", "record", "record_all", "subscribe", "subscribe_many", "wake_if_read"]
