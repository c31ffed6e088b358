from importlib import import_module

from django.apps import AppConfig


class DeliverConfig(AppConfig):
    name = "tocsin.deliver"
    label = "deliver"

    def ready(self) -> None:
        import_module(
            "tocsin.deliver.actions"
        )  # registers what "next channel" and "next person" do
