{% include cookiecutter._templates ~ "db/" ~ cookiecutter.database_layer ~ "/" ~ cookiecutter.databases ~ ".py" %}
