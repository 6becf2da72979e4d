{% include "test_models/" ~ cookiecutter.databases ~ ".py" %}
