{% include "server/" ~ cookiecutter.database ~ ".py" %}
