"""How people write amounts."""

from __future__ import annotations

# What a unit is called, by how many of the base unit it holds.
_SPELLINGS: dict[str, tuple[tuple[int, tuple[str, ...]], ...]] = {
    "ml": ((1, ("ml", "ML", "mL", "mililiter")), (1000, ("L", "liter", "ltr"))),
    "g": ((1, ("g", "gr", "gram", "GR")), (1000, ("kg", "KG", "kilo"))),
    "pcs": ((1, ("pcs", "pc", "biji", "PCS")),),
    "cm": ((1, ("cm", "CM")), (100, ("m", "meter", "M"))),
    "w": ((1, ("W", "watt", "w", "Watt")),),
    "mah": ((1, ("mAh", "mah", "MAH")),),
}


def write_amount(amount: int, unit: str) -> str:
    """Write an amount as a package does: ``250 ml``, ``1.5 m``; nothing for 0.

    Example:
        >>> write_amount(1000, "g")
        '1 kg'
    """
    if not amount:
        return ""
    size, names = next(s for s in reversed(_SPELLINGS[unit]) if amount >= s[0])
    return f"{amount / size:g} {names[0]}"


def spell_amount(amount: int, unit: str) -> list[str]:
    """List the ways in which sellers write an amount, all of them exact.

    Example:
        >>> spell_amount(20, "w")
        ['20W', '20 W', '20watt', '20 watt', '20w', '20 w', '20Watt', '20 Watt']
    """
    ways = []
    for size, names in _SPELLINGS[unit]:
        if amount * 10 >= size:
            number = f"{amount / size:.10g}"
            ways += [f"{number}{space}{name}" for name in names for space in ("", " ")]
    if unit == "pcs":
        ways += [f"isi {amount}", f"{amount}'s"]
    return ways
