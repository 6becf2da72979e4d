{% include cookiecutter._templates ~ "test_models/" ~ cookiecutter.databases ~ ".py" %}
