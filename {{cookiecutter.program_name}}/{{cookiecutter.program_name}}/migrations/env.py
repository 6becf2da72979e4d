{% include cookiecutter._templates ~ "env/" ~ cookiecutter.databases ~ ".py" %}
