"""The student that structures CVs."""
