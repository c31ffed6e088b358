from importlib import import_module

from django.apps import AppConfig


class OperateConfig(AppConfig):
    name = "tocsin.operate"
    label = "operate"

    def ready(self) -> None:
        import_module("tocsin.operate.actions")  # registers what the steps of its ladders do
