from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "promote.config"
