{% include cookiecutter._templates ~ "server/" ~ cookiecutter.database ~ ".py" %}
