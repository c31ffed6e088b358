from django.apps import AppConfig


class DeliverConfig(AppConfig):
    name = "tocsin.deliver"
    label = "deliver"
