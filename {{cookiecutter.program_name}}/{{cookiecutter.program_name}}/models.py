{% include "models/" ~ cookiecutter.databases ~ ".py" %}
