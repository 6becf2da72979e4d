{% include "connection/" ~ cookiecutter.databases ~ ".py" %}
