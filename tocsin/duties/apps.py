from django.apps import AppConfig


class DutiesConfig(AppConfig):
    name = "tocsin.duties"
    label = "duties"
