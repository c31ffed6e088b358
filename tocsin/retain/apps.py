from importlib import import_module

from django.apps import AppConfig


class RetainConfig(AppConfig):
    name = "tocsin.retain"
    label = "retain"

    def ready(self) -> None:
        import_module("tocsin.retain.actions")  # registers what a removal must ask first
