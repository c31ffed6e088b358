from django.apps import AppConfig


class AssessConfig(AppConfig):
    name = "tocsin.assess"
    label = "assess"

    def ready(self) -> None:
        from tocsin.assess.actions.signs import count_flagged  # noqa: PLC0415 - after the models
        from tocsin.screen.actions import on_flagged  # noqa: PLC0415

        on_flagged.append(count_flagged)
