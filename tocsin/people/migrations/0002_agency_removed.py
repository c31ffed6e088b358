from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [
        migrations.AddField("agency", "removed_at", models.DateTimeField(null=True)),
    ]
