from django.apps import AppConfig


class AssessConfig(AppConfig):
    name = "tocsin.assess"
    label = "assess"
