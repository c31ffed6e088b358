from django.apps import AppConfig


class CollectConfig(AppConfig):
    name = "tocsin.collect"
    label = "collect"
