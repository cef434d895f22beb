"""The far end of the wires: a home that speaks real protocols over real ptys."""
