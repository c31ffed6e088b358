from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "tocsin.exchange"
    label = "exchange"
