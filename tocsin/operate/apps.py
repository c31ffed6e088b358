from django.apps import AppConfig


class OperateConfig(AppConfig):
    name = "tocsin.operate"
    label = "operate"
