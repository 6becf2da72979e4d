{% include cookiecutter._templates ~ "models/" ~ cookiecutter.databases ~ ".py" %}
