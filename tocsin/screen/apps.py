from django.apps import AppConfig


class ScreenConfig(AppConfig):
    name = "tocsin.screen"
    label = "screen"
