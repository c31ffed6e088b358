from importlib import import_module

from django.apps import AppConfig


class OverseeConfig(AppConfig):
    name = "tocsin.oversee"
    label = "oversee"

    def ready(self) -> None:
        import_module(
            "tocsin.oversee.disclosing"
        )  # registers what releases and findings are part of
