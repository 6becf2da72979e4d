{% include "db/" ~ cookiecutter.database_layer ~ "/" ~ cookiecutter.databases ~ ".py" %}
