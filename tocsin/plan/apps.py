from django.apps import AppConfig


class PlanConfig(AppConfig):
    name = "tocsin.plan"
    label = "plan"
