from django.apps import AppConfig


class WarnConfig(AppConfig):
    name = "tocsin.warn"
    label = "warn"
