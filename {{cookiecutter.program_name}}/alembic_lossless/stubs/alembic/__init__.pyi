from . import context as context
from . import op as op

__version__: str
