"""One revision from many: folded, carried along, proved both ways, and written."""
