from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operate", "0003_what_is_missing")]

    operations = [
        migrations.AddIndex(
            model_name="receipt",
            index=models.Index(
                condition=models.Q(("must", True)),
                fields=["sighting"],
                name="operate_receipt_must",
            ),
        ),
    ]
