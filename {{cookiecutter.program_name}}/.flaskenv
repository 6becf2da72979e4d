FLASK_APP={{ cookiecutter.program_name }}
