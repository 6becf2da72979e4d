{% include "env/" ~ cookiecutter.databases ~ ".py" %}
