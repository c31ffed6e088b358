from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RecordConfig(AppConfig):
    name = "tocsin.record"
    label = "record"

    def ready(self) -> None:
        autodiscover_modules("apply")  # every stage's handlers, so that any entry can be applied
