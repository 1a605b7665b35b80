"""`segue fm bench`: the tables of the factorisation machines of Ibero, Pérez & Martínez (2021)."""
