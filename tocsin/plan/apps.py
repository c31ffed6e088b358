from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PlanConfig(AppConfig):
    name = "tocsin.plan"
    label = "plan"

    def ready(self) -> None:
        for part in ("ground", "staffing", "comms", "rests"):
            import_module(f"tocsin.plan.reds.{part}")
        autodiscover_modules("reds")  # later stages say what they see red
