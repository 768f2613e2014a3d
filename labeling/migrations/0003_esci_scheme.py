"""The ESCI label scheme, with the gains of the KDD Cup 2022 (E 1, S 0.1, C 0.01, I 0)."""

from django.db import migrations

ESCI = (
    ("E", "Exact", "#009E73", "circle", 1.0),
    ("S", "Substitute", "#0072B2", "square", 0.1),
    ("C", "Complement", "#E69F00", "triangle", 0.01),
    ("I", "Irrelevant", "#7F7F7F", "diamond", 0.0),
)


def add_scheme(apps, schema_editor):
    scheme = apps.get_model("labeling", "LabelScheme").objects.create(slug="esci", name="ESCI")
    label_model = apps.get_model("labeling", "Label")
    for position, (key, name, colour, shape, gain) in enumerate(ESCI):
        label_model.objects.create(
            scheme=scheme, key=key, name=name, colour=colour, shape=shape, gain=gain, position=position
        )


class Migration(migrations.Migration):
    dependencies = [("labeling", "0002_invariants")]

    operations = [migrations.RunPython(add_scheme, migrations.RunPython.noop)]
