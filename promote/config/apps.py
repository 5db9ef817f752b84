from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "promote.config"

    def ready(self) -> None:
        """Any process asks for a task by our settings and routes, not by those of a Celery that nobody configured."""
        from promote.config import celery  # noqa: F401
