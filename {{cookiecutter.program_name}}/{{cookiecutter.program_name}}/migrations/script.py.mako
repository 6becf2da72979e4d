{% include cookiecutter._templates ~ "script/" ~ cookiecutter.databases ~ ".mako" %}
