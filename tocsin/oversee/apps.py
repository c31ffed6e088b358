from django.apps import AppConfig


class OverseeConfig(AppConfig):
    name = "tocsin.oversee"
    label = "oversee"
