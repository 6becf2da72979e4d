{% include "script/" ~ cookiecutter.databases ~ ".mako" %}
