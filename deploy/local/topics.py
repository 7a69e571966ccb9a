"""Create the Kafka topics of all domains as the contracts describe them."""

from typing import Final

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from contracts.domain import topic_specs
from deploy.local.layout import Layout

_REPLICATION: Final = 1
_TIMEOUT_MS: Final = 30_000


class TopicsError(Exception):
    """The broker refused to create a topic."""


def ensure_topics(layout: Layout) -> tuple[str, ...]:
    """Create the topics that do not exist yet and return their names; existing ones stay as is.

    Raises:
        TopicsError: The broker cannot be asked, or refuses.
    """
    address = f"127.0.0.1:{layout.port('kafka')}"
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=address,
            client_id="farol-topics",
            request_timeout_ms=_TIMEOUT_MS,
        )
    except KafkaError as error:
        raise TopicsError(
            f"no broker answers at {address} ({error}): start it with `farol up kafka`"
        ) from error
    try:
        existing = set(admin.list_topics())
        missing = [spec for spec in topic_specs() if spec.name not in existing]
        if missing:
            admin.create_topics(
                [
                    NewTopic(spec.name, spec.partitions, _REPLICATION, topic_configs=spec.config)
                    for spec in missing
                ],
                timeout_ms=_TIMEOUT_MS,
            )
    except TopicAlreadyExistsError:
        # somebody else was faster; what matters is that they exist
        return ()
    except KafkaError as error:
        raise TopicsError(f"the broker at {address} refused to create topics: {error}") from error
    finally:
        admin.close()
    return tuple(spec.name for spec in missing)
