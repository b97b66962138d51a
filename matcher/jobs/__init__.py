"""The jobs a user has, one file each: each reads as its steps."""
